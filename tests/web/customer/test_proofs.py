"""The proof: page, PDF and mail say the same, the file is the same each time, a third party can check it."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import re
import subprocess
import sys

import pytest
import structlog
from aiosmtpd.controller import Controller
from bs4 import BeautifulSoup
from pypdf import PdfReader
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.documents.facts import ProofFacts
from portal.documents.proofs import wording
from portal.domain.ends.end_requests import RequestState
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action, Status
from portal.models import EndRequest, Mail, MailState, Proof
from portal.providers.smtp import SmtpMailer
from portal.services import aging, proofs
from portal.services.arrivals import refreshing
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests
from portal.services.notices import leaving
from tests.pdf_text import lines_of, words_of
from tests.ports import free_port
from tests.providers_smtp.test_smtp import Post
from tests.services.carrying.carried import wish_of
from tests.web.customer.conftest import reference_of
from tests.web.customer.test_end_results import ended_by_staff


def stored(ctx) -> Proof:
    with ctx.db.read() as session:
        return session.scalars(select(Proof)).one()


@pytest.fixture
def smtp():
    """What a real mail server received that can carry only seven bits, and a mailer that hands over to it."""
    post, port = Post(), free_port()
    controller = Controller(post, hostname="127.0.0.1", port=port, enable_SMTPUTF8=False)
    controller.start()
    yield post, SmtpMailer("127.0.0.1", port, starttls=False, timeout=10)
    controller.stop()


def file(browser, path, *, status=200):
    answer = browser.client.get(path, base_url="http://portal.test")
    assert answer.status_code == status
    return answer


def by_staff(ctx, subscription, action):
    wish = wish_of(
        subscription, action, actor=Actor.STAFF, actor_name="Léa Martin", reason_text="never again, this one"
    )
    recorded = end_requests.record(ctx, wish, now=utc_now())
    end_carrying.carry_out(ctx, subscription.merchant_id, recorded.request_id)


# Each way an end comes about, in a language, with a sentence that every form of its proof must hold.
WAYS = {
    "cancelled": ("en", "Your subscription is cancelled. PayPal confirmed it on "),
    "contents kept": ("fr", "Vous conservez sans limite de durée : Leçon 1."),
    "already over": ("en", "This subscription had already ended on "),
    "never started": ("fr", "Cet abonnement n’avait pas commencé chez PayPal. Il s’est arrêté ici le "),
    "unknown date": ("en", "You keep access until a date that L’École will tell you."),
    "completed by staff": ("fr", "L’École a arrêté cet abonnement. Votre abonnement est arrivé à son terme."),
    "abandoned by staff": ("en", "L’École ended this subscription. Your subscription is cancelled."),
    "in debt": ("fr", "L’impayé antérieur (29,90\N{NO-BREAK SPACE}€) n’est pas réglé pour autant."),
    "in debt, seen at PayPal": ("en", "This does not settle the unpaid amount of €29.90."),
    "seen at PayPal": ("fr", "Votre abonnement est résilié. Il a été arrêté chez PayPal le "),
}
SUM = re.compile(r"29[.,]90")
PRESS = {"en": "Cancel now", "fr": "Résilier maintenant"}


def end_it(way, locale, visit, subscription, paypal, ctx):
    match way:
        case "completed by staff":
            by_staff(ctx, subscription, Action.COMPLETE)
        case "abandoned by staff":
            by_staff(ctx, subscription, Action.ABANDON)
        case "seen at PayPal" | "in debt, seen at PayPal":
            paypal.happen(subscription.provider_id, "buyer-cancels")
            refreshing.refresh(ctx, subscription.merchant_id, subscription.id, now=utc_now())
        case _:
            if way == "already over":
                paypal.happen(subscription.provider_id, "buyer-cancels")
            visit.recap(subscription).submit(press=PRESS[locale], comment="trop cher (« 29,90 € ») \\")


ZONE = re.compile(r"\((heuredeParis|Paristime)\)")  # comes once, with whatever moment a face says first


@pytest.mark.parametrize("way", list(WAYS))
def test_page_mail_and_file_say_the_same_line_by_line(log_in, make, paypal, ctx, letters, way):
    locale, sentence = WAYS[way]
    merchant = make.merchant(locale=locale, name="L’École")
    visit = log_in(merchant, make.customer(merchant), language=locale)
    product = make.product(merchant, contents=(("Leçon 1", 0),), keep_after_cancellation=way == "contents kept")
    dates = dict.fromkeys(("next_payment_at", "last_payment_at", "paid_until")) if way == "unknown date" else {}
    status = {"status": Status.PENDING} if way == "never started" else {}
    status |= {"status": Status.PAST_DUE} if "in debt" in way else {}
    subscription = make.subscription(customer=visit.customer, product=product, **dates, **status)
    if way == "unknown date":
        there = paypal.subscriptions[subscription.provider_id]  # PayPal knows no more than we do
        there.next_billing_time = there.last_payment = None
        paypal.rule("transactions", "500")  # and does not tell its payments: none known is not none made
    end_it(way, locale, visit, subscription, paypal, ctx)
    proof = stored(ctx)
    page = visit.browser.get(f"{visit.home}requests/{proof.facts['reference']}")
    mail = [one for one in letters() if one.recipient == visit.customer.email][-1]  # the acknowledgement was dropped
    words = wording(ProofFacts.read(proof.facts), code=proof.code, locale=locale)
    lines = [part for row in words.lines for part in row]
    everything = [part for row in words.rows for part in row] + [
        line for _label, shown in words.shown for line in shown
    ]
    content = proofs.file_of(proof).content
    for text, more in (
        (page.text, [*lines, *everything]),
        (mail.text, lines),
        (BeautifulSoup(mail.html, "html.parser").get_text(), lines),
        (words_of(content), everything),
    ):
        plain, said = ZONE.sub("", "".join(text.split())), [sentence, words.lede, *more]
        assert [part for part in said if "".join(part.split()) not in plain] == []
        assert "abandon" not in plain.lower()
        assert "Léa" not in plain
        assert "neveragain" not in plain
    assert bool(SUM.search(words.lede)) is ("in debt" in way)  # what is owed, and nothing where there is none
    assert PdfReader(io.BytesIO(content)).trailer["/Root"]["/Lang"] == locale


@pytest.mark.parametrize(("locale", "zone"), [("fr", "heure de Paris"), ("en", "Paris time")])
def test_five_lines_come_first_the_zone_is_said_once_and_paypals_words_are_translated(
    log_in, make, ctx, letters, locale, zone
):
    merchant = make.merchant(locale=locale)
    visit = log_in(merchant, make.customer(merchant), language=locale)
    page = visit.recap(make.subscription(customer=visit.customer)).submit(press=PRESS[locale])
    first, folded = page.select("dl.summary")
    assert len(first.find_all("dt")) == 5
    assert folded.find_parent("details") is not None
    assert not {term.text for term in first.find_all("dt")} & {term.text for term in folded.find_all("dt")}
    mail = [one for one in letters() if one.recipient == visit.customer.email][-1].text
    drawn = words_of(proofs.file_of(stored(ctx)).content)
    for text, said_once in ((page.text, zone), (mail, zone), (drawn, zone.replace(" ", ""))):
        assert text.count(said_once) == 1
        assert "ACTIVE" not in text
        assert "CANCELLED" not in text
    assert {"fr": "actif, lu le", "en": "active, read on"}[locale] in page.text
    assert {"fr": "jusqu’au", "en": "until"}[locale] in mail


def test_the_file_is_the_customers_the_desks_and_the_mails_and_nobody_elses(visit, make, ctx, mailer, log_in):
    page = visit.cancel(make.subscription(customer=visit.customer))
    path = page.link("Download the proof (PDF)")
    answer = file(visit.browser, path)
    assert answer.data.startswith(b"%PDF-")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="proof-{reference_of(page)}.pdf"'
    assert answer.headers["Cache-Control"] == "no-store"
    with ctx.db.read() as session:
        mail_id = session.scalars(select(Mail.id).where(Mail.kind == "end_confirmed")).one()
    leaving.send(ctx, mail_id, now=utc_now())
    (attached,) = mailer.sent[0].attachments
    assert attached.content == answer.data
    other = log_in(visit.merchant, make.customer(visit.merchant))
    file(other.browser, path, status=404)


def test_the_file_arrives_whole_over_smtp_and_equals_what_the_page_hands_over(french_visit, make, ctx, smtp):
    subscription = make.subscription(customer=french_visit.customer)
    page = french_visit.recap(subscription).submit(press=PRESS["fr"])
    with ctx.db.read() as session:
        mail_id = session.scalars(select(Mail.id).where(Mail.kind == "end_confirmed")).one()
    post, mailer = smtp
    assert leaving.send(dataclasses.replace(ctx, mailer=mailer), mail_id, now=utc_now()) is MailState.SENT
    raw = post.received[0].original_content
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = post.message()
    assert message.get_content_type() == "multipart/mixed"
    assert "Votre abonnement est résilié" in message.get_body(("plain",)).get_content()
    (attached,) = message.iter_attachments()
    assert attached.get_content_type() == "application/pdf"
    assert attached.get_filename() == f"preuve-{reference_of(page)}.pdf"
    assert attached.get_content() == file(french_visit.browser, page.link("Télécharger la preuve (PDF)")).data


def test_a_mail_leaves_without_its_proof_only_from_the_third_attempt_on_and_the_log_says_so(visit, make, ctx, mailer):
    visit.cancel(make.subscription(customer=visit.customer))
    with ctx.db.begin() as session:
        session.execute(update(Proof).values(facts={}))  # nothing can be made of this
        mail_id = session.scalars(select(Mail.id).where(Mail.kind == "end_confirmed")).one()
    for _attempt in range(2):
        with ctx.db.begin() as session:
            session.execute(update(Mail).values(send_at=utc_now()))
        with pytest.raises(KeyError):
            leaving.send(ctx, mail_id, now=utc_now())
        assert mailer.sent == []
    with ctx.db.begin() as session:
        session.execute(update(Mail).values(send_at=utc_now()))
    with structlog.testing.capture_logs() as lines:
        assert leaving.send(ctx, mail_id, now=utc_now()) is MailState.SENT
    (letter,) = mailer.sent
    assert letter.attachments == ()
    assert "PayPal confirmed it on" in letter.text
    for written in (letter.text, letter.html):
        assert "attached" not in written
        assert "Your proof is on your account page." in written
    (line,) = [one for one in lines if one["event"] == "mail_without_its_proof"]
    assert (line["log_level"], line["error"], line["mail_id"]) == ("error", "KeyError", str(mail_id))


def test_17_before_the_confirmation_there_is_no_proof(visit, make, paypal, ctx):
    paypal.rule("any", "500")
    page = visit.cancel(make.subscription(customer=visit.customer))
    assert "Download" not in page.text
    file(visit.browser, f"{page.path}/proof.pdf", status=404)
    with ctx.db.read() as session:
        assert session.scalars(select(Proof)).all() == []


def test_a_right_to_left_name_leaves_the_sentence_around_it_as_it_is_read(log_in, make, ctx):
    merchant = make.merchant(locale="en")
    visit = log_in(merchant, make.customer(merchant, name="محمد"))
    visit.cancel(make.subscription(customer=visit.customer))
    lines = lines_of(proofs.file_of(stored(ctx)).content)
    assert "Your nameدمحم" in lines  # from left to right on the paper
    assert "Requested byدمحم (Customer account page)" in lines


def test_another_process_makes_the_same_bytes(visit, make, ctx):
    visit.cancel(make.subscription(customer=visit.customer))
    proof = stored(ctx)
    again = (
        "import hashlib, json, sys; from portal.documents.facts import ProofFacts; from portal.documents.pdf import "
        "proof_file; facts, code = json.load(sys.stdin); "
        "print(hashlib.sha256(proof_file(ProofFacts.read(facts), code).content).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", again],
        input=json.dumps([proof.facts, proof.code]),
        env={**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == hashlib.sha256(proofs.file_of(proof).content).hexdigest()


def test_a_proof_that_an_older_release_made_without_the_debt_says_what_it_said_then(visit, make, ctx):
    visit.recap(make.subscription(customer=visit.customer, status=Status.PAST_DUE)).submit(press=PRESS["en"])
    now = ProofFacts.read(stored(ctx).facts)
    before = {name: fact for name, fact in stored(ctx).facts.items() if name != "owed"}
    assert "This does not settle the unpaid amount" in wording(now).lede
    assert "This does not settle the unpaid amount" not in wording(ProofFacts.read(before)).lede
    assert ProofFacts.read(now.stored()) == now


def test_an_end_of_an_older_release_gets_its_proof_from_the_aging_job(visit, make, ctx):
    subscription = make.subscription(customer=visit.customer, status=Status.ABANDONED)
    request = ended_by_staff(make, subscription, Status.ABANDONED)
    before = visit.browser.get(f"{visit.home}requests/{request.reference}")
    assert "Download" not in before.text
    for _twice in range(2):
        aging.make_proofs(ctx, now=utc_now())
    proof = stored(ctx)
    words = wording(ProofFacts.read(proof.facts), code=proof.code, locale="en")
    assert "abandon" not in f"{words.lede}{words.rows}".lower()
    assert "never again" not in json.dumps(proof.facts)
    assert "Download" in visit.browser.get(before.path).text
    with ctx.db.read() as session:
        assert session.get_one(EndRequest, request.id).state is RequestState.CONFIRMED
