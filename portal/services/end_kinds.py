"""Ends that processes of an older release wrote beside this one's schema: each gets its kind, by the same rule."""

from __future__ import annotations

from typing import Final

import structlog

from portal.domain.policies import Actor
from portal.queries.ends import end_kinds
from portal.services.context import Context

log = structlog.get_logger("portal.end_kinds")

BATCH: Final = 500  # of one transaction


def fill(ctx: Context) -> int:
    """Write the kind of each end that has none; return how many there were."""
    number = 0
    while True:
        with ctx.db.begin() as session:
            rows = end_kinds.without_kind(session, limit=BATCH)
            for subscription in rows:
                first = end_kinds.first_done(session, subscription.id)
                asked_by = first.asked_by if first is not None else Actor.PROVIDER
                subscription.count_as(subscription.status, asked_by=asked_by)
        number += len(rows)
        if len(rows) < BATCH:
            break
    if number:
        log.info("end_kinds_filled", number=number)
    return number
