"""The figures of /metrics that the database knows: what is open, what waits, and since when. Never whose.

None reads more the older the installation is: what is open has partial indexes, whoever has messages is found by one
step in the index each, and what could be very many is counted up to MOST.  An age is 0 where nothing waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, String, and_, case, cast, func, literal, select, text, union_all
from sqlalchemy.orm import Session

from portal.domain.integrations.outgoing_events import EndpointState
from portal.models import (
    ComparisonRun,
    EndRequest,
    EventDelivery,
    EventEndpoint,
    EventState,
    KeyState,
    Mail,
    MailState,
    PauseRequest,
    PayPalAccount,
    PayPalEvent,
    PublicDeclaration,
    Refund,
    Settlement,
    WebhookEndpoint,
)
from portal.models.base import IsCarried
from portal.queries.comparisons.comparisons import LATE_AFTER, whole
from portal.queries.ends import carrying
from portal.queries.integrations.event_endpoints import IS_WAITING
from portal.queries.law import declarations

Found = Row[*tuple[Any, ...]]

MOST: Final = 10_000  # of what waits: more than that is « many »
KINDS: Final[dict[str, type[IsCarried]]] = {
    "end": EndRequest,
    "pause": PauseRequest,
    "refund": Refund,
    "settlement": Settlement,
}
DECLARATION: Final = "declaration"
PENDING: Final = "pending"  # of refunds: PayPal has them
# Jobs whose time has come, by rank. One without a time was due when it was written, which its first event tells.
JOBS: Final = text(f"""
    SELECT ranks.priority,
        (SELECT count(*) FROM (SELECT FROM procrastinate_jobs WHERE status = 'todo' AND priority = ranks.priority
            AND (scheduled_at IS NULL OR scheduled_at <= now()) LIMIT {MOST}) AS few),
        greatest(0, extract(epoch FROM now() - least(
            (SELECT min(scheduled_at) FROM procrastinate_jobs
                WHERE status = 'todo' AND priority = ranks.priority AND scheduled_at <= now()),
            (SELECT min(e.at) FROM procrastinate_events e WHERE e.job_id = (SELECT id FROM procrastinate_jobs
                WHERE status = 'todo' AND priority = ranks.priority AND scheduled_at IS NULL ORDER BY id LIMIT 1)
                AND e.type = 'deferred'))))
    FROM (SELECT DISTINCT priority FROM procrastinate_jobs WHERE status = 'todo') AS ranks
""")  # noqa: S608 - a number of ours


# Mails of the last day, of the merchant who has most of them: by one look in the index each.
BUSIEST: Final = text(f"""
    SELECT coalesce(max(number), 0) FROM merchants CROSS JOIN LATERAL (SELECT count(*) AS number FROM (
        SELECT FROM mails WHERE merchant_id = merchants.id AND created_at > now() - interval '1 day'
            AND (content IS NOT NULL OR subject <> '') LIMIT {MOST}) AS few) AS counted
""")  # noqa: S608 - a number of ours


def open_requests(session: Session) -> Sequence[Found]:
    """Return (kind, state, whom it waits for, how many, seconds since the oldest was due) of what is not finished."""
    carried = (_open(kind, row) for kind, row in KINDS.items())
    return session.execute(union_all(*carried, *_declarations())).all()


def _open(kind: str, row: Any) -> Select[Any]:
    due = func.coalesce(row.due_at, row.created_at) if hasattr(row, "due_at") else row.created_at
    state = cast(row.state, String)
    waits_for = case((state == carrying.NEEDS_MERCHANT, "merchant"), (state == PENDING, "paypal"), else_="portal")
    age = func.greatest(0, func.extract("epoch", func.now() - func.min(due)))
    return (
        select(literal(kind), state.label("state"), waits_for, func.count(), age)
        .where(row.state.in_(row.open_states))
        .group_by(row.state)
    )


def _declarations() -> tuple[Select[Any], ...]:
    """What was declared on the public pages, until it is a request to end: it is up to us, whoever carries it out."""
    row, now = PublicDeclaration, func.now()
    confirmed = func.greatest(row.confirmed_at, row.decided_at)
    due = case((row.confirmed_at.is_not(None), confirmed), else_=row.due_at)
    return (
        _declared("undecided", row.created_at, row.decided_at.is_(None)),
        _declared("due", due, row.decided_at.is_not(None), *declarations.is_due(now=now, lost_before=now)),
    )


def _declared(state: str, since: Any, *which: ColumnElement[bool]) -> Select[Any]:
    age = func.greatest(0, func.extract("epoch", func.now() - func.min(since)))
    return select(literal(DECLARATION), literal(state), literal("portal"), func.count(), age).where(*which)


def mails(session: Session) -> Found:
    """Return (due, refused, returned, seconds that the oldest is overdue); the first three up to MOST."""
    waiting = and_(Mail.state == MailState.WAITING, Mail.send_at <= func.now())
    late = func.greatest(0, func.extract("epoch", func.now() - func.min(Mail.send_at)))
    return session.execute(
        select(
            _few(select(Mail.id).where(waiting)),
            _few(select(Mail.id).where(Mail.state == MailState.REFUSED)),
            _few(select(Mail.id).where(Mail.state == MailState.RETURNED)),
            select(func.coalesce(late, 0)).where(waiting).scalar_subquery(),
        )
    ).one()


def busiest_merchant(session: Session) -> int:
    """Return how many mails of the last day the merchant has who has most of them, up to MOST."""
    return int(session.scalar(BUSIEST) or 0)


def messages(session: Session) -> Found:
    """Return (waiting, given up, seconds that the first is overdue, refused at the door in all) of PayPal's messages.

    The first two up to MOST.
    """
    waits = PayPalEvent.state == EventState.WAITING
    first = select(PayPalEvent.merchant_id).where(waits).order_by(PayPalEvent.merchant_id).limit(1)
    found = select(first.scalar_subquery().label("merchant_id")).cte("found", recursive=True)
    following = first.where(PayPalEvent.merchant_id > found.c.merchant_id).scalar_subquery()
    found = found.union_all(select(following).where(found.c.merchant_id.is_not(None)))
    earliest = select(func.min(PayPalEvent.next_try_at)).where(waits, PayPalEvent.merchant_id == found.c.merchant_id)
    late = func.extract("epoch", func.now() - func.min(earliest.correlate(found).scalar_subquery()))
    return session.execute(
        select(
            _few(select(PayPalEvent.id).where(waits)),
            _few(select(PayPalEvent.id).where(PayPalEvent.state == EventState.FAILED)),
            select(func.greatest(0, func.coalesce(late, 0))).select_from(found).scalar_subquery(),
            select(func.coalesce(func.sum(WebhookEndpoint.refused_count), 0)).scalar_subquery(),
        )
    ).one()


def events_overdue(session: Session) -> float:
    """Return for how many seconds an event could have been told to a system that is called, and was not.

    One that is left alone for a while waits for nobody until then: one step in the index for each.
    """
    waits = EventDelivery.endpoint_id == EventEndpoint.id, IS_WAITING
    earliest = select(func.min(EventDelivery.next_try_at)).where(*waits).correlate(EventEndpoint).scalar_subquery()
    is_called = EventEndpoint.state == EndpointState.ENABLED
    found = select(earliest.label("first"), EventEndpoint.quiet_until).where(is_called).subquery()
    since = func.min(func.greatest(found.c.first, found.c.quiet_until))  # the second may be empty
    late = func.greatest(0, func.extract("epoch", func.now() - since))
    return float(session.scalar(select(late).where(found.c.first.is_not(None))) or 0)


def jobs(session: Session) -> Sequence[Found]:
    """Return (rank, how many are due up to MOST, seconds that the oldest is overdue)."""
    return session.execute(JOBS).all()


def comparisons(session: Session) -> Found:
    """Return (seconds since the least recent whole comparison of a working key's subscriptions, how many are late)."""
    run, account = ComparisonRun, PayPalAccount
    last = (
        select(run.finished_at)
        .where(*whole(), run.merchant_id == account.merchant_id, run.environment == account.environment)
        .order_by(run.created_at.desc())
        .limit(1)
        .correlate(account)
        .scalar_subquery()
    )
    at = func.coalesce(last, account.set_at)
    ages = select((func.now() - at).label("age")).where(account.state == KeyState.WORKING).subquery()
    late = func.count().filter(ages.c.age > LATE_AFTER)
    return session.execute(select(func.coalesce(func.extract("epoch", func.max(ages.c.age)), 0), late)).one()


def keys(session: Session) -> Sequence[Found]:
    """Return (state, how many) of the merchants' PayPal keys."""
    return session.execute(select(cast(PayPalAccount.state, String), func.count()).group_by(PayPalAccount.state)).all()


def _few(rows: Select[Any]) -> Any:
    return select(func.count()).select_from(rows.limit(MOST).subquery()).scalar_subquery()
