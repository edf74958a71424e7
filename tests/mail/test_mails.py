"""Every message in both languages and both formats."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from bs4 import BeautifulSoup

from portal.documents.facts import ProofFacts
from portal.documents.planned_ends import planned_words
from portal.documents.proofs import wording
from portal.domain.end_dates import WaitReason
from portal.domain.end_requests import Basis, Channel, Trouble
from portal.domain.money import Money
from portal.domain.pauses import PauseKind, PauseRefusal, PauseState
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.i18n import LOCALES
from portal.mail import comebacks, customers, ends, late_payments, logins, merchants, pauses, staff_alerts
from portal.mail.composing import AUTOPAY_URL, TEMPLATES, Composed
from portal.mail.facts import (
    AccessFacts,
    ComebackFacts,
    EffectFacts,
    EndFacts,
    NotifiedFacts,
    PauseFacts,
    PlannedFacts,
    ProofWords,
    ReceivedFacts,
    WaitingFacts,
)
from portal.mail.late_payments import LateFacts
from portal.mail.letterhead import Letterhead
from portal.services.keys.key_checks import BROKEN

NOW = datetime(2027, 4, 3, 14, 5, tzinfo=UTC)
LATER = NOW + timedelta(days=20)
BACK = ("comeback_approved", "merchant_comeback_approved")  # told after the approval: no invitation
CONFIRMED = (
    "end_confirmed",
    "end_already_over",
    "merchant_end_confirmed",
    "late_payment",
)  # written after PayPal's read
URL = re.compile(r"https?://[^\s\"<]+")
INVITATION = re.compile(r"revenir|reprendre|souscri|réabonn|come back|subscribe|new subscription|again soon", re.I)

ALL_BLANK = {"customer_name": "", "customer_email": None, "price": None, "next_payment_at": None, "interval_unit": None}
NAMES = [
    "Zoé d’Arc-L'Hôpital",
    "محمد بن عبد الله",
    "<script>alert('x')</script> & fils",
    "Ünïcödé " * 17 + "abcd",
    "100 % %(name)s {{ 7 * 7 }}",
    "Claire\r\nBcc: all@victims.test\r\n\r\nhello",
]


def head(locale: str = "en", **changes: object) -> Letterhead:
    whose = Letterhead(
        merchant_name="L’Atelier d’Anaïs",
        support_email="aide@atelier.test",
        locale=locale,
        time_zone="Europe/Paris",
        base_url="https://portal.test",
    )
    return dataclasses.replace(whose, **changes)


def end(**changes: object) -> EndFacts:
    facts = EndFacts(
        reference="K7QM-4TXD",
        product="Cours de piano",
        customer_name="Zoé Dupont",
        customer_email="zoe@client.test",
        asked_at=NOW - timedelta(minutes=7),
        asked_by=Actor.CUSTOMER,
        price=Money(Decimal("29.90"), "EUR"),
        interval_unit="MONTH",
        interval_count=1,
        next_payment_at=LATER,
        now=NOW,
        path="/account/atelier/requests/K7QM-4TXD",
    )
    return dataclasses.replace(facts, **changes)


def effects(**changes: object) -> EffectFacts:
    facts = EffectFacts(
        outcome=Status.CANCELLED,
        confirmed_at=NOW,
        stopped_at=NOW - timedelta(days=2),
        ended_at=LATER,
        last_payment_at=NOW - timedelta(days=10),
        access_until=LATER,
        kept=("Leçon 1",),
    )
    return dataclasses.replace(facts, **changes)


def plan(**changes: object) -> PlannedFacts:
    facts = PlannedFacts(
        merchant_name="L’Atelier d’Anaïs",
        reason=WaitReason.WISH,
        ends_on=date(2027, 2, 20),
        wished_on=date(2027, 2, 20),
        price=Money(Decimal("29.90"), "EUR"),
        taken=(NOW, LATER),
        prevented_at=LATER,
        runs_out_at=None,
        awaited_at=None,
        earliest_at=LATER,
        due_at=LATER,
        avoidable_at=NOW,
        avoid_on=date(2027, 1, 3),
        access_until=LATER + timedelta(days=20),
        is_access_unknown=False,
        kept=("Leçon 1",),
        now=NOW,
    )
    return dataclasses.replace(facts, **changes)


PLANS = (
    *(plan(reason=why) for why in WaitReason),
    plan(prevented_at=None, runs_out_at=LATER, wished_on=date(2028, 1, 1)),
    plan(taken=(), prevented_at=None, runs_out_at=LATER, avoidable_at=None),
    plan(taken=(), prevented_at=None, price=None, access_until=None, is_access_unknown=True, wished_on=None),
    plan(taken=(NOW,) * 40, awaited_at=NOW, earliest_at=NOW, avoid_on=None),
    plan(avoidable_at=None, kept=(), access_until=None),
)


@pytest.mark.parametrize("locale", ["fr", "en"])
def test_the_mail_of_a_planned_end_says_its_day_payments_and_access(locale):
    whose = head(locale)
    (told, again), merchants_own = (
        (compose(whose, end(due_at=LATER, planned=planned_words(PLANS[2], whose.formatter))) for compose in CUSTOMERS),
        merchants.merchant_end_requested(
            whose, (end(due_at=LATER, planned=planned_words(PLANS[2], whose.formatter)),), more=0, path="/admin"
        ),
    )
    day = {"fr": "20 février 2027", "en": "20 February 2027"}[locale]
    sums = {"fr": ("29,90\xa0€", "59,80\xa0€"), "en": ("€29.90", "€59.80")}[locale]
    for text in (told.text, again.text, merchants_own.text):
        assert all(said in text for said in (day, *sums))
    undo = {"fr": "vous pouvez retirer votre demande", "en": "you can take your request back"}[locale]
    access = {"fr": "Vous gardez vos accès jusqu’au", "en": "You keep access until"}[locale]
    avoid = {"fr": "Pour éviter le prélèvement", "en": "To avoid the payment"}[locale]
    for said in (undo, access, avoid):
        assert said in told.text
        assert said in again.text
        assert said not in merchants_own.text


@pytest.mark.parametrize("locale", ["fr", "en"])
def test_two_moments_of_one_day_are_one_day(locale):
    fmt = head(locale).formatter
    noon = LATER.replace(hour=12)
    told = planned_words(plan(awaited_at=NOW, earliest_at=noon, due_at=noon + timedelta(hours=1)), fmt).told
    assert told.count(fmt.day(noon)) == 1
    assert (
        fmt.day(noon + timedelta(days=3))
        in planned_words(plan(awaited_at=NOW, earliest_at=noon, due_at=noon + timedelta(days=3)), fmt).told
    )


CUSTOMERS = (ends.end_recorded, ends.end_moved)


def proof(whose: Letterhead, told: EndFacts, what: EffectFacts, basis: Basis | None = None) -> ProofWords:
    """What the proof of the same end says, in the letterhead's language."""
    basis = basis or (Basis.NEVER_STARTED if what.never_started else Basis.READ_AFTER_CALL)
    channel = {Actor.CUSTOMER: Channel.PORTAL, Actor.PROVIDER: Channel.PROVIDER}.get(told.asked_by, Channel.STAFF)
    facts = ProofFacts(
        reference=told.reference,
        merchant_name=whose.merchant_name,
        time_zone=whose.time_zone,
        locale=whose.locale,
        customer_name=told.customer_name,
        product=told.product,
        price=told.price,
        interval_unit=told.interval_unit,
        interval_count=told.interval_count,
        provider_id="I-BW452GLLEP1G",
        environment="live",
        actor=Actor.PROVIDER if what.was_at_provider else told.asked_by,
        channel=channel,
        asked_at=told.asked_at,
        reason_code="",
        reason_text=told.reason,
        shown={"stops": [{"title": told.product, "end": "dated", "until": LATER.isoformat()}]},
        before={"status": "ACTIVE", "next_billing_at": LATER.isoformat(), "read_at": NOW.isoformat()},
        sent_at=None if basis is Basis.ALREADY_OVER else NOW,
        accepted_at=NOW,
        answer={"accepted": True, "debug_id": "f2b1c9d0e1a2b"},
        provider_status="CANCELLED",
        outcome=what.outcome,
        basis=basis,
        confirmed_at=what.confirmed_at,
        stopped_at=what.stopped_at,
        last_payment_at=what.last_payment_at,
        paid_until=what.access_until,
        access_until=what.access_until,
        is_access_unknown=what.is_access_unknown,
        kept=what.kept,
        ended_at=what.ended_at,
        made_at=NOW,
        check_url=f"{whose.base_url}/proof/{told.reference}",
    )
    return wording(facts, code="ABCDEFGH")


def confirmed(whose: Letterhead, told: EndFacts, what: EffectFacts) -> Composed:
    return ends.end_confirmed(whose, told, what, proof(whose, told, what))


def already_over(whose: Letterhead, told: EndFacts, what: EffectFacts) -> Composed:
    return ends.end_already_over(whose, told, what, proof(whose, told, what, Basis.ALREADY_OVER))


def access(**changes: object) -> AccessFacts:
    facts = AccessFacts(product="Cours", customer_name="Zoé", until=LATER, kept=("Leçon 1",), path="/account/atelier")
    return dataclasses.replace(facts, **changes)


def pause(**changes: object) -> PauseFacts:
    facts = PauseFacts(
        kind=PauseKind.PAUSE,
        product="Cours de piano",
        customer_name="Zoé Dupont",
        customer_email="zoe@client.test",
        asked_by=Actor.CUSTOMER,
        asked_at=NOW - timedelta(minutes=7),
        state=PauseState.DONE,
        resumes_at=LATER,
        price=Money(Decimal("29.90"), "EUR"),
        interval_unit="MONTH",
        interval_count=1,
        next_payment_at=None,
        access_until=LATER,
        path="/account/atelier/subscriptions/1",
    )
    return dataclasses.replace(facts, **changes)


def comeback(**changes: object) -> ComebackFacts:
    facts = ComebackFacts(
        product="Cours de piano",
        customer_name="Zoé Dupont",
        customer_email="zoe@client.test",
        provider_id="I-BW452GLLEP1G",
        starts_at=LATER,
        is_ahead=True,
        price=Money(Decimal("34.00"), "EUR"),
        interval_unit="MONTH",
        interval_count=1,
        path="/account/atelier",
    )
    return dataclasses.replace(facts, **changes)


def about_pauses(whose: Letterhead, changes: dict[str, object]) -> list[Composed]:
    """Each message about a pause, in each of its variants."""
    blank = {key: value for key, value in ALL_BLANK.items() if key != "next_payment_at"}
    stories = [
        pause(**changes),
        pause(**{**blank, "resumes_at": None, "access_until": None, "is_access_unknown": True} | changes),
        pause(**{"asked_by": Actor.STAFF, "access_until": None, "access_stays": True} | changes),
        pause(**{"kind": PauseKind.RESUME, "next_payment_at": LATER, "access_until": None} | changes),
    ]
    told = [
        compose(whose, story)
        for story in stories
        for compose in (
            pauses.pause_confirmed,
            pauses.pause_taken_back,
            pauses.resume_soon,
            pauses.resume_confirmed,
            pauses.merchant_pause,
        )
    ]
    refused = [
        pause(kind=kind, state=PauseState.REFUSED, refused_for=why, **changes)
        for kind in PauseKind
        for why in PauseRefusal
    ]
    told += [compose(whose, story) for story in refused for compose in (pauses.pause_refused, pauses.merchant_pause)]
    stuck = [pause(kind=kind, trouble=trouble, **changes) for kind in PauseKind for trouble in Trouble]
    return told + [pauses.merchant_pause_stuck(whose, story) for story in stuck]


def needs_you(whose: Letterhead, trouble: Trouble | None, **names: str) -> Composed:
    one = WaitingFacts(
        reference="K7QM-4TXD",
        product="Cours",
        customer="Zoé",
        asked_at=NOW,
        next_payment_at=None,
        trouble=trouble,
        issue="NOT_AUTHORIZED",
    )
    one = dataclasses.replace(one, **names)
    return merchants.merchant_needs_you(whose, (one, one), more=3, path="/admin", now=NOW)


def of_several(whose: Letterhead, stories: list[EndFacts]) -> list[Composed]:
    """What the merchant is told of one request, of several, and of more than are listed."""
    lists = [((story,), 0) for story in stories] + [(tuple(stories), 0), (tuple(stories[:2]), 31)]
    waits = tuple(
        WaitingFacts(
            reference="K7QM-4TXD", product="Cours", customer="", asked_at=NOW, next_payment_at=NOW, trouble=why
        )
        for why in Trouble
    )
    return [
        compose(whose, those, more=more, path="/admin/")
        for those, more in lists
        for compose in (merchants.merchant_end_requested, merchants.merchant_overdue)
    ] + [merchants.merchant_needs_you(whose, those, more=0, path="/admin/", now=NOW) for those in (waits, waits[:1])]


def key_broken(
    whose: Letterhead, *, is_classic: bool = False, finding: str = "wrong_key", waiting: int = 0
) -> Composed:
    path = "/admin/paypal/classic" if is_classic else "/admin/paypal/rest"
    return merchants.merchant_key_broken(
        whose, is_classic=is_classic, finding=finding, since=NOW, waiting=waiting, path=path
    )


def late_money(whose: Letterhead, **names: str) -> list[Composed]:
    one = LateFacts(
        product=names.get("product", "Cours"),
        customer_name=names.get("customer", "Zoé"),
        customer_email="zoe@client.test",
        amount=Money(Decimal("29.90"), "EUR"),
        paid_at=NOW,
        provider_id="51702746VX892953R",
        reference="K7QM-4TXD",
        asked_by_customer=True,
        given_back=Money(Decimal(0), "EUR"),
        taken_back=Money(Decimal(0), "EUR"),
        left=Money(Decimal("29.90"), "EUR"),
        path="/account/atelier/requests/K7QM-4TXD",
    )
    bare = dataclasses.replace(one, reference="", asked_by_customer=False, customer_email=None, is_classic=True)
    stuck = dataclasses.replace(one, refund_is_stuck=True)
    whole, ten, rest = (Money(Decimal(sum_), "EUR") for sum_ in ("29.90", "10.00", "19.90"))
    none = one.given_back
    given = dataclasses.replace(one, given_back=whole, left=none)
    taken_back = dataclasses.replace(one, taken_back=whole, left=none)
    both = dataclasses.replace(one, given_back=rest, taken_back=ten, left=none)
    parts = [
        dataclasses.replace(one, given_back=given, taken_back=taken, left=left, is_kept=is_kept, came_again=again)
        for given, taken, left in ((ten, none, rest), (none, ten, rest), (ten, ten, Money(Decimal("9.90"), "EUR")))
        for is_kept in (False, True)
        for again in (None, ten)
    ]
    return [
        *(late_payments.late_payment(whose, late) for late in (one, bare)),
        *(late_payments.late_payment_refunded(whose, late) for late in (given, bare, taken_back, both)),
        *(late_payments.late_payment_open(whose, late) for late in parts),
        late_payments.late_payment(whose, parts[0]),
        *(late_payments.late_payment_kept(whose, late) for late in (one, bare)),
        late_payments.merchant_late_payments(whose, rows=(one,), more=0),
        late_payments.merchant_late_payments(whose, rows=(one, bare, stuck), more=3),
    ]


def every_message(whose: Letterhead, **names: str) -> list[Composed]:
    """Each message in each of its variants."""
    changes = {"product": names["product"], "customer_name": names["customer"]} if names else {}
    ended = [
        effects(outcome=outcome, **more)
        for outcome in (Status.CANCELLED, Status.COMPLETED, Status.ABANDONED)
        for more in (
            {},
            {"access_until": NOW - timedelta(seconds=1), "ended_at": NOW},
            {"is_access_unknown": True, "access_until": None, "last_payment_at": None, "ended_at": None, "kept": ()},
            {"was_at_provider": True, "stopped_at": None},
            {"was_at_provider": True},
            {"never_started": True, "kept": (), "access_until": None, "stopped_at": None},
            {"may_come_back": True} if outcome is Status.CANCELLED else {},
            {"may_come_back": True, "comeback_path": "/account/a"} if outcome is Status.CANCELLED else {},
        )
    ]
    stories = [
        end(**changes),
        end(**{**ALL_BLANK, "is_payment_near": True} | changes),
        end(**{"is_payment_near": True, "next_payment_at": NOW + timedelta(hours=2), "reason": "Trop cher"} | changes),
        end(**{"is_payment_near": True, "next_payment_at": NOW - timedelta(hours=2)} | changes),
        end(**{"needs_merchant": True, "trouble": Trouble.FORBIDDEN} | changes),
        end(**{"reason_label": "It costs too much", "notified_under": "AB7D-4TXD"} | changes),
        *(end(**{"due_at": LATER, "planned": planned_words(one, whose.formatter)} | changes) for one in PLANS),
        end(**{"may_be_charged": False, "asked_by": Actor.STAFF} | changes),
        end(**{"asked_by": Actor.PROVIDER} | changes),
    ]
    told = [
        compose(whose, story)
        for story in stories
        for compose in (
            ends.end_recorded,
            ends.end_withdrawn,
            ends.end_plan_withdrawn,
            ends.end_overdue,
            merchants.merchant_end_withdrawn,
        )
    ]
    told += [
        ends.end_overdue(whose, end(**{"in_place_of": "WXYZ-6789", "needs_merchant": stuck} | changes))
        for stuck in (False, True)
    ]
    told += [ends.end_moved(whose, story) for story in stories if story.due_at]
    told += of_several(whose, stories)
    told += [
        compose(whose, story, what)
        for story in (stories[0], stories[1], stories[-1])
        for what in ended
        for compose in (confirmed, already_over, merchants.merchant_end_confirmed)
    ]
    ending = access(**{"product": names["product"], "customer_name": names["customer"]} if names else {})
    told += [
        compose(whose, comeback(**changes, **more))
        for compose in (comebacks.comeback_approved, comebacks.merchant_comeback_approved)
        for more in (
            {},
            {"starts_at": NOW, "is_ahead": False, "has_another": True},
            {"starts_at": None, "is_ahead": False, "price": None, "interval_unit": None, "customer_email": None},
        )
    ]
    told += [ends.access_ends_soon(whose, ending), ends.access_ended(whose, ending)]
    letter = ReceivedFacts(
        reference="K7QM-4TXD",
        name=names.get("customer", "Zoé Dupont"),
        email="zoe@client.test",
        received_at=NOW,
        contract=names.get("product", ""),
        wished_on=LATER.date(),
        message="Merci",
        path="/account/atelier",
    )
    told += [
        ends.request_received(whose, letter),
        ends.request_received(whose, dataclasses.replace(letter, email=None, wished_on=None, message="")),
        ends.request_received(whose, dataclasses.replace(letter, is_theirs=True)),
        ends.request_dismissed(whose, letter),
    ]
    waits = NotifiedFacts(
        reference="K7QM-4TXD",
        name=letter.name,
        email=letter.email,
        contract=letter.contract,
        product=letter.contract,
        way_label="Letter",
        is_theirs=True,
        planned_on=None,
        received_at=NOW,
        wished_on=LATER.date(),
        message="Merci",
        recorded_by="",
        next_payment_at=LATER,
        waits_again=False,
        path="/admin/received/7",
    )
    by_post = dataclasses.replace(waits, product="", email=None, is_theirs=False, wished_on=None, recorded_by="Léa")
    beside = dataclasses.replace(waits, planned_on=LATER.date())
    bare = dataclasses.replace(by_post, contract="", message="", next_payment_at=None, waits_again=True)
    told += [
        merchants.merchant_notified(whose, those, more=more, path="/admin/")
        for those, more in (
            ((waits,), 0),
            ((by_post,), 0),
            ((bare,), 0),
            ((waits, bare), 0),
            ((waits, by_post), 3),
            ((beside,), 0),
        )
    ]
    told += [
        ends.end_dated(whose, story, what, by_hand=by_hand)
        for story in stories[:2]
        for what in ended[:3]
        for by_hand in (True, False)
    ]
    told += [needs_you(whose, trouble, **names) for trouble in (*Trouble, None)]
    told += [
        key_broken(whose, is_classic=is_classic, finding=finding, waiting=waiting)
        for is_classic in (False, True)
        for finding, waiting in zip(BROKEN, (0, 1, 7, 2), strict=True)
    ]
    late = WaitingFacts(reference="K7QM-4TXD", product="Cours", customer="", asked_at=NOW, next_payment_at=LATER)
    late = dataclasses.replace(late, **names)
    told += [merchants.merchant_end_late(whose, (late,) * count, more=count - 1, path="/admin/") for count in (1, 2)]
    told += late_money(whose, **names)
    told += [customers.address_set(whose, name=name, path="/account/a") for name in ("Zoé", "")]
    told += [customers.address_left(whose, name=name, address="z…@bücher.example") for name in ("Zoé", "")]
    told += [
        logins.login_code(whose, code=code, path="/account/a/login/link/t", minutes=10, valid_until=NOW)
        for code in ("042137", "")
    ]
    told.append(logins.staff_unlock(whose, path="/admin/login/link/t", minutes=10, valid_until=NOW))
    told.append(staff_alerts.refusals(whose, number=5, at=NOW))
    told += [
        staff_alerts.new_device(whose, browser=one, network=one and "192.0.2.0/24", at=NOW) for one in ("Firefox", "")
    ]
    told += [staff_alerts.recovery_code(whose, left=left, at=NOW) for left in (0, 1, 9)]
    told += about_pauses(whose, changes)
    return told


def visible(html: str) -> str:
    soup = BeautifulSoup(html, "html.parser")
    soup.style.decompose()
    return soup.get_text()


def test_every_folder_is_a_message_tested_here():
    folders = {folder.name for folder in (TEMPLATES / "mail").iterdir() if folder.is_dir()}
    assert {mail.kind for mail in every_message(head())} == folders


@pytest.mark.parametrize("locale", LOCALES)
def test_every_message_is_whole(locale):
    for mail in every_message(head(locale)):
        assert mail.subject.strip()
        assert "\n" not in mail.subject
        for text in (mail.subject, mail.text, visible(mail.html)):
            assert "  " not in text.replace("\n", "|"), mail.kind
            assert not re.search(r"%\(|{{|{%|\bNone\b|undefined|datetime|Status\.|Actor\.", text), mail.kind
        soup = BeautifulSoup(mail.html, "html.parser")
        assert soup.html["lang"] == locale
        assert len(soup.select("h1")) == 1
        assert soup.title.text == soup.h1.text
        assert soup.h1.text == mail.subject or mail.kind == "login_code", mail.kind
        assert not soup.select("img, script, link, iframe, form, [style], [onclick]")


@pytest.mark.parametrize("locale", LOCALES)
def test_text_and_html_say_the_same_and_link_the_same(locale):
    for mail in every_message(head(locale)):
        anchors = {anchor["href"] for anchor in BeautifulSoup(mail.html, "html.parser").select("a")}
        assert anchors == set(URL.findall(mail.text)), mail.kind
        assert all(link.startswith("https://portal.test/") or link == AUTOPAY_URL for link in anchors)
        words = re.sub(r"\W", "", visible(mail.html))
        assert all(re.sub(r"\W", "", line) in words for line in mail.text.splitlines() if ":" not in line), mail.kind


@pytest.mark.parametrize("locale", LOCALES)
def test_a_message_with_a_clock_says_once_whose_it_is(locale):
    zone = {"fr": "heure de Paris", "en": "Paris time"}[locale]
    for mail in every_message(head(locale)):
        for text in (mail.text, visible(mail.html)):
            assert text.count(zone) == (re.search(r"\d\d:\d\d", text) is not None), mail.kind


def test_the_two_languages_are_two():
    english, french = every_message(head("en")), every_message(head("fr"))
    same = set("\n".join(mail.text for mail in english).split("\n")) & set(
        "\n".join(mail.text for mail in french).split("\n")
    )
    # What stays the same is names, addresses and signs, never a sentence.
    assert all(len(line.split()) < 4 or line.startswith("http") for line in same), same


@pytest.mark.parametrize("locale", LOCALES)
def test_nothing_says_cancelled_before_paypal_did(locale):
    affirmative = re.compile(r"résilié|annulé|cancelled|canceled", re.I)
    for mail in every_message(head(locale)):
        if mail.kind not in CONFIRMED:
            found = affirmative.search(mail.subject + mail.text + visible(mail.html))
            assert found is None, (mail.kind, found)


@pytest.mark.parametrize("locale", LOCALES)
def test_only_who_may_come_back_is_told_how(locale):
    may = confirmed(head(locale), end(), effects(may_come_back=True))
    assert INVITATION.search(may.text)
    for mail in every_message(head(locale)):
        # A subscription that is paused has not ended: that it starts again is no invitation to come back.
        if mail.text != may.text and mail.kind not in ("end_confirmed", *BACK) and "pause" not in mail.kind:
            assert not INVITATION.search(mail.text), mail.kind
    for by in Actor:
        mail = confirmed(head(locale), end(asked_by=by), effects(outcome=Status.ABANDONED))
        assert not INVITATION.search(mail.subject + mail.text + mail.html)
        assert not re.search("abandon", mail.subject + mail.text + mail.html, re.I)


def test_the_words_of_the_confirmation():
    french = confirmed(head("fr"), end(), effects()).text
    english = confirmed(head("en"), end(), effects()).text
    assert (
        "Votre abonnement est résilié. PayPal l’a confirmé le samedi 3 avril 2027 à 16:05. "
        "Aucun autre prélèvement ne sera effectué." in french
    )
    assert "Vous gardez vos accès jusqu’au vendredi 23 avril 2027." in french
    assert "Your subscription is cancelled. PayPal confirmed it on Saturday 3 April 2027 at 16:05" in english
    assert "You will not be charged again." in english
    for fact in ("K7QM-4TXD", "16:05, Paris time", "€29.90, due on", "Friday 23 April 2027"):
        assert fact in english
    assert "You keep for good: Leçon 1." in english


def test_the_words_of_the_acknowledgement():
    french = ends.end_recorded(head("fr"), end(reason="Trop cher")).text
    assert (
        "Votre demande a été enregistrée le samedi 3 avril 2027 à 15:58, référence "
        "K7QM-4TXD. PayPal ne l’a pas encore confirmée. Nous réessayons automatiquement et nous vous écrirons. "
        "Vous n’avez rien à refaire." in french
    )
    assert "Trop cher" in french
    assert "zoe@client.test" in french
    assert AUTOPAY_URL not in french


@pytest.mark.parametrize(
    ("next_payment_at", "words"),
    [
        (NOW + timedelta(hours=2), "Next payment due Saturday 3 April 2027."),
        (NOW - timedelta(hours=2), "A payment was due on Saturday 3 April 2027"),
        (None, "The date of the next payment is unknown."),
    ],
)
def test_a_payment_that_is_near_comes_with_paypals_own_page(next_payment_at, words):
    mail = ends.end_recorded(head(), end(is_payment_near=True, next_payment_at=next_payment_at))
    assert words in mail.text
    assert AUTOPAY_URL in mail.text


def test_amounts_in_yen_have_no_decimals():
    mail = confirmed(head(), end(price=Money(Decimal("1200.0000"), "JPY")), effects())
    assert "¥1,200, due on" in mail.text


def test_what_is_unknown_is_said_to_be_unknown():
    blank = end(**ALL_BLANK)
    lost = effects(access_until=None, is_access_unknown=True, last_payment_at=None, ended_at=None)
    text = confirmed(head(), blank, lost).text
    assert "amount unknown, due on" in text
    rows = dict(proof(head(), blank, lost).rows)
    assert rows["Price"] == "amount unknown"
    assert rows["Last payment"] == rows["End of the subscription"] == "date unknown"
    assert "You keep access until a date that L’Atelier d’Anaïs will tell you." in text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("locale", LOCALES)
def test_names_stay_names(locale, name):
    whose = head(locale, merchant_name=name)
    plain = " ".join(name.split())
    for mail in every_message(whose, product=name, customer=name):
        assert "\r" not in mail.subject + mail.text + mail.html
        assert "\n" not in mail.subject
        assert not any(line.startswith("Bcc:") for line in mail.text.splitlines())
        soup = BeautifulSoup(mail.html, "html.parser")
        assert not soup.select("script")
        assert plain in soup.header.text
        assert plain in mail.text
        assert "49" not in mail.subject


def test_a_right_to_left_name_does_not_turn_the_sentence():
    name = "محمد"
    mail = ends.end_recorded(head(), end(customer_name=f"\u202e{name}\u202c"))
    assert f"Hello \u2068{name}\u2069," in mail.text
    assert "\u202e" not in mail.text + mail.html


def test_a_long_product_keeps_the_subject_readable():
    mail = ends.end_recorded(head(), end(product="Apprendre le piano " * 8))
    assert len(mail.subject) < 140
    assert mail.subject.endswith("K7QM-4TXD")
    assert "Apprendre le piano Apprendre le piano Apprendre" in mail.text


def test_a_broken_key_says_what_stopped_what_is_safe_and_how_to_mend_it():
    told = {finding: key_broken(head(), finding=finding).text for finding in BROKEN}
    assert len(set(told.values())) == len(BROKEN), "each finding has its own way to mend it"
    for text in told.values():
        assert "can neither stop nor check the subscriptions of this key" in text
        assert "nothing is lost" in text
        assert "https://portal.test/admin/paypal/rest" in text
        assert "Saturday 3 April 2027" in text
        assert "wait" not in text
    classic = key_broken(head(), is_classic=True, waiting=3)
    assert "classic" in classic.subject
    assert "API user, password, signature" in classic.text
    assert "3 requests wait now." in classic.text
    assert "https://portal.test/admin/paypal/classic" in classic.text


def test_a_customer_without_address_is_left_to_the_merchant():
    told = [
        merchants.merchant_end_requested(head(), (end(**changes),), more=0, path="/admin/").text
        for changes in ({}, {"customer_email": None})
    ]
    assert ["no email address" in text for text in told] == [False, True]


def test_a_merchant_who_has_something_to_do_is_not_told_that_there_is_nothing():
    for changes, more, is_free in (
        ({}, {}, True),
        ({"customer_email": None}, {}, False),
        ({}, {"is_access_unknown": True, "access_until": None}, False),
    ):
        mail = merchants.merchant_end_confirmed(head(), end(**changes), effects(**more))
        assert ("You need not do anything" in mail.text) is is_free, (changes, more)


def test_the_code_is_in_the_subject_and_in_the_body_and_not_where_others_read():
    mail = logins.login_code(head(), code="042137", path="/account/a/login/link/t", minutes=10, valid_until=NOW)
    assert "042137" in mail.subject
    assert "042137" not in mail.shown_subject
    assert "042137" in mail.text.splitlines()
    assert "for 10 minutes" in mail.text
    assert "https://portal.test/account/a/login/link/t" in mail.text
    assert mail.html.count("042137") == mail.text.count("042137") == 1


@pytest.mark.parametrize("locale", LOCALES)
def test_every_message_with_a_page_has_one_button_for_it(locale):
    """The words of a button or link say where it leads; in the text the address has a line of its own."""
    silent = set()
    for mail in every_message(head(locale)):
        anchors = BeautifulSoup(mail.html, "html.parser").select("main a")
        buttons = [one for one in anchors if "button" in one.get("class", ())]
        assert len(buttons) <= 1, mail.kind
        if not buttons:
            silent.add(mail.kind)
        for one in anchors:
            assert not re.search(r"[:.;,]|https?", one.text), (mail.kind, one.text)
            assert one["href"] in mail.text.splitlines(), mail.kind
    assert silent == {"address_left"}, "it goes to a box that somebody else may read"


@pytest.mark.parametrize("locale", LOCALES)
def test_nobody_at_the_desk_is_told_to_write_to_themselves(locale):
    """The support address is where customers write: a mail to the desk itself offers it to nobody."""
    for mail in every_message(head(locale)):
        foot = mail.text.rpartition("\n--\n")[2]
        assert ("aide@atelier.test" in foot) is not mail.kind.startswith(("merchant_", "staff_")), mail.kind
