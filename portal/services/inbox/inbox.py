"""What staff have read in the inbox and need not read again, and what they send again from there."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.ends.end_requests import Channel
from portal.domain.ends.received_requests import AlreadySettled, may_answer
from portal.domain.policies import Actor
from portal.models import (
    AccountMember,
    ComparisonDifference,
    Customer,
    EndRequest,
    EventState,
    Mail,
    PayPalEvent,
    ReceivedRequest,
)
from portal.queries import inbox as stored
from portal.queries import mails, subscriptions
from portal.queries.comparisons import comparison_differences
from portal.queries.law import likely_subscriptions
from portal.queries.messages import event_lists
from portal.queries.people import account_members
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.inbox import received_requests
from portal.services.notices import end_confirmations, outbox


def see_difference(
    ctx: Context, merchant_id: uuid.UUID, difference_id: uuid.UUID, *, by: str, now: datetime
) -> uuid.UUID | None:
    """Remember who has read it; return the subscription's id, if it is known. Raises NoResultFound."""
    with ctx.db.begin() as session:
        row = comparison_differences.lock_difference(session, merchant_id, difference_id)
        if row.seen_at is None:
            row.seen_at, row.seen_by = now, by
        return row.subscription_id


def see_mail(ctx: Context, merchant_id: uuid.UUID, mail_id: uuid.UUID, *, by: str, now: datetime) -> None:
    """Remember who has read that a message was refused, came back, or is put off again and again.

    Raises NoResultFound for any other message.
    """
    with ctx.db.begin() as session:
        row = mails.lock_undelivered(session, merchant_id, mail_id, or_put_off=True)
        if row.seen_at is None:
            row.seen_at, row.seen_by = now, by


def see_event(ctx: Context, merchant_id: uuid.UUID, event_id: uuid.UUID, *, by: By, now: datetime) -> None:
    """Close a message of PayPal's that was given up, since somebody has read of it: why it was stays with it.

    One that is tried again, or was closed meanwhile, is left as it is. Raises NoResultFound for another merchant's.
    """
    with ctx.db.begin() as session:
        event = event_lists.of_merchant(session, merchant_id, event_id, lock=True)
        if event.state is EventState.FAILED:
            event.state = EventState.IGNORED
            audit.append(session, merchant_id, Act.MESSAGE_SET_ASIDE, by=by, at=now, subject=("message", event.id))


class Thing(StrEnum):
    """What is settled without a look of its own."""

    MAIL = "mail"
    DIFFERENCE = "difference"
    EVENT = "event"  # a message of PayPal's that was given up
    LETTER = "letter"


MODELS: Final = {
    Thing.MAIL: Mail,
    Thing.DIFFERENCE: ComparisonDifference,
    Thing.EVENT: PayPalEvent,
    Thing.LETTER: ReceivedRequest,
}


def settle_several(
    ctx: Context,
    merchant_id: uuid.UUID,
    things: Collection[tuple[Thing, uuid.UUID]],
    *,
    reason: str,
    by: str,
    by_id: uuid.UUID,
    now: datetime,
) -> int:
    """Take note of messages and differences, and close letters for `reason`; return how many were still to be settled.

    A letter that no end has answered, or not any more, stays open: it is a notice that somebody has to look at.
    Each is a transaction of its own. Raises NoResultFound, and does nothing, where one is not the merchant's.
    """
    with ctx.db.read() as session:
        for thing, model in MODELS.items():
            if not stored.are_of(session, merchant_id, model, {row_id for of, row_id in things if of is thing}):
                raise NoResultFound
        letters = [session.get_one(ReceivedRequest, row_id) for of, row_id in things if of is Thing.LETTER]
        over = likely_subscriptions.over_since(session, merchant_id, letters)
        answered = {letter.id for letter in letters if may_answer(over.get(letter.id), letter.received_at)}
    acting = By(actor=Actor.STAFF, actor_id=by_id, channel=Channel.STAFF, name=by)
    count = 0
    for thing, row_id in things:
        if thing is Thing.LETTER and row_id not in answered:
            continue
        try:
            if thing is Thing.LETTER:
                received_requests.dismiss(ctx, merchant_id, row_id, reason=reason, by=by, by_id=by_id, now=now)
            elif thing is Thing.MAIL:
                see_mail(ctx, merchant_id, row_id, by=by, now=now)
            elif thing is Thing.EVENT:
                see_event(ctx, merchant_id, row_id, by=acting, now=now)
            else:
                see_difference(ctx, merchant_id, row_id, by=by, now=now)
        except (NoResultFound, AlreadySettled):  # settled meanwhile
            continue
        count += 1
    return count


def resend_mail(ctx: Context, merchant_id: uuid.UUID, mail_id: uuid.UUID, *, now: datetime) -> str:
    """Send a confirmation that was refused or came back again, to the customer's address of now; return that address.

    A copy for one of the account's people goes to theirs.  Raises NoResultFound for any other message, and for one
    whose words may not be true any more, or are gone, or were for somebody who has been removed.
    """
    with ctx.db.begin() as session:
        row = mails.lock_undelivered(session, merchant_id, mail_id)
        if row.kind not in outbox.LASTING or row.content is None:
            raise NoResultFound
        member = account_members.told_by(session, row)
        if member is not None:
            return _send_copy_again(ctx, session, row, member, now=now)
        request = session.get(EndRequest, row.end_request_id) if row.end_request_id is not None else None
        customer = session.get(Customer, row.customer_id) if row.customer_id is not None else None
        if customer is None and request is not None:
            customer = subscriptions.of_request(session, request).customer
        recipient = (customer.email if customer is not None else None) or row.recipient
        end_confirmations.leave_anew(ctx, session, row, recipient=recipient, now=now)
        return recipient


def _send_copy_again(ctx: Context, session: Session, row: Mail, member: AccountMember, *, now: datetime) -> str:
    if member.removed_at is not None:
        raise NoResultFound
    end_confirmations.leave_anew(ctx, session, row, recipient=member.email, now=now)
    return member.email
