"""Made-up facts that messages are composed of."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from portal.documents.facts import ProofFacts
from portal.documents.proofs import wording
from portal.domain.dates.end_dates import WaitReason
from portal.domain.ends.end_requests import Basis, Channel
from portal.domain.ends.pauses import PauseKind, PauseState
from portal.domain.money.money import Money
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.mail import ends
from portal.mail.composing import Composed
from portal.mail.facts import AccessFacts, ComebackFacts, EffectFacts, EndFacts, PauseFacts, PlannedFacts, ProofWords
from portal.mail.letterhead import Letterhead

NOW = datetime(2027, 4, 3, 14, 5, tzinfo=UTC)

LATER = NOW + timedelta(days=20)

ALL_BLANK = {"customer_name": "", "customer_email": None, "price": None, "next_payment_at": None, "interval_unit": None}


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
        opens={},
        now=NOW,
    )
    return dataclasses.replace(facts, **changes)


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
