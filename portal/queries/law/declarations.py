"""Every SELECT of declarations from the public pages."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import Session

from portal.domain.ends.received_requests import ReceivedState
from portal.domain.law.countries import Function
from portal.domain.law.declarations import Carrying
from portal.domain.law.withdrawals import LONGEST
from portal.domain.subscriptions import ENDED
from portal.models import (
    Customer,
    EndRequest,
    Mail,
    Product,
    PublicDeclaration,
    ReceivedRequest,
    Subscription,
    Withdrawal,
)
from portal.queries.aliases import joined

__all__ = [
    "PublicDeclaration",
    "asked_elsewhere",
    "binding_products",
    "by_link",
    "by_page",
    "due",
    "first_that_counts",
    "is_due",
    "is_erased",
    "live_of",
    "lock",
    "meant_by",
    "of_received",
    "of_reference",
    "of_several",
    "on_file",
    "question",
    "undecided",
    "withdrawable_of",
]


@cache
def _whole() -> Select[PublicDeclaration]:
    """Each with the request that it is."""
    return joined(select(PublicDeclaration), (PublicDeclaration.received,))


def by_page(session: Session, merchant_id: uuid.UUID, page_hash: str) -> PublicDeclaration | None:
    """Return the declaration whose page has that address."""
    return session.scalars(
        _whole().where(PublicDeclaration.merchant_id == merchant_id, PublicDeclaration.page_hash == page_hash)
    ).one_or_none()


def by_link(session: Session, merchant_id: uuid.UUID, link_hash: str) -> PublicDeclaration | None:
    """Return the declaration to which the link of a mail leads."""
    return session.scalars(
        _whole().where(PublicDeclaration.merchant_id == merchant_id, PublicDeclaration.link_hash == link_hash)
    ).one_or_none()


def lock(session: Session, received_id: uuid.UUID) -> PublicDeclaration:
    """Return one, locked, with its request as it stands once the lock is had; raise NoResultFound."""
    row = session.scalars(
        _whole()
        .where(PublicDeclaration.received_request_id == received_id)
        .with_for_update(key_share=True, of=PublicDeclaration)
        .execution_options(populate_existing=True)
    ).one()
    session.refresh(row.received)  # joined, it is as it was before the wait for the lock
    return row


def of_received(session: Session, received_id: uuid.UUID) -> PublicDeclaration | None:
    """Return what a request is as a declaration; None for one that came otherwise."""
    return session.scalars(_whole().where(PublicDeclaration.received_request_id == received_id)).one_or_none()


def first_that_counts(
    session: Session, subscription_id: uuid.UUID, kind: Function, *, wished_on: date | None, particulars: dict[str, str]
) -> PublicDeclaration | None:
    """Return the first declaration by which whoever has the contract ends it just so, or withdraws from it.

    It counts while it waits and once it is answered: after an end that was taken back the same is declared anew.
    Nobody withdraws from one contract twice: whatever is declared of it then is that.
    """
    waits = and_(
        ReceivedRequest.state == ReceivedState.OPEN, ReceivedRequest.open_since == PublicDeclaration.created_at
    )
    counts = or_(ReceivedRequest.state == ReceivedState.MATCHED, waits)
    if kind is Function.CANCELLATION:
        counts = and_(counts, ReceivedRequest.wished_on == wished_on, PublicDeclaration.particulars == particulars)
    of_it: ColumnElement[bool] = exists().where(ReceivedRequest.id == PublicDeclaration.received_request_id, counts)
    if kind is Function.WITHDRAWAL:
        of_it = or_(of_it, exists().where(Withdrawal.subscription_id == subscription_id))
    theirs = (PublicDeclaration.subscription_id == subscription_id, PublicDeclaration.kind == kind)
    said = _whole().where(*theirs, PublicDeclaration.confirmed_at.is_not(None), of_it)
    return session.scalars(said.order_by(PublicDeclaration.created_at).limit(1)).one_or_none()


def of_reference(session: Session, merchant_id: uuid.UUID, reference: str) -> PublicDeclaration | None:
    """Return the declaration that was given that reference."""
    return session.scalars(
        select(PublicDeclaration)
        .join(PublicDeclaration.received)
        .where(ReceivedRequest.merchant_id == merchant_id, ReceivedRequest.reference == reference)
    ).one_or_none()


def of_several(session: Session, received_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, PublicDeclaration]:
    """Return those of several requests, by the request."""
    rows = session.scalars(select(PublicDeclaration).where(PublicDeclaration.received_request_id.in_(received_ids)))
    return {row.received_request_id: row for row in rows}


def asked_elsewhere(session: Session, received_ids: Sequence[uuid.UUID]) -> frozenset[uuid.UUID]:
    """Return those of several requests that nobody has decided yet, or that are not the merchant's to carry out.

    One beyond a limit is among them: the inbox counts it, and no mail is made of it at once.
    """
    elsewhere = or_(PublicDeclaration.carrying.is_distinct_from(Carrying.BY_MERCHANT), PublicDeclaration.is_repeated)
    ids = PublicDeclaration.received_request_id
    asked = select(ids).join(PublicDeclaration.received).where(ids.in_(received_ids), elsewhere)
    return frozenset(session.scalars(asked.where(ReceivedRequest.open_since == PublicDeclaration.created_at)))


def undecided(session: Session, *, before: datetime, limit: int) -> Sequence[uuid.UUID]:
    """Return declarations at which nobody has looked since that moment, of all merchants."""
    return session.scalars(
        select(PublicDeclaration.received_request_id)
        .where(PublicDeclaration.decided_at.is_(None), PublicDeclaration.created_at <= before)
        .order_by(PublicDeclaration.created_at)
        .limit(limit)
    ).all()


def due(session: Session, *, now: datetime, lost_before: datetime, limit: int) -> Sequence[uuid.UUID]:
    """Return those that are to be carried out, of all merchants: the delay is over and nobody has answered, or the
    answer was yes, before `lost_before`, and whoever had to carry it out was stopped in between."""
    return session.scalars(
        select(PublicDeclaration.received_request_id)
        .where(*is_due(now=now, lost_before=lost_before))
        .order_by(PublicDeclaration.due_at, PublicDeclaration.created_at)
        .limit(limit)
    ).all()


def is_due(
    *, now: datetime | ColumnElement[datetime], lost_before: datetime | ColumnElement[datetime]
) -> tuple[ColumnElement[bool], ...]:
    """Return what is so of those that `due` finds."""
    is_open = exists().where(
        ReceivedRequest.id == PublicDeclaration.received_request_id,
        ReceivedRequest.state == ReceivedState.OPEN,
        ReceivedRequest.open_since == PublicDeclaration.created_at,  # an end that answered it and was taken back: staff
    )
    is_done = exists().where(
        Withdrawal.received_request_id == PublicDeclaration.received_request_id
    )  # no end answers it
    is_over = and_(
        PublicDeclaration.carrying == Carrying.AFTER_DELAY,
        PublicDeclaration.due_at <= now,
        PublicDeclaration.confirmed_at.is_(None),
    )
    was_lost = and_(
        PublicDeclaration.carrying != Carrying.BY_MERCHANT,
        PublicDeclaration.confirmed_at <= lost_before,
        PublicDeclaration.decided_at <= lost_before,
    )
    return or_(is_over, was_lost), PublicDeclaration.refused_at.is_(None), is_open, ~is_done


def is_erased(session: Session, row: PublicDeclaration) -> bool:
    """Say whether whose it was is erased: found by the address, which is gone then, or by what answered it."""
    if row.received.email is None:
        return True
    ended = select(EndRequest.subscription_id).where(EndRequest.id == row.received.end_request_id)
    undone = select(Withdrawal.subscription_id).where(Withdrawal.received_request_id == row.received_request_id)
    named = Subscription.id.in_([row.subscription_id, row.received.subscription_id])
    theirs = select(Subscription.customer_id).where(or_(named, Subscription.id.in_(ended), Subscription.id.in_(undone)))
    return bool(session.scalar(select(exists().where(Customer.id.in_(theirs), Customer.erased_at.is_not(None)))))


def question(session: Session, key: str) -> Mail | None:
    """Return the message of that key, which asks the mailbox on file."""
    return session.scalars(select(Mail).where(Mail.key == key).execution_options(populate_existing=True)).one_or_none()


def on_file(session: Session, merchant_id: uuid.UUID, email: str) -> Customer | None:
    """Return the customer whose address on file that is."""
    ours = select(Customer).where(Customer.merchant_id == merchant_id, Customer.email == email)
    return session.scalars(ours.order_by(Customer.email_place, Customer.id).limit(1)).first()


def live_of(session: Session, merchant_id: uuid.UUID, email: str) -> Sequence[Subscription]:
    """Return the subscriptions that are not over of whoever has that address on file."""
    return session.scalars(
        joined(select(Subscription).join(Subscription.customer), (Subscription.customer,), (Subscription.product,))
        .where(
            Subscription.merchant_id == merchant_id,
            Customer.merchant_id == merchant_id,
            Customer.email == email,
            Subscription.status.not_in(ENDED),
        )
        .order_by(Subscription.started_at, Subscription.id)
    ).all()


def withdrawable_of(session: Session, merchant_id: uuid.UUID, email: str, *, since: datetime) -> Sequence[Subscription]:
    """Return the contracts of whoever has that address on file from which nobody has withdrawn yet.

    Of those that are over, the ones that began since then: no period is longer.
    """
    may_run = or_(Subscription.ended_at.is_(None), Subscription.started_at > since)
    return session.scalars(
        joined(select(Subscription).join(Subscription.customer), (Subscription.customer,), (Subscription.product,))
        .where(
            Subscription.merchant_id == merchant_id,
            Customer.merchant_id == merchant_id,
            Customer.email == email,
            Subscription.withdrawn_at.is_(None),
            may_run,
        )
        .order_by(Subscription.started_at, Subscription.id)
    ).all()


def meant_by(session: Session, row: PublicDeclaration, *, now: datetime) -> Sequence[Subscription]:
    """Return what the declared address can mean: what runs, or for a withdrawal what can be undone."""
    email = row.received.email or ""
    if row.kind is Function.CANCELLATION:
        return live_of(session, row.merchant_id, email)
    return withdrawable_of(session, row.merchant_id, email, since=now - LONGEST)


def binding_products(session: Session, merchant_id: uuid.UUID) -> bool:
    """Say whether a product of the merchant's binds by a commitment: only then is a ground asked for (R-FR-8)."""
    binds = exists().where(Product.merchant_id == merchant_id, Product.commitment_binds.is_(True))
    return bool(session.scalar(select(binds)))
