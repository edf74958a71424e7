"""Every SELECT of tacit renewals: whom to remind, what became of it, what is owed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Row, and_, func, or_, select
from sqlalchemy.orm import Session

from portal.domain.law.plan_kinds import PlanKind
from portal.domain.law.renewals import ReminderState
from portal.domain.subscriptions import Status
from portal.models import NOT_TAKEN, Mail, MailState, Payment, Plan, RenewalRefund, RenewalReminder, Subscription
from portal.queries.access.products import is_ending

Key = Row[uuid.UUID, uuid.UUID]  # id, merchant_id of a subscription
RowKey = Row[uuid.UUID, uuid.UUID, uuid.UUID]  # id, merchant_id, subscription_id
RUNS = (Status.ACTIVE, Status.PAST_DUE, Status.PAUSED)  # a pause stops payments, not the term
UNDELIVERED = (MailState.REFUSED, MailState.RETURNED)


def renewing(session: Session, *, after: uuid.UUID | None, limit: int) -> Sequence[Key]:
    """Return subscriptions that run by a plan with tacit renewal, and whose end nobody has asked for."""
    statement = (
        select(Subscription.id, Subscription.merchant_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .where(Plan.kind == PlanKind.TACIT_RENEWAL, Subscription.status.in_(RUNS), ~is_ending())
    )
    if after is not None:
        statement = statement.where(Subscription.id > after)
    return session.execute(statement.order_by(Subscription.id).limit(limit)).all()


def changed(session: Session, *, after: uuid.UUID | None, limit: int) -> Sequence[RowKey]:
    """Return reminders whose message has left, was refused, or came back since that was written down."""
    is_news = or_(
        and_(
            RenewalReminder.state == ReminderState.WAITING,
            Mail.state.in_((MailState.SENT, *UNDELIVERED)),
        ),
        and_(RenewalReminder.state == ReminderState.SENT, Mail.state.in_(UNDELIVERED)),
    )
    statement = (
        select(RenewalReminder.id, RenewalReminder.merchant_id, RenewalReminder.subscription_id)
        .join(Mail, Mail.id == RenewalReminder.mail_id)
        .where(is_news)
    )
    if after is not None:
        statement = statement.where(RenewalReminder.id > after)
    return session.execute(statement.order_by(RenewalReminder.id).limit(limit)).all()


def of_subscription(session: Session, subscription_id: uuid.UUID) -> list[RenewalReminder]:
    """Return a subscription's reminders, the newest renewal first; the caller has checked whose it is."""
    mine = RenewalReminder.subscription_id == subscription_id
    newest = RenewalReminder.renews_on.desc().nulls_first()
    return list(session.scalars(select(RenewalReminder).where(mine).order_by(newest)))


def of_merchant(session: Session, merchant_id: uuid.UUID, reminder_id: uuid.UUID) -> RenewalReminder:
    """Return one reminder of the merchant; raise NoResultFound for any other."""
    own = RenewalReminder.id == reminder_id, RenewalReminder.merchant_id == merchant_id
    return session.scalars(select(RenewalReminder).where(*own)).one()


def lock(session: Session, merchant_id: uuid.UUID, reminder_id: uuid.UUID) -> RenewalReminder:
    """Return one reminder of the merchant, locked; its subscription is locked before. Raises NoResultFound."""
    own = RenewalReminder.id == reminder_id, RenewalReminder.merchant_id == merchant_id
    statement = select(RenewalReminder).where(*own).with_for_update(key_share=True)
    return session.scalars(statement.execution_options(populate_existing=True)).one()


def mail_of(session: Session, reminder: RenewalReminder) -> Mail | None:
    """Return the message of a reminder, as long as the outbox has it."""
    return session.get(Mail, reminder.mail_id) if reminder.mail_id is not None else None


def refund_of(session: Session, subscription_id: uuid.UUID) -> RenewalRefund | None:
    """Return what goes back after the subscription's end, the newest; None where nothing does."""
    mine = select(RenewalRefund).where(RenewalRefund.subscription_id == subscription_id)
    return session.scalars(mine.order_by(RenewalRefund.created_at.desc()).limit(1)).one_or_none()


def lock_refund(session: Session, merchant_id: uuid.UUID, refund_id: uuid.UUID) -> RenewalRefund:
    """Return one of the merchant, locked; raise NoResultFound for any other."""
    own = RenewalRefund.id == refund_id, RenewalRefund.merchant_id == merchant_id
    statement = select(RenewalRefund).where(*own).with_for_update(key_share=True)
    return session.scalars(statement.execution_options(populate_existing=True)).one()


def open_refunds(
    session: Session, *, after: uuid.UUID | None, limit: int, due_before: datetime | None = None
) -> Sequence[RowKey]:
    """Return what is still to go back; with `due_before`, what is due by then."""
    statement = select(RenewalRefund.id, RenewalRefund.merchant_id, RenewalRefund.subscription_id)
    statement = statement.where(RenewalRefund.settled_at.is_(None))
    if due_before is not None:
        statement = statement.where(RenewalRefund.due_at <= due_before)
    if after is not None:
        statement = statement.where(RenewalRefund.id > after)
    return session.execute(statement.order_by(RenewalRefund.id).limit(limit)).all()


def advances(session: Session, subscription_id: uuid.UUID, *, since: datetime) -> list[Payment]:
    """Return the payments that came since a renewal, the newest first, whatever went back of them."""
    own = Payment.subscription_id == subscription_id, Payment.paid_at >= since, Payment.state.not_in(NOT_TAKEN)
    return list(session.scalars(select(Payment).where(*own).order_by(Payment.paid_at.desc(), Payment.id)))


def left_of(payments: Sequence[Payment]) -> Decimal:
    """Return what the merchant still has of payments."""
    return sum((one.left for one in payments), Decimal(0))


def waiting() -> ColumnElement[bool]:
    """Say which reminders wait for the merchant: by letter, to be known, or for the day on which a term began.

    Of a subscription that is over, or whose end was asked for, nobody has to be reminded.
    """
    states = (ReminderState.FAILED, ReminderState.MISSED, ReminderState.START_UNKNOWN)
    return and_(
        RenewalReminder.settled_at.is_(None),
        RenewalReminder.state.in_(states),
        RenewalReminder.subscription.has(and_(Subscription.status.in_(RUNS), ~is_ending())),
    )


def unanswered_plans(session: Session, merchant_id: uuid.UUID) -> dict[uuid.UUID, int]:
    """Return how many plans of each product nobody has said the kind of; only of those that sell something today."""
    runs = select(Subscription.id).where(Subscription.plan_id == Plan.id, Subscription.ended_at.is_(None)).exists()
    rows = session.execute(
        select(Plan.product_id, func.count())
        .where(Plan.merchant_id == merchant_id, Plan.kind_answered_at.is_(None), runs)
        .group_by(Plan.product_id)
    )
    return {row[0]: row[1] for row in rows}
