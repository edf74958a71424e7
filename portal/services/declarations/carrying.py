"""A declared cancellation becomes a request to end: by who reads the mailbox on file, by who was logged in, or by the
delay that nobody stopped.  From there the one engine carries it to PayPal."""

from __future__ import annotations

import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.orm import Session

from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel
from portal.domain.ends.received_requests import AlreadySettled
from portal.domain.errors import DomainError
from portal.domain.law.countries import Function
from portal.domain.law.declarations import Carrying
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action
from portal.models import PublicDeclaration, Subscription
from portal.queries import subscriptions
from portal.queries.law import declarations as stored
from portal.queries.people import merchants
from portal.services.context import Context
from portal.services.declarations import asking
from portal.services.ends import contract_withdrawals, end_requests
from portal.services.ends.contract_withdrawals import Declared
from portal.services.ends.end_requests import Recorded
from portal.services.ends.end_wishes import Wish
from portal.services.inbox import received_answers, received_reminders

log = structlog.get_logger("portal.declarations")


class NotOnFile(DomainError):
    """Nobody was asked: the address is no longer that of whose subscription it is, or the message has not arrived."""


def carry(ctx: Context, received_id: uuid.UUID, *, now: datetime) -> Recorded | None:
    """End the subscription that it is about, through the engine; None where staff have to do it, or it is answered.

    One that was ended meanwhile is answered by that end: one end, and both references lead to it.
    """
    try:
        with ctx.db.begin() as session:
            row = stored.lock(session, received_id)  # before all else: « it was not me » may be pressed at this moment
            if row.refused_at is not None or row.subscription_id is None:
                return None
            subscription = subscriptions.lock(session, row.merchant_id, row.subscription_id)
            if row.confirmed_at is None and _is_early(session, row, subscription, now=now):
                return None
            return _carry_held(ctx, session, row, subscription, now=now)
    except AlreadySettled:  # by somebody, a moment ago
        return None
    except DomainError as error:  # switched off meanwhile, or a state that no customer ends
        log.info("declaration_left_to_merchant", received_request_id=str(received_id), why=type(error).__name__)
        leave_to_merchant(ctx, received_id, now=now)
        return None


def _is_early(session: Session, row: PublicDeclaration, subscription: Subscription, *, now: datetime) -> bool:
    """Put it off while who reads the mailbox on file still has time; raise NotOnFile where they cannot have read it."""
    since = asking.silence_counts_from(session, row, subscription)
    if since is None:
        raise NotOnFile
    row.due_at = max(row.due_at or since, since)
    return now < row.due_at


def _carry_held(
    ctx: Context, session: Session, row: PublicDeclaration, subscription: Subscription, *, now: datetime
) -> Recorded | None:
    if row.kind is Function.WITHDRAWAL:
        withdrawn = _withdrawn(row, subscription)
        return contract_withdrawals.accept_held(ctx, session, subscription, withdrawn, now=now).recorded
    wish = _wish(session, row, subscription, now=now)
    if received_answers.match_held(ctx, session, subscription, row.received_request_id, by=wish.actor_name, now=now):
        return None
    return end_requests.record_held(ctx, session, subscription, wish, now=now)


def _withdrawn(row: PublicDeclaration, subscription: Subscription) -> Declared:
    """Return the withdrawal, which counts from the declaration on, whenever it is carried out (R-EU-6)."""
    return Declared(
        merchant_id=row.merchant_id,
        subscription_id=subscription.id,
        reference=row.received.reference,
        declared_at=row.received.received_at,
        by=By(
            actor=Actor.CUSTOMER,
            actor_id=subscription.customer_id,
            channel=Channel.PUBLIC_PAGE,
            name=row.received.name,
        ),
        received_request_id=row.received_request_id,
    )


def leave_to_merchant(ctx: Context, received_id: uuid.UUID, *, now: datetime) -> None:
    """It cannot be carried out here: the merchant is told, and has it in the inbox."""
    with ctx.db.begin() as session:
        row = stored.lock(session, received_id)
        row.carrying, row.due_at = Carrying.BY_MERCHANT, None
        row.decided_at = row.decided_at or now
        asking.say_without_delay(ctx, session, row, now=now)
        if row.received.is_open:
            row.received.suggested_subscription_id = row.subscription_id
            received_reminders.tell_at_once(ctx, session, row.received, now=now)


def _wish(session: Session, row: PublicDeclaration, subscription: Subscription, *, now: datetime) -> Wish:
    zone = ZoneInfo(merchants.of(session, row.merchant_id).time_zone)
    wished_on = row.received.wished_on
    return Wish(
        merchant_id=row.merchant_id,
        subscription_id=subscription.id,
        action=Action.CANCEL,
        actor=Actor.CUSTOMER,
        actor_id=subscription.customer_id,
        actor_name=row.received.name,
        channel=Channel.PUBLIC_PAGE,
        wished_on=wished_on if wished_on is not None and wished_on > now.astimezone(zone).date() else None,
        received_request_id=row.received_request_id,
    )
