"""What staff write of a renewal: a letter with its day, the day on which a term began, that they have read of it."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.errors import DomainError
from portal.domain.law.renewals import ReminderState
from portal.models import RenewalReminder, Subscription
from portal.queries import subscriptions
from portal.queries.law import renewals
from portal.queries.people import merchants
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.dates.renewal_terms import day_of, renewing_of, start_of
from portal.services.renewals.reminders import write_freedom


class WrongDay(StrEnum):
    """Why a day cannot be the one that is asked for."""

    AHEAD = "ahead"


class ImpossibleDay(DomainError):
    """The day cannot be, for the reason given. Nothing was written."""

    def __init__(self, why: WrongDay) -> None:
        super().__init__(why.value)
        self.why = why


def record_letter(
    ctx: Context, merchant_id: uuid.UUID, reminder_id: uuid.UUID, day: date, *, by: By, now: datetime
) -> bool:
    """Write that a letter was sent on a day; say whether that was in time. Raises NoResultFound and ImpossibleDay.

    A letter takes the place of a message that did not arrive, or of none: never of one that proves something.
    """
    with ctx.db.begin() as session:
        subscription, reminder = _locked(session, merchant_id, reminder_id)
        merchant = merchants.of(session, merchant_id)
        if reminder.state not in (ReminderState.FAILED, ReminderState.MISSED, ReminderState.LETTER):
            raise NoResultFound
        if day > day_of(now, merchant.time_zone):
            raise ImpossibleDay(WrongDay.AHEAD)
        before = [reminder.state.value, str(reminder.letter_on)]
        reminder.state, reminder.letter_on = ReminderState.LETTER, day
        reminder.settled_at, reminder.settled_by = now, by.name
        session.flush()
        _write_freedom(session, subscription, now=now)
        told = {"renews_on": str(reminder.renews_on), "before": before, "letter_on": str(day)}
        subject = ("subscription", subscription.id)
        audit.append(session, merchant_id, Act.RENEWAL_LETTER, by=by, at=now, subject=subject, **told)
        return reminder.is_proved(None)


def give_start(
    ctx: Context, merchant_id: uuid.UUID, subscription_id: uuid.UUID, day: date, *, by: By, now: datetime
) -> None:
    """Write on which day the first term began: from then on the renewals are reckoned from it.

    Raises NoResultFound of what does not renew itself, and ImpossibleDay of a day to come.
    """
    with ctx.db.begin() as session:
        subscription = subscriptions.lock(session, merchant_id, subscription_id)
        if renewing_of(subscription) is None:
            raise NoResultFound
        if day > day_of(now, merchants.of(session, merchant_id).time_zone):
            raise ImpossibleDay(WrongDay.AHEAD)
        changed = [str(subscription.term_from or ""), str(day)]
        subscription.term_from = day
        for row in renewals.of_subscription(session, subscription.id):
            if row.state is ReminderState.START_UNKNOWN:
                session.delete(row)
        subject = ("subscription", subscription.id)
        audit.append(session, merchant_id, Act.RENEWAL_START, by=by, at=now, subject=subject, term_from=changed)


def see(ctx: Context, merchant_id: uuid.UUID, reminder_id: uuid.UUID, *, by: By, now: datetime) -> uuid.UUID:
    """Write that staff leave a renewal without a proof; return the subscription's id. Raises NoResultFound."""
    with ctx.db.begin() as session:
        subscription, reminder = _locked(session, merchant_id, reminder_id)
        if reminder.state is ReminderState.START_UNKNOWN:
            raise NoResultFound  # only its day settles it
        if reminder.settled_at is None:
            reminder.settled_at, reminder.settled_by = now, by.name
            told = {"renews_on": str(reminder.renews_on), "state": reminder.state.value}
            subject = ("subscription", subscription.id)
            audit.append(session, merchant_id, Act.RENEWAL_SEEN, by=by, at=now, subject=subject, **told)
        return subscription.id


def _locked(session: Session, merchant_id: uuid.UUID, reminder_id: uuid.UUID) -> tuple[Subscription, RenewalReminder]:
    found = renewals.of_merchant(session, merchant_id, reminder_id)
    subscription = subscriptions.lock(session, merchant_id, found.subscription_id)
    return subscription, renewals.lock(session, merchant_id, reminder_id)


def _write_freedom(session: Session, subscription: Subscription, *, now: datetime) -> None:
    merchant, terms = merchants.of(session, subscription.merchant_id), renewing_of(subscription)
    start = start_of(subscription, merchant.time_zone)
    if terms is not None and start is not None:
        rows = renewals.of_subscription(session, subscription.id)
        write_freedom(subscription, merchant, rows, start=start, terms=terms, now=now)
