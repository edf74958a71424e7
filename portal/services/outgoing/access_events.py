"""Tell what a customer may open of a product when that changes: by a fact, or because its day has come.

A mark says when to look; what is seen then (`access_checks`, as the API answers) is compared with what was told last.
Looking, telling and remembering are one transaction, so that each change is told once.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session

from portal.domain.integrations.outgoing_events import EventType
from portal.domain.integrations.public_ids import Kind, public
from portal.models import AccessMark, EventEndpoint
from portal.queries.access import access_marks
from portal.queries.access.access_checks import pair_of
from portal.queries.integrations import event_endpoints as endpoints
from portal.services import access_checks, resources
from portal.services.context import Context
from portal.services.outgoing_access import ACCESS
from portal.services.outgoing_events import Told, tell
from portal.services.resources import Checked

log = structlog.get_logger(__name__)

BATCH: Final = 200
NOTHING: Final[dict[str, Any]] = {"allowed": False, "until": None, "until_is": None, "contents": []}


def follow(ctx: Context, *, now: datetime, limit: int = BATCH) -> int:
    """Look at what is due, and tell what changed; return how many were looked at.

    Nothing while the database is restored and not recovered: what it remembers is no news.
    """
    if ctx.is_shut:
        return 0
    _begin_watching(ctx, now=now)
    with ctx.db.begin() as session:
        marks = access_marks.lock_due(session, now=now, limit=limit)
        worlds: dict[tuple[uuid.UUID, str], list[AccessMark]] = defaultdict(list)
        for mark in marks:
            worlds[mark.merchant_id, mark.environment].append(mark)
        for (merchant_id, environment), some in worlds.items():
            _look(session, merchant_id, environment, some, now=now)
    return len(marks)


def _begin_watching(ctx: Context, *, now: datetime) -> None:
    """For an endpoint that is told of access from now on, remember how everything stands: that is no news."""
    with ctx.db.read() as session:
        new = [(one.merchant_id, one.id) for one in endpoints.not_watched(session, ACCESS)]
    for merchant_id, endpoint_id in new:
        with ctx.db.begin() as session:
            endpoint = endpoints.lock_if_there(session, endpoint_id)
            if endpoint is None or endpoint.access_since is not None:
                continue
            others = endpoints.all_of(session, merchant_id)
            about = {"merchant_id": merchant_id, "now": now}
            if not any(_watches(one) for one in others if one.id != endpoint_id):
                session.execute(access_marks.FORGET, about)
            session.execute(access_marks.SEED, about)
            endpoint.access_since = now


def _watches(endpoint: EventEndpoint) -> bool:
    return endpoint.access_since is not None and any(endpoint.wants(one) for one in ACCESS)


def _look(
    session: Session, merchant_id: uuid.UUID, environment: str, marks: Sequence[AccessMark], *, now: datetime
) -> None:
    pairs = [pair_of(mark.customer_id, mark.product_id) for mark in marks]
    found = access_checks.check(session.connection(), merchant_id, environment, pairs, now=now)
    for mark, checked in zip(marks, found, strict=True):
        state = _state(checked, now=now)
        event_type = None if mark.is_silent else _change(mark.told or NOTHING, state)
        if event_type is not None:
            _tell(session, mark, event_type, state, now=now)
        mark.told, mark.is_silent = (state if state["allowed"] else None), False
        mark.next_at = mark.due_at = _next(checked, now=now)


def _state(checked: Checked | None, *, now: datetime) -> dict[str, Any]:
    """Return what is open, as far as a change of it is told."""
    if checked is None:
        return NOTHING
    seen = resources.access(checked, now=now)
    contents = sorted(one["id"] for one in seen["contents"] if one["allowed"])
    return {**{name: seen[name] for name in ("allowed", "until", "until_is")}, "contents": contents}


def _change(before: dict[str, Any], after: dict[str, Any]) -> EventType | None:
    if before["allowed"] and after["allowed"]:
        return EventType.ACCESS_CHANGED if before != after else None
    if before["allowed"] == after["allowed"]:
        return None
    return EventType.ACCESS_GRANTED if after["allowed"] else EventType.ACCESS_ENDED


def _tell(session: Session, mark: AccessMark, event_type: EventType, state: dict[str, Any], *, now: datetime) -> None:
    """Tell it, with the day on which it opened or closed where one had come."""
    mark.number += 1
    came = mark.next_at is not None and mark.next_at <= now
    told = Told(
        type=event_type,
        key=f"{mark.customer_id}:{mark.product_id}:{mark.environment}:{mark.number}",
        subject=(Kind.CUSTOMER, mark.customer_id),
        at=mark.next_at if came and mark.next_at is not None else now,
        environment=mark.environment,
        facts={
            "customer": public(Kind.CUSTOMER, mark.customer_id),
            "product": public(Kind.PRODUCT, mark.product_id),
            "object": "access",
            **{name: state[name] for name in ("allowed", "until", "until_is", "contents")},
        },
    )
    tell(session, mark.merchant_id, told, now=now)


def _next(checked: Checked | None, *, now: datetime) -> datetime | None:
    """Return when something of it opens or closes next, as far as is known."""
    if checked is None:
        return None
    windows = [window for _id, some in (*checked.subscriptions, *checked.grants) for window in some]
    moments = [at for window in windows for at in (window.since, window.until) if at is not None and at > now]
    return min(moments, default=None)
