"""A fixed term that renews itself, and the hours at which it is looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from portal.domain.law.plan_kinds import PlanKind
from portal.models import Mail, Plan, RenewalReminder, Subscription
from portal.services.renewals import reminders

START = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
# By hand, of a year from 10 March 2026 with 30 days of notice: refused by 8 February 2027, told from 8 November 2026
# to 8 January 2027, and sent three days after the window opens.
TOO_EARLY, DUE, LAST, TOO_LATE = (
    datetime(2026, 11, 10, 12, tzinfo=UTC),
    datetime(2026, 11, 11, 12, tzinfo=UTC),
    datetime(2027, 1, 8, 12, tzinfo=UTC),
    datetime(2027, 1, 9, 12, tzinfo=UTC),
)
RENEWED = datetime(2027, 3, 10, 12, tzinfo=UTC)
NEXT_DUE = datetime(2027, 11, 12, 12, tzinfo=UTC)  # February 2028 has a day more: refused by the 9th
A_DAY = timedelta(days=1)


def renewing(ctx, make, *, months=12, notice=30, answered_at=START, **columns) -> Subscription:
    """A subscription by such a plan, paid monthly, begun on 10 March 2026."""
    columns = {"started_at": START, "next_payment_at": START + timedelta(days=31), "at_paypal": False} | columns
    one = make.subscription(**columns)
    answer(ctx, one, months=months, notice=notice, answered_at=answered_at)
    return make.reload(one)


def answer(ctx, one, *, months=12, notice=30, answered_at=START, kind=PlanKind.TACIT_RENEWAL) -> None:
    """Say what the plan makes."""
    values = {"kind": kind, "term_months": months, "term_notice_days": notice, "kind_answered_at": answered_at}
    with ctx.db.begin() as session:
        session.execute(update(Plan).where(Plan.id == one.plan_id).values(**values))


def look(ctx, at) -> None:
    """What the hourly job does."""
    reminders.remind(ctx, now=at)


def rows(ctx) -> list[RenewalReminder]:
    with ctx.db.read() as session:
        return list(session.scalars(select(RenewalReminder).order_by(RenewalReminder.renews_on)))


def row(ctx) -> RenewalReminder:
    (found,) = rows(ctx)
    return found


def written(ctx) -> list[Mail]:
    with ctx.db.read() as session:
        return list(session.scalars(select(Mail).where(Mail.kind == "renewal_reminder").order_by(Mail.created_at)))
