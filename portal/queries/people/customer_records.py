"""A customer's record at the desk: who it is and what hangs on it, in one statement, plain where it is many."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Label, Select, bindparam, func, select
from sqlalchemy.orm import Session

from portal.domain.ends.pauses import OPEN, PauseKind, PauseState
from portal.domain.ends.received_requests import ReceivedState
from portal.domain.money.late_payments import LateState
from portal.domain.people.account_members import MemberRole, MemberState, state_of
from portal.models import (
    AccountMember,
    AddressChange,
    AddressHold,
    Customer,
    CustomerJoining,
    CustomerNote,
    Grant,
    LatePayment,
    PauseRequest,
    Product,
    ReceivedRequest,
    Subscription,
)
from portal.queries.account.account_rows import MONEY, PAID, PlainMoney
from portal.queries.json_rows import JsonRow, json_all
from portal.queries.people import address_holds


@dataclass(frozen=True)
class PlainChange:
    """An address that waits for its confirmation."""

    email: str
    asked_by: str
    by_customer: bool
    mailed_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class PlainHold:
    """A change of address that its former mailbox contests, and that nobody has decided."""

    id: uuid.UUID
    customer_id: uuid.UUID
    former_email: str


@dataclass(frozen=True)
class PlainJoining:
    """Another record that was joined into this one, under the name it had."""

    id: uuid.UUID
    created_at: datetime
    name: str


@dataclass(frozen=True)
class PlainMember:
    """Somebody whom the customer has let into their account, or has invited."""

    id: uuid.UUID
    email: str
    name: str
    role: MemberRole
    invited_at: datetime
    expires_at: datetime
    accepted_at: datetime | None

    def state(self, now: datetime) -> MemberState:
        """How far they are."""
        return state_of(accepted_at=self.accepted_at, removed_at=None, expires_at=self.expires_at, now=now)


@dataclass(frozen=True)
class PlainNote:
    """What somebody of the team noted."""

    id: uuid.UUID
    created_at: datetime
    author_id: uuid.UUID
    author_name: str
    text: str


@dataclass(frozen=True)
class PlainGift:
    """Access given by hand, under the product's name."""

    id: uuid.UUID
    created_at: datetime
    product_id: uuid.UUID
    since: datetime
    until: datetime | None
    note: str
    actor_name: str
    withdrawn_at: datetime | None
    withdrawn_by: str
    product: str


@dataclass(frozen=True)
class PlainLate:
    """A payment after the end that nobody has settled."""

    id: uuid.UUID
    subscription_id: uuid.UUID
    payment: PlainMoney


@dataclass(frozen=True)
class PlainReceived:
    """A cancellation notice that waits for the team."""

    id: uuid.UUID
    subscription_id: uuid.UUID
    reference: str
    received_at: datetime


@dataclass(frozen=True)
class OpenPause:
    """A request to pause or to resume that somebody, or its day, still has to carry out."""

    subscription_id: uuid.UUID
    kind: PauseKind
    state: PauseState
    due_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Record:
    """A customer, and what is known beside their subscriptions; notes newest first."""

    customer: Customer
    change: PlainChange | None
    holds: tuple[PlainHold, ...]
    joinings: tuple[PlainJoining, ...]
    members: tuple[PlainMember, ...]
    notes: tuple[PlainNote, ...]
    gifts: tuple[PlainGift, ...]
    late: tuple[PlainLate, ...]
    received: tuple[PlainReceived, ...]
    pauses: tuple[OpenPause, ...]


CHANGE: Final = JsonRow(PlainChange, AddressChange)
HOLD: Final = JsonRow(PlainHold, AddressHold)
JOINING: Final = JsonRow(PlainJoining, CustomerJoining)
MEMBER: Final = JsonRow(PlainMember, AccountMember)
NOTE: Final = JsonRow(PlainNote, CustomerNote)
GIFT: Final = JsonRow(PlainGift, Grant)
LATE: Final = JsonRow(PlainLate, LatePayment)
RECEIVED: Final = JsonRow(PlainReceived, ReceivedRequest)
PAUSE: Final = JsonRow(OpenPause, PauseRequest)
MERCHANT: Final[ColumnElement[uuid.UUID]] = bindparam("merchant_id")
CUSTOMER: Final[ColumnElement[uuid.UUID]] = bindparam("customer_id")


def of_merchant(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID) -> Record:
    """Return the record of one customer of the merchant; raise NoResultFound for any other."""
    row = session.execute(_record(), {"merchant_id": merchant_id, "customer_id": customer_id}).one()
    changes = [CHANGE.made_of(one) for one in row.changes or ()]
    return Record(
        customer=row.Customer,
        change=changes[0] if changes else None,
        holds=tuple(HOLD.made_of(one) for one in row.holds or ()),
        joinings=tuple(JOINING.made_of(one, one[-1]) for one in row.joinings or ()),
        members=tuple(MEMBER.made_of(one) for one in row.members or ()),
        notes=tuple(NOTE.made_of(one) for one in row.notes or ()),
        gifts=tuple(GIFT.made_of(one) for one in row.gifts or ()),
        late=tuple(LATE.made_of(one, MONEY.made_of(one[-1])) for one in row.late or ()),
        received=tuple(RECEIVED.made_of(one) for one in row.received or ()),
        pauses=tuple(PAUSE.made_of(one) for one in row.pauses or ()),
    )


@cache
def _record() -> Select[Any]:
    waits = AddressChange.customer_id == CUSTOMER, AddressChange.outcome.is_(None)
    theirs = Subscription.merchant_id == MERCHANT, Subscription.customer_id == CUSTOMER
    held = AddressHold.customer_id == CUSTOMER, *address_holds.waiting()
    gifts = (
        select(json_all(GIFT.column(Product.name), Grant.since, Grant.id))
        .join_from(Grant, Product, Grant.product_id == Product.id)
        .where(Grant.merchant_id == MERCHANT, Grant.customer_id == CUSTOMER)
    )
    late = (
        select(json_all(LATE.column(MONEY.column()), PAID.paid_at, LatePayment.id))
        .join_from(LatePayment, PAID, LatePayment.payment_id == PAID.id)
        .join(Subscription, LatePayment.subscription_id == Subscription.id)
        .where(*theirs, LatePayment.state == LateState.OPEN)
    )
    received = (
        select(json_all(RECEIVED.column(), ReceivedRequest.received_at, ReceivedRequest.id))
        .join_from(ReceivedRequest, Subscription, ReceivedRequest.subscription_id == Subscription.id)
        .where(*theirs, ReceivedRequest.state == ReceivedState.OPEN)
    )
    pauses = (
        select(json_all(PAUSE.column(), PauseRequest.created_at, PauseRequest.id))
        .join_from(PauseRequest, Subscription, PauseRequest.subscription_id == Subscription.id)
        .where(*theirs, PauseRequest.state.in_(OPEN))
    )
    notes = select(json_all(NOTE.column(), CustomerNote.created_at.desc(), CustomerNote.id)).where(
        CustomerNote.merchant_id == MERCHANT, CustomerNote.customer_id == CUSTOMER
    )
    members = select(json_all(MEMBER.column(), AccountMember.created_at, AccountMember.id)).where(
        AccountMember.customer_id == CUSTOMER, AccountMember.removed_at.is_(None)
    )
    joinings = select(
        json_all(
            JOINING.column(func.coalesce(func.nullif(_former("name"), ""), _former("email"))),
            CustomerJoining.created_at,
            CustomerJoining.id,
        )
    ).where(CustomerJoining.merchant_id == MERCHANT, CustomerJoining.customer_id == CUSTOMER)
    return select(
        Customer,
        _named("joinings", joinings),
        _named("members", members),
        _named("changes", select(json_all(CHANGE.column(), AddressChange.id)).where(*waits)),
        _named("holds", select(json_all(HOLD.column(), AddressHold.held_at, AddressHold.id)).where(*held)),
        _named("notes", notes),
        _named("gifts", gifts),
        _named("late", late),
        _named("received", received),
        _named("pauses", pauses),
    ).where(Customer.id == CUSTOMER, Customer.merchant_id == MERCHANT)


def _former(name: str) -> ColumnElement[str]:
    value: ColumnElement[str] = CustomerJoining.former[name].astext
    return value


def _named(name: str, rows: Select[Any]) -> Label[Any]:
    return rows.correlate(None).scalar_subquery().label(name)
