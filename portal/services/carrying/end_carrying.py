"""Carrying an end: PayPal is told to cancel, and « over » rests on a read (cancellation.md)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.audit import PORTAL
from portal.domain.audit import Act as AuditAct
from portal.domain.ends.end_requests import KEY_TROUBLES, Basis, RequestState, Trouble
from portal.domain.subscriptions import PROVIDER_NOT_STARTED, Status, status_from_provider
from portal.models import EndRequest, Subscription
from portal.providers.ports import GatewayRefused, Reading, Refusal
from portal.queries.ends import end_requests
from portal.queries.merchants import merchant_news
from portal.services.audit import audit
from portal.services.carrying import engine
from portal.services.carrying.answers import (
    WORKER,
    Answer,
    Patience,
    SubscriptionClaim,
    facts_of,
    read,
    read_back,
)
from portal.services.carrying.subscription_acts import SubscriptionAct, common_of, states_of
from portal.services.context import Context
from portal.services.dates.provider_facts import is_over, take_over
from portal.services.ends import endings
from portal.services.notices import notices
from portal.services.paypal import key_marks

log = structlog.get_logger(__name__)

NEUTRAL_NOTE: Final = "Subscription ended"  # PayPal wants a reason, the law lets nobody demand one (law.md 0.5)


@dataclass(frozen=True, kw_only=True)
class EndAnswer(Answer):
    """A reading that ends it, and on what that rests."""

    reading: Reading
    basis: Basis


class Ends(SubscriptionAct[EndRequest, SubscriptionClaim]):
    """The act of ending."""

    states = states_of(RequestState)
    row = EndRequest
    writes_readings = True

    def claimed(
        self, session: Session, subscription: Subscription, row: EndRequest, **common: Any
    ) -> SubscriptionClaim:
        return SubscriptionClaim(**common_of(row), **common)

    def ask(self, ctx: Context, claim: SubscriptionClaim, patience: Patience, *, until: datetime | None) -> Answer:
        gateway, before = read(ctx, claim, patience)
        if _nothing_to_call(before) or claim.only_reads:
            return _from_reading(before, called=claim.was_sent)
        if until is not None and utc_now() >= until:
            return Answer(trouble=Trouble.UNAVAILABLE)  # nothing was sent; the worker goes on
        if not note_call(ctx, claim, before, now=utc_now()):
            return Answer(lost=True)
        try:
            debug_id = gateway.cancel_subscription(claim.provider_id, reason=claim.note or NEUTRAL_NOTE)
        except GatewayRefused as refused:
            if refused.refusal is not Refusal.STATUS_INVALID:
                raise
            return _from_reading(gateway.show_subscription(claim.provider_id), called=True, refused=refused)
        after, facts = read_back(gateway, claim, debug_id)
        if after is not None and _nothing_to_call(after):
            return EndAnswer(reading=after, basis=_basis(after, called=True), facts=facts)
        return Answer(accepted=True, trouble=Trouble.STILL_LIVE if after else Trouble.UNAVAILABLE, facts=facts)

    def write(
        self,
        ctx: Context,
        session: Session,
        subscription: Subscription,
        row: EndRequest,
        claim: SubscriptionClaim,
        answer: Answer,
        *,
        now: datetime,
    ) -> bool:
        if answer.accepted:
            row.accepted_at = row.accepted_at or now
        if not isinstance(answer, EndAnswer) or _has_begun_since(subscription, answer):
            return False
        engine.key_works(session, subscription, claim, now=now)
        take_over(subscription, answer.reading, now=now)
        endings.record_end(ctx, session, row, subscription, basis=answer.basis, reading=answer.reading, now=now)
        return True

    def named(self, row: EndRequest) -> dict[str, Any]:
        return {"reference": row.reference}

    def tell(
        self, ctx: Context, session: Session, subscription: Subscription, row: EndRequest, *, now: datetime
    ) -> None:
        """A refused key stops every open request: one mail for all."""
        if row.trouble in KEY_TROUBLES:
            key_marks.mark_broken(session, row.merchant_id, subscription.provider, now=now)
            # What comes last of all is locked before rows of other subscriptions, as in `tries.retry_all`.
            merchant_news.lock(session, row.merchant_id)
            end_requests.stop_retrying(session, row, subscription.provider)
        notices.needs_merchant(ctx, session, row, now=now)

    def planned(
        self, ctx: Context, session: Session, subscription: Subscription, row: EndRequest, *, now: datetime
    ) -> None:
        notices.end_unconfirmed(ctx, session, row, now=now)


ENDS: Final = Ends()


def carry_out(
    ctx: Context, merchant_id: uuid.UUID, request_id: uuid.UUID, *, patience: Patience = WORKER, insist: bool = False
) -> None:
    """Take one request to end as far as PayPal allows now (`engine.carry_out`)."""
    engine.carry_out(ENDS, ctx, merchant_id, request_id, patience=patience, insist=insist)


def note_call(ctx: Context, claim: SubscriptionClaim, before: Reading, *, now: datetime) -> bool:
    """Store PayPal's facts read before the call, and that the call leaves now: PayPal drops them afterwards.

    Returns False when another process has taken the request meanwhile: then nothing may be sent.
    """
    with ctx.db.begin() as session:
        subscription, request = engine.lock(ENDS, session, claim.merchant_id, claim.row_id, with_payments=True)
        if not engine.is_ours(ENDS, request, claim):
            return False
        take_over(subscription, before, now=now)
        told = {name: value for name, value in _facts(before, now=now).items() if value is not None}
        request.facts_before = {**(request.facts_before or {}), **told}  # an earlier try may lie before a payment
        if request.sent_at is None:
            request.sent_at = now
            about = ("subscription", subscription.id)
            audit.append(
                session,
                claim.merchant_id,
                AuditAct.END_REQUEST_SENT,
                by=PORTAL,
                at=now,
                subject=about,
                reference=request.reference,
            )
        return True


def _facts(before: Reading, *, now: datetime) -> dict[str, Any]:
    return {
        "status": before.status,
        "next_billing_at": before.next_billing_at.isoformat() if before.next_billing_at else None,
        "last_payment_at": before.last_payment_at.isoformat() if before.last_payment_at else None,
        "owed": str(before.outstanding.amount) if before.outstanding else None,
        "owed_currency": before.outstanding.currency if before.outstanding else None,
        "read_at": now.isoformat(),
    }


def _has_begun_since(subscription: Subscription, answer: EndAnswer) -> bool:
    """Say whether PayPal was read as « not started » of one that is known to have begun: it came too late, or lags.

    Nothing was called; the next try reads again.
    """
    return answer.basis is Basis.NEVER_STARTED and subscription.status is not Status.PENDING


def _nothing_to_call(reading: Reading) -> bool:
    return is_over(reading) or reading.status in PROVIDER_NOT_STARTED


def _basis(reading: Reading, *, called: bool) -> Basis:
    if not is_over(reading):
        return Basis.NEVER_STARTED
    return Basis.READ_AFTER_CALL if called else Basis.ALREADY_OVER


def _from_reading(reading: Reading, *, called: bool, refused: GatewayRefused | None = None) -> Answer:
    facts = facts_of(refused) if refused else {"status": reading.status}
    if _nothing_to_call(reading):
        return EndAnswer(reading=reading, basis=_basis(reading, called=called), facts=facts)
    unknown = status_from_provider(reading.status, failed_payments=0) is None
    return Answer(trouble=Trouble.UNKNOWN_WORD if unknown else Trouble.STILL_LIVE, facts=facts)
