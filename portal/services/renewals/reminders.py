"""The reminder of each tacit renewal: sent by itself within its window, once, and followed until it is proved.

A renewal of which no proof stands leaves the customer free to end at once (law.md R-FR-23): `free_from` says so, and
`dates.end_schedules` obeys.  What was told stands for its renewal, whatever the plan's answer becomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from typing import Final

import structlog
from sqlalchemy.orm import Session

from portal.domain.audit import PORTAL, Act
from portal.domain.law.renewals import ReminderState, Renewal, Renewing, current, to_remind, upcoming
from portal.models import MailState, Merchant, RenewalReminder, Subscription
from portal.queries import subscriptions
from portal.queries.ends import end_requests
from portal.queries.law import renewals
from portal.queries.people import merchants
from portal.services.audit import audit
from portal.services.batches import each
from portal.services.context import Context
from portal.services.dates.end_schedules import beginning_of
from portal.services.dates.renewal_terms import day_of, renewing_of, start_of
from portal.services.notices import renewal_notices

log = structlog.get_logger(__name__)

ANEW: Final = frozenset({ReminderState.FAILED})  # what another address may still mend


def remind(ctx: Context, *, now: datetime) -> None:
    """Take over what became of messages, send what is due, and write whose renewal is not proved.

    A row that fails stops nobody behind it. Raises Unfinished at the end when one did.
    """
    each(ctx.db, renewals.changed, partial(_follow, now), event="renewal_reminder_not_followed")
    each(ctx.db, renewals.renewing, partial(_look, ctx, now), event="renewal_not_reminded")


def sent_on(reminder: RenewalReminder, merchant: Merchant) -> date | None:
    """Return the merchant's day on which the mail server took the message."""
    return day_of(reminder.sent_at, merchant.time_zone) if reminder.sent_at is not None else None


def is_proved(reminder: RenewalReminder, merchant: Merchant) -> bool:
    """Say whether it is proved that the customer was told in time."""
    return reminder.is_proved(sent_on(reminder, merchant))


def _follow(now: datetime, session: Session, key: renewals.RowKey) -> None:
    """Copy what became of the message: the outbox may forget, the proof does not."""
    subscriptions.lock(session, key.merchant_id, key.subscription_id)
    reminder = renewals.lock(session, key.merchant_id, key.id)
    mail = renewals.mail_of(session, reminder)
    if mail is None or reminder.state not in (ReminderState.WAITING, ReminderState.SENT):
        return
    reminder.sent_at = reminder.sent_at or mail.sent_at
    if mail.state is MailState.SENT:
        day, one = sent_on(reminder, merchants.of(session, key.merchant_id)), reminder.renewal
        in_time = day is not None and one is not None and one.holds(day)
        reminder.state = ReminderState.SENT if in_time else ReminderState.MISSED  # late, it proves nothing
    elif mail.state in renewals.UNDELIVERED:
        reminder.state, reminder.failed_at, reminder.failure = ReminderState.FAILED, now, mail.report_code
        reminder.settled_at, reminder.settled_by = None, ""
    _note(session, reminder, Act.RENEWAL_REMINDER, now=now)


def _look(ctx: Context, now: datetime, session: Session, key: renewals.Key) -> None:
    """Do for one subscription whatever its renewals ask for today."""
    subscription = subscriptions.lock(session, key.merchant_id, key.id)
    terms, merchant = renewing_of(subscription), merchants.of(session, key.merchant_id)
    is_ending = end_requests.open_of(session, subscription.id) is not None
    if terms is None or subscription.status not in renewals.RUNS or is_ending:
        return
    rows, start = renewals.of_subscription(session, subscription.id), start_of(subscription, merchant.time_zone)
    unknown = next((row for row in rows if row.state is ReminderState.START_UNKNOWN), None)
    if start is None:
        if unknown is None:
            _write(session, subscription, ReminderState.START_UNKNOWN, None, now=now)
        return
    if unknown is not None:  # PayPal has told it meanwhile
        session.delete(unknown)
    known, day = {row.renews_on: row for row in rows}, day_of(now, merchant.time_zone)
    for one in to_remind(start, terms, day):
        row = known.get(one.renews_on)
        known[one.renews_on] = _due(ctx, session, subscription, one, row, day=day, now=now)
    known_rows = [row for row in known.values() if row is not None]
    write_freedom(subscription, merchant, known_rows, start=start, terms=terms, now=now)


def _due(
    ctx: Context,
    session: Session,
    subscription: Subscription,
    one: Renewal,
    row: RenewalReminder | None,
    *,
    day: date,
    now: datetime,
) -> RenewalReminder:
    """Send a reminder that is due, once; what can no more be in time is written as missed."""
    email = subscription.customer.email or ""
    if row is None:
        if day > one.closes_on:
            return _miss(session, subscription, one, now=now)
        row = _write(session, subscription, ReminderState.FAILED, one, now=now)
        if not email:
            row.failed_at = now
            return row
    elif row.state not in ANEW or not email or email == row.address or row.settled_at or not _is_open(row, day):
        return row
    renewal_notices.remind(ctx, session, subscription, row, now=now)
    return row


def _is_open(row: RenewalReminder, day: date) -> bool:
    return row.closes_on is not None and day <= row.closes_on


def _miss(session: Session, subscription: Subscription, one: Renewal, *, now: datetime) -> RenewalReminder:
    """Write that nothing was sent here; where the window closed before the plan's answer, that is nobody's to do."""
    row = _write(session, subscription, ReminderState.MISSED, one, now=now)
    answered = subscription.plan.kind_answered_at if subscription.plan is not None else None
    if answered is None or answered.date() > one.closes_on:
        row.settled_at = now
    return row


def _write(
    session: Session, subscription: Subscription, state: ReminderState, one: Renewal | None, *, now: datetime
) -> RenewalReminder:
    days = vars(one) if one is not None else {}
    row = RenewalReminder(
        merchant_id=subscription.merchant_id, subscription_id=subscription.id, state=state, created_at=now, **days
    )
    session.add(row)
    session.flush()
    return row


def write_freedom(
    subscription: Subscription,
    merchant: Merchant,
    rows: Sequence[RenewalReminder],
    *,
    start: date,
    terms: Renewing,
    now: datetime,
) -> None:
    """Write since when, or from when, the customer may end at once: the renewal of which nothing is proved."""
    day, known = day_of(now, merchant.time_zone), {row.renews_on: row for row in rows}

    def is_unproved(one: Renewal) -> bool:
        row = known.get(one.renews_on)
        return row is not None and not _is_open(row, day) and not is_proved(row, merchant)

    present, coming = current(start, terms, day), upcoming(start, terms, day)
    unproved = next((one for one in (present, coming) if one is not None and is_unproved(one)), None)
    free_from = beginning_of(unproved.renews_on, merchant.time_zone) if unproved is not None else None
    if free_from != subscription.free_from:
        log.info("renewal_freedom", subscription_id=str(subscription.id), is_free=free_from is not None)
        subscription.free_from = free_from


def _note(session: Session, reminder: RenewalReminder, act: Act, *, now: datetime) -> None:
    audit.append(
        session,
        reminder.merchant_id,
        act,
        by=PORTAL,
        at=now,
        subject=("subscription", reminder.subscription_id),
        state=reminder.state.value,
        renews_on=str(reminder.renews_on),
        deadline_on=str(reminder.deadline_on),
        message_id=reminder.message_id,
        template=reminder.template,
    )
