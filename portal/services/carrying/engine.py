"""The way of every try: claim, ask, settle, plan the next (cancellation.md, rules 2 to 8).

Each step is a short transaction of its own; nothing is locked while PayPal is asked.  Its calls have no idempotency
key that lasts, so every try begins with a read and calls only what is still to be done.  Safe to run twice, late, or
after a process died at any point: what counts is in the row.
"""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

import structlog
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.ends.end_requests import KEY_TROUBLES, LEASE, TRUST_IN_204, Trouble, retry_delay, verify_delay
from portal.models import Subscription
from portal.queries.ends import carrying
from portal.queries.merchants import paypal_accounts
from portal.services import tries
from portal.services.carrying.answers import (
    REFUSED_KEY,
    WORKER,
    Answer,
    Claim,
    Patience,
    answered,
    written,
)
from portal.services.context import Context
from portal.services.paypal import key_marks
from portal.services.paypal.gateways import slow_down, suspect_key
from portal.services.tries import Carried

log = structlog.get_logger(__name__)

LATE: Final = timedelta(minutes=2)  # an open row that nobody has tried since its time was lost by its job
LAGGING: Final = frozenset({Trouble.STILL_LIVE, Trouble.UNAVAILABLE})

R = TypeVar("R", bound=Carried)
C = TypeVar("C", bound=Claim)


@dataclass(frozen=True, kw_only=True)
class States:
    """An act's own words for the states that the engine writes."""

    calling: StrEnum
    verifying: StrEnum | None = None  # after a 204 whose read lags
    retrying: StrEnum
    needs_merchant: StrEnum
    taken: frozenset[StrEnum]  # those in which a claim holds the row


class Act(ABC, Generic[R, C]):
    """What one kind of row says to the engine. A method that gets a session runs with row and subscription locked."""

    row: type[R]
    states: States
    writes_readings = False  # of the whole subscription, whose payments are then needed first

    @abstractmethod
    def claimed(self, session: Session, subscription: Subscription, row: R, **common: Any) -> C:
        """Return the claim of a row that was just taken; `common` is what every claim has."""

    @abstractmethod
    def ask(self, ctx: Context, claim: C, patience: Patience, *, until: datetime | None) -> Answer:
        """Read, call if it is still to be done and before `until`, read back. No transaction is open meanwhile."""

    @abstractmethod
    def write(
        self,
        ctx: Context,
        session: Session,
        subscription: Subscription,
        row: R,
        claim: C,
        answer: Answer,
        *,
        now: datetime,
    ) -> bool:
        """Write what PayPal's word says; return whether the row needs no further plan by the engine."""

    @abstractmethod
    def stops_here(self, subscription: Subscription, row: R, *, now: datetime) -> bool:
        """Say whether only the merchant can clear the row's trouble, or has to look at it by now."""

    @abstractmethod
    def hand_over(
        self, ctx: Context, session: Session, subscription: Subscription, row: R, *, is_new: bool, now: datetime
    ) -> None:
        """Say to the merchant what stops the row, which stands in *needs merchant* now; `is_new`: it did not before."""

    def due_at(self, row: R) -> datetime | None:
        """Return the day that the row waits for, None for at once."""
        return None

    def accepted_at(self, row: R) -> datetime | None:
        """Return when PayPal took the call, where its read may show it later."""
        return None

    def is_taken_by_paypal(self, row: R) -> bool:
        """Say whether PayPal has it in hand: its state is then PayPal's, and is not changed by a failed look."""
        return False

    def planned(self, ctx: Context, session: Session, subscription: Subscription, row: R, *, now: datetime) -> None:
        """The row was not settled, and its next try is planned: tell whom it concerns."""


def carry_out(
    act: Act[R, C],
    ctx: Context,
    merchant_id: uuid.UUID,
    row_id: uuid.UUID,
    *,
    patience: Patience = WORKER,
    insist: bool = False,
) -> None:
    """Take one row as far as PayPal allows now; what remains is planned, never forgotten.

    `insist` tries at once although a later try is planned (somebody at the desk pressed the button).
    Before a recovery no row is taken: a backup remembers as open what was taken back since, and each change made here
    counts for more than what the journal knows of it.
    """
    if ctx.must_rest:
        return
    taken = claim(act, ctx, merchant_id, row_id, now=utc_now(), insist=insist)
    if taken is None:
        return
    until = patience.deadline(utc_now())
    try:
        answer = answered(lambda: act.ask(ctx, taken, patience, until=until), merchant_id=merchant_id)
    except Exception:  # a defect of ours: plan the next try, so that nobody is forgotten, then let it be seen
        defect = Answer(trouble=Trouble.UNAVAILABLE, facts={"reason": "defect"})
        settle(act, ctx, taken, defect, now=utc_now())
        raise
    written(lambda: settle(act, ctx, taken, answer, now=utc_now()), row_id=row_id)


def claim(
    act: Act[R, C], ctx: Context, merchant_id: uuid.UUID, row_id: uuid.UUID, *, now: datetime, insist: bool
) -> C | None:
    """Take the row for one try; None when there is nothing to do now or somebody else is at it."""
    with ctx.db.begin() as session:
        subscription, row = lock(act, session, merchant_id, row_id)
        if not row.is_open or not _is_time(act, session, row, now=now, insist=insist):
            return None
        if not act.is_taken_by_paypal(row):
            _move(row, act.states.calling)
        row.claimed_at = now
        row.attempts += 1
        return act.claimed(
            session,
            subscription,
            row,
            merchant_id=merchant_id,
            row_id=row_id,
            subscription_id=subscription.id,
            provider=subscription.provider,
            provider_id=subscription.provider_id,
            claimed_at=now,
            keys=paypal_accounts.all_of_merchant(session, merchant_id),
        )


def settle(act: Act[R, C], ctx: Context, claim: C, answer: Answer, *, now: datetime) -> None:
    """Write what the try brought. Another door may have settled it first: then this changes nothing."""
    if answer.lost:
        return
    with ctx.db.begin() as session:
        subscription, row = lock(act, session, claim.merchant_id, claim.row_id, with_payments=act.writes_readings)
        if not is_ours(act, row, claim):
            return
        row.answer = answer.facts
        if answer.trouble is Trouble.RATE_LIMITED and answer.wait is not None:
            slow_down(session, claim.merchant_id, subscription.provider, until=now + answer.wait)
        if act.write(ctx, session, subscription, row, claim, answer, now=now):
            return
        if _key_was_replaced(session, subscription, claim, answer):
            if not act.is_taken_by_paypal(row):
                _move(row, act.states.retrying)
            tries.again(session, row, at=now)
            return
        if answer.trouble in REFUSED_KEY:
            suspect_key(session, claim.merchant_id, subscription.provider, now=claim.claimed_at)
        _wait(act, ctx, session, subscription, row, answer, now=now)


def sweep(act: Act[R, C], ctx: Context, *, now: datetime, limit: int = 500) -> int:
    """Give a job to every open row whose time has passed without one: nobody who asked is forgotten.

    Jobs are written with the rows, so this finds something only after a loss (a restored backup, a job deleted by
    hand). Returns how many it found.
    """
    with ctx.db.begin() as session:
        overdue = carrying.lock_overdue(session, act.row, late=now - LATE, now=now, limit=limit)
        for row in overdue:
            tries.again(session, row, at=now)
    return len(overdue)


def lock(
    act: Act[R, C], session: Session, merchant_id: uuid.UUID, row_id: uuid.UUID, *, with_payments: bool = False
) -> tuple[Subscription, R]:
    """Lock the subscription, then the row: everybody does it in this order."""
    row = carrying.lock_whole(session, act.row, merchant_id, row_id, with_payments=with_payments)
    return row.subscription, row


def is_ours(act: Act[R, C], row: R, claim: C) -> bool:
    """Say whether the claim still holds the row."""
    return row.state in act.states.taken and row.claimed_at == claim.claimed_at


def key_works(session: Session, subscription: Subscription, claim: Claim, *, now: datetime) -> None:
    """PayPal took the key: what waited for one that was thought broken is tried again."""
    used = claim.key_set_at(subscription.provider)
    with session.no_autoflush:  # what was written of the row so far has nothing to do with the key's
        works = key_marks.mark_working(session, claim.merchant_id, subscription.provider, used=used, now=now)
    if works:
        tries.retry_all(session, claim.merchant_id, now=now)


def _is_time(act: Act[R, C], session: Session, row: R, *, now: datetime, insist: bool) -> bool:
    """Say whether the row may be tried now; when a claim stands, come back when it has run out."""
    due_at = act.due_at(row)
    if due_at is not None and due_at > now:
        return False  # its own job, or the sweep, comes at that time
    if row.state in act.states.taken and row.claimed_at is not None and row.claimed_at + LEASE > now:
        tries.plan(session, row, at=row.claimed_at + LEASE)
        return False
    return insist or row.next_try_at is None or row.next_try_at <= now + timedelta(seconds=1)


def _key_was_replaced(session: Session, subscription: Subscription, claim: Claim, answer: Answer) -> bool:
    """Say whether the refusal concerns a key that is no longer the merchant's."""
    used = claim.key_set_at(subscription.provider)
    return answer.trouble in KEY_TROUBLES | REFUSED_KEY and key_marks.is_replaced(
        session, claim.merchant_id, subscription.provider, used=used
    )


def _wait(
    act: Act[R, C],
    ctx: Context,
    session: Session,
    subscription: Subscription,
    row: R,
    answer: Answer,
    *,
    now: datetime,
) -> None:
    """Plan the next try and tell who must know; the customer's page says « recorded », never « failed »."""
    former, row.trouble = row.trouble, answer.trouble or Trouble.STILL_LIVE
    delay = retry_delay(row.attempts, asked=answer.wait)
    accepted_at = act.accepted_at(row)
    if accepted_at is not None and now - accepted_at < TRUST_IN_204 and row.trouble in LAGGING:
        _move(row, act.states.verifying)  # PayPal took the call a moment ago and only its read does not show it yet
        delay = verify_delay(now - accepted_at)
    elif act.is_taken_by_paypal(row):
        pass
    elif act.stops_here(subscription, row, now=now):
        _move(row, act.states.needs_merchant)
        act.hand_over(ctx, session, subscription, row, is_new=row.trouble is not former, now=now)
    else:
        _move(row, act.states.retrying)
    tries.again(session, row, at=now + delay)
    act.planned(ctx, session, subscription, row, now=now)
    log.info("not_confirmed", kind=type(row).__name__, row_id=str(row.id), trouble=row.trouble, attempts=row.attempts)


def _move(row: Any, to: StrEnum | None) -> None:
    row.move(to)  # each kind of row has states of its own
