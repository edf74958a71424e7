"""Who carries a declaration out: nothing here is seen by whoever declared (law.md 8.3; docs/decisions/0038)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from portal.domain import paypal_numbers, policies
from portal.domain.law import declarations as rules
from portal.domain.law.countries import Function
from portal.domain.law.declarations import Carrying
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action
from portal.logs import place_of
from portal.models import Merchant, PublicDeclaration, Subscription
from portal.queries.law import declarations as stored
from portal.queries.people import known_numbers, merchants
from portal.services.context import Context
from portal.services.declarations import asking, carrying
from portal.services.inbox import received_reminders
from portal.services.rules import settings_of

log = structlog.get_logger("portal.declarations")

LOST_AFTER: Final = timedelta(minutes=1)  # its own job has not come by then
BATCH: Final = 200


@dataclass(frozen=True, kw_only=True)
class Found:
    """What it can be about: `subscription` where it can be one alone, `choices` of the mailbox on file."""

    carrying: Carrying
    subscription: Subscription | None = None
    choices: tuple[Subscription, ...] = ()
    suggested_id: uuid.UUID | None = None  # for staff


def decide(ctx: Context, received_id: uuid.UUID, *, now: datetime) -> None:
    """Decide who carries one out, once, and ask or tell them."""
    with ctx.db.begin() as session:
        row = stored.lock(session, received_id)
        if row.decided_at is not None:
            return
        found = DECIDERS[row.kind](session, row, now=now)
        row.carrying, row.decided_at = found.carrying, now
        row.subscription_id = found.subscription.id if found.subscription is not None else row.subscription_id
        if row.received.is_open and found.suggested_id is not None:
            row.received.suggested_subscription_id = found.suggested_id
        if found.carrying is Carrying.BY_MERCHANT:
            if not row.is_repeated:
                received_reminders.tell_at_once(ctx, session, row.received, now=now)
        elif found.carrying is not Carrying.IN_ACCOUNT:
            _ask_mailbox(ctx, session, row, found, now=now)
    if found.carrying is Carrying.IN_ACCOUNT:
        carrying.carry(ctx, received_id, now=now)


def decide_now(ctx: Context, received_id: uuid.UUID, *, now: datetime) -> None:
    """Decide at once of somebody who is logged in: their account says it when they look next. PayPal is not asked here.

    What fails is left to the job: it was declared, and nobody is told otherwise.
    """
    try:
        decide(ctx, received_id, now=now)
    except Exception as error:  # whoever declared has done all that is theirs to do
        name, place = type(error).__name__, place_of(error)
        log.warning("declaration_left_to_its_job", received_request_id=str(received_id), error=name, place=place)


def run(ctx: Context, *, now: datetime) -> None:
    """Decide what lost its job, and carry out what is due; one that fails is logged and stops nobody behind it.

    Raises RuntimeError then, at the end.
    """
    with ctx.db.read() as session:
        lost = stored.undecided(session, before=now - LOST_AFTER, limit=BATCH)
        due = stored.due(session, now=now, lost_before=now - LOST_AFTER, limit=BATCH)
    work = [(decide, one) for one in lost] + [(carrying.carry, one) for one in due]
    failed = sum(not _tried(act, ctx, one, now=now) for act, one in work)
    if failed:
        raise RuntimeError(f"{failed} declarations")


def _tried(act: Callable[..., object], ctx: Context, received_id: uuid.UUID, *, now: datetime) -> bool:
    try:
        act(ctx, received_id, now=now)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        name, place = type(error).__name__, place_of(error)
        log.error("declaration_failed", received_request_id=str(received_id), error=name, place=place)
        return False
    return True


def _of_cancellation(session: Session, row: PublicDeclaration, *, now: datetime) -> Found:
    received = row.received
    if row.subscription_id is not None and not row.is_for_a_reason:
        return Found(carrying=Carrying.IN_ACCOUNT)
    known = known_numbers.of_number(session, row.merchant_id, paypal_numbers.normal(received.contract))
    suggested = row.subscription_id or (known.subscription_id if known is not None else None)
    to_merchant = Found(carrying=Carrying.BY_MERCHANT, suggested_id=suggested)
    # A ground has to be read by somebody; beyond a limit nobody is written to.
    if row.is_repeated or row.is_for_a_reason:
        return to_merchant
    merchant = merchants.of(session, row.merchant_id)
    theirs = [
        one
        for one in stored.live_of(session, row.merchant_id, received.email or "")
        if _may_end(merchant, one, now=now)
    ]
    named = next((one for one in theirs if one.id == suggested), None)
    if named is not None:
        return Found(carrying=Carrying.AFTER_DELAY, subscription=named, choices=(named,), suggested_id=named.id)
    if not theirs or suggested is not None:  # a number of somebody else's, or of what is over
        return to_merchant
    only = theirs[0] if len(theirs) == 1 else None
    return Found(
        carrying=Carrying.BY_MAIL,
        subscription=only,
        choices=tuple(theirs),
        suggested_id=only.id if only is not None else None,
    )


def _of_withdrawal(session: Session, row: PublicDeclaration, *, now: datetime) -> Found:
    """As of a cancellation, but that no setting takes the right away, and that what is over can be withdrawn from."""
    received = row.received
    if row.subscription_id is not None:
        return Found(carrying=Carrying.IN_ACCOUNT)
    known = known_numbers.of_number(session, row.merchant_id, paypal_numbers.normal(received.contract))
    suggested = known.subscription_id if known is not None else None
    theirs = () if row.is_repeated else stored.meant_by(session, row, now=now)
    named = next((one for one in theirs if one.id == suggested), None)
    if named is not None:
        return Found(carrying=Carrying.AFTER_DELAY, subscription=named, choices=(named,), suggested_id=named.id)
    if not theirs or suggested is not None:  # a number of somebody else's, or of what was withdrawn from
        return Found(carrying=Carrying.BY_MERCHANT, suggested_id=suggested)
    only = theirs[0] if len(theirs) == 1 else None
    only_id = only.id if only is not None else None
    return Found(carrying=Carrying.BY_MAIL, subscription=only, choices=tuple(theirs), suggested_id=only_id)


# Who decides of which function; a function that is not here is always the merchant's to carry out.
DECIDERS: Final[Mapping[Function, Callable[..., Found]]] = {
    Function.CANCELLATION: _of_cancellation,
    Function.WITHDRAWAL: _of_withdrawal,
}


def _may_end(merchant: Merchant, subscription: Subscription, *, now: datetime) -> bool:
    """Say whether its customer may end it by themselves; if not, it is the merchant's to carry out."""
    return policies.may(Actor.CUSTOMER, Action.CANCEL, settings_of(merchant, subscription, now=now))


def _ask_mailbox(ctx: Context, session: Session, row: PublicDeclaration, found: Found, *, now: datetime) -> None:
    """Write to the address on file; without an answer the delay decides, if it may."""
    if found.carrying is Carrying.AFTER_DELAY and found.subscription is not None:
        row.due_at = rules.due_at(now, found.subscription.next_payment_at)
    asking.ask(ctx, session, row, found.choices, now=now)
