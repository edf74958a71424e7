"""What happens because time passes. Access needs none of it: it is computed from dates at each request.

Every row is worked on in a transaction of its own; one that fails is logged and stops nobody behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.orm import Session

from portal.domain.dates.end_dates import LATE_AFTER
from portal.domain.ends.end_requests import OVERDUE, RequestState
from portal.domain.law.retention import FIXED_DAYS, OPERATOR, Kind, Stock
from portal.logs import place_of
from portal.models import EndRequest, Subscription, TimelineKind
from portal.queries import subscriptions
from portal.queries.ends import aging, end_requests
from portal.queries.law import proofs as proof_queries
from portal.queries.people import merchants
from portal.services import proofs, task_links, throttles
from portal.services.api import api_replies, api_uses
from portal.services.audit import timeline
from portal.services.batches import Find, Unfinished, each
from portal.services.comparisons import comparison_starts
from portal.services.context import Context
from portal.services.inbox import received_reminders
from portal.services.money import missed_payments
from portal.services.notices import late_ends, notices, renewal_notices, withdrawal_notices
from portal.services.people import (
    account_members,
    address_changes,
    address_holds,
    invitations,
    logins,
    passkey_challenges,
    sessions,
    staff_devices,
    staff_links,
)

log = structlog.get_logger(__name__)

NOTICE_BEFORE_ACCESS_ENDS = timedelta(days=3)
KEEP_LOGINS = FIXED_DAYS[Kind.LOG_INS]  # expired sessions and codes, for the person's own list
KEEP_THROTTLES = OPERATOR[Stock.COUNTERS]
KEEP_COMPARISONS = OPERATOR[Stock.COMPARISONS]


_Act = Callable[[Session, EndRequest, Subscription], None]


def run(ctx: Context, *, now: datetime) -> None:
    """Do all of it. Raises Unfinished at the end when a row or a step failed, so that it is seen."""
    failed = []
    reminding = received_reminders.remind
    warning = (missed_payments.warn, withdrawal_notices.warn, renewal_notices.warn)
    before = (tell_late, tell_overdue, reminding, tell_access_ends_soon, *warning)
    for step in (*before, close_over, make_proofs, forget_expired):
        try:
            step(ctx, now=now)
        except Exception as error:
            failed.append(step.__name__)
            log.error("aging_step_failed", step=step.__name__, error=type(error).__name__, place=place_of(error))
    if failed:
        raise Unfinished(", ".join(failed))


def tell_late(ctx: Context, *, now: datetime) -> None:
    """Ring the alarm for planned ends whose time was missed, within the hour (rule 10). Raises Unfinished."""

    def tell(session: Session, request: EndRequest, subscription: Subscription) -> None:
        if request.is_open and request.late_told_at is None:
            late_ends.tell(ctx, session, request, subscription, now=now)

    _each(ctx, partial(aging.missed, before=now - LATE_AFTER), tell)


def tell_overdue(ctx: Context, *, now: datetime) -> None:
    """Send the honest status to whoever waits for 24 h without PayPal's confirmation (cancellation.md, Mails).

    Raises Unfinished.
    """

    def tell(session: Session, request: EndRequest, _subscription: Subscription) -> None:
        if request.is_open and request.overdue_told_at is None:
            request.overdue_told_at = now
            notices.end_overdue(ctx, session, request, now=now)

    _each(ctx, partial(aging.unconfirmed_since, before=now - OVERDUE), tell)


def tell_access_ends_soon(ctx: Context, *, now: datetime) -> None:
    """Tell customers three days before access ends, once (the mail's key makes it so). Raises Unfinished."""

    def tell(session: Session, request: EndRequest, _subscription: Subscription) -> None:
        notices.access_ends_soon(ctx, session, request, now=now)

    _each(ctx, partial(aging.losing_access, since=now, until=now + NOTICE_BEFORE_ACCESS_ENDS), tell)


def close_over(ctx: Context, *, now: datetime) -> None:
    """Close confirmed requests whose access has ended, or is kept for good; say so on the day. Raises Unfinished."""

    def close(session: Session, request: EndRequest, subscription: Subscription) -> None:
        if request.state is not RequestState.CONFIRMED:
            return
        request.move(RequestState.CLOSED)
        request.closed_at = now
        if subscription.access_until is None:
            return  # nothing was open, or all is kept: no access has ended
        timeline.note(session, subscription, TimelineKind.CLOSED, key=str(request.id), at=now)
        if not end_requests.repeats(session, request):
            notices.access_ended(ctx, session, request, now=now)

    _each(ctx, partial(aging.closable, now=now), close)


def make_proofs(ctx: Context, *, now: datetime) -> None:
    """Make the proofs of ends that were confirmed before there were any, from what is known now. Raises Unfinished."""

    def make(session: Session, request: EndRequest, _subscription: Subscription) -> None:
        proofs.keep(ctx, session, request, merchants.of(session, request.merchant_id), now=now)

    _each(ctx, proof_queries.missing, make)


def forget_expired(ctx: Context, *, now: datetime) -> None:
    """Delete log-ins, mailed links, counters and comparisons that are long over."""
    logins.purge(ctx, before=now - KEEP_LOGINS)
    sessions.purge(ctx, before=now - KEEP_LOGINS)
    staff_links.purge(ctx, before=now - KEEP_LOGINS)
    invitations.purge(ctx, before=now - KEEP_LOGINS)
    account_members.purge(ctx, before=now - KEEP_LOGINS)
    address_changes.purge(ctx, before=now - KEEP_LOGINS)
    address_holds.purge(ctx, before=now - KEEP_LOGINS)
    task_links.purge(ctx, before=now - KEEP_LOGINS, unopened_before=now - KEEP_THROTTLES)
    passkey_challenges.purge(ctx, before=now - KEEP_THROTTLES)
    staff_devices.purge(ctx, now=now)
    throttles.purge(ctx, before=now - KEEP_THROTTLES)
    api_uses.purge(ctx, now=now)
    api_replies.purge(ctx, now=now)
    comparison_starts.purge(ctx, before=now - KEEP_COMPARISONS)


def _each(ctx: Context, find: Find[aging.Key], act: _Act) -> None:
    """Act on every request that `find` finds, locked after its subscription. Raises Unfinished."""

    def locked(session: Session, key: aging.Key) -> None:
        subscription = subscriptions.lock(session, key.merchant_id, key.subscription_id)
        act(session, end_requests.lock(session, key.id), subscription)

    each(ctx.db, find, locked, event="aging_row_failed")
