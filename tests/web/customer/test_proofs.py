"""The proof: page, PDF and mail say the same, the file is the same each time, a third party can check it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.documents.facts import ProofFacts
from portal.documents.proofs import wording
from portal.domain.end_requests import RequestState
from portal.domain.subscriptions import Status
from portal.models import EndRequest, Mail, Proof
from portal.services import aging, outbox, proofs
from tests.browser_client import Browser
from tests.web.customer.conftest import reference_of
from tests.web.customer.test_result_pages import ended_by_staff


def stored(ctx) -> Proof:
    with ctx.db.read() as session:
        return session.scalars(select(Proof)).one()


def file(browser, path, *, status=200):
    answer = browser.client.get(path, base_url="http://portal.test")
    assert answer.status_code == status
    return answer


@pytest.mark.parametrize("way", ["cancelled", "already over", "never started", "unknown date"])
def test_page_and_mail_say_what_the_proof_says(visit, make, paypal, ctx, letters, way):
    dates = {"next_payment_at": None, "paid_until": None} if way == "unknown date" else {}
    status = {"status": Status.PENDING} if way == "never started" else {}
    subscription = make.subscription(customer=visit.customer, **dates, **status)
    if way == "already over":
        paypal.happen(subscription.provider_id, "buyer-cancels")
    page = visit.recap(subscription).submit(press="Cancel now", comment="too dear")
    proof = stored(ctx)
    words = wording(ProofFacts.read(proof.facts), code=proof.code, locale="en")
    mail = [one for one in letters() if one.recipient == visit.customer.email][-1]  # the acknowledgement was dropped
    for text in (page.text, " ".join(mail.text.split())):
        said = [words.lede, *(part for row in words.rows for part in row)]
        said += [line for _label, lines in words.shown for line in lines]
        assert [part for part in said if " ".join(part.split()) not in text] == []


def test_the_file_is_the_customers_the_desks_and_the_mails_and_nobody_elses(visit, make, ctx, mailer, log_in):
    page = visit.cancel(make.subscription(customer=visit.customer))
    path = page.link("Download the proof (PDF)")
    answer = file(visit.browser, path)
    assert answer.data.startswith(b"%PDF-")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="proof-{reference_of(page)}.pdf"'
    assert answer.headers["Cache-Control"] == "no-store"
    with ctx.db.read() as session:
        mail_id = session.scalars(select(Mail.id).where(Mail.kind == "end_confirmed")).one()
    outbox.send(ctx, mail_id, now=utc_now())
    (attached,) = mailer.sent[0].attachments
    assert attached.content == answer.data
    other = log_in(visit.merchant, make.customer(visit.merchant))
    file(other.browser, path, status=404)


def test_17_before_the_confirmation_there_is_no_proof(visit, make, paypal, ctx):
    paypal.rule("any", "500")
    page = visit.cancel(make.subscription(customer=visit.customer))
    assert "Download" not in page.text
    file(visit.browser, f"{page.path}/proof.pdf", status=404)
    with ctx.db.read() as session:
        assert session.scalars(select(Proof)).all() == []


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


def test_a_third_party_learns_that_it_is_genuine_and_nothing_personal(visit, make, ctx, app):
    visit.cancel(make.subscription(customer=visit.customer))
    proof = stored(ctx)
    reference = proof.facts["reference"]
    stranger = Browser(app)
    stranger.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    page = stranger.submit(f"/proof/{reference}", code=f"{proof.code[:4].lower()}-{proof.code[4:]}")
    assert page.h1 == "This proof is genuine"
    assert hashlib.sha256(proofs.file_of(proof).content).hexdigest() in page.text
    for secret in ("Claire", "@client.test", proof.facts["provider_id"], "Cours de piano", "29.90"):
        assert secret not in page.body
    wrong = stranger.submit(f"/proof/{reference}", code="ZZZZZZZZ", status=422)
    unknown = stranger.submit("/proof/ZZZZ-ZZZZ", code="ZZZZZZZZ", status=422)
    assert wrong.errors == unknown.errors != []


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
