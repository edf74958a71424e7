"""What an act on many subscriptions would do, counted by the functions that will do it, a thousand rows at a time."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy.orm import Session

from portal.domain.access import promises
from portal.domain.access.access import EndPreview, Facts, Rule, preview_end
from portal.domain.ends.bulk_acts import ASKS, Effect, effect_of
from portal.domain.ends.end_requests import is_planned
from portal.domain.law.plan_kinds import PlanKind
from portal.domain.subscriptions import ENDINGS, Status, may_invite_back
from portal.models import BulkAct, Grant, Product
from portal.queries.access import products
from portal.queries.ends import bulk_acts
from portal.services.rules import grants_of, product_rule

BATCH: Final = 1_000


class AccessEffect(StrEnum):
    """What becomes of access; each subscription counts once, by what its customer loses first."""

    UNKNOWN = "unknown"  # something stops at a date nobody knows
    AT_ONCE = "at_once"
    LATER = "later"  # until the end of the paid time
    KEPT = "kept"
    NOTHING = "nothing"  # nothing is open


@dataclass(kw_only=True)
class Counts:
    """How many subscriptions each effect has. Access and relaunch count those that are asked to end."""

    effects: Counter[Effect] = field(default_factory=Counter)
    access: Counter[AccessEffect] = field(default_factory=Counter)
    latest: datetime | None = None  # the last day of the longest access among those that stop later
    committed: int = 0  # their commitment still runs: staff end it before
    replaced: int = 0  # a customer's request that waits for its day is taken back for this one
    invitable: int = 0  # may be invited to come back afterwards, by email

    @property
    def asked(self) -> int:
        """How many requests would be made."""
        return sum(self.effects[effect] for effect in ASKS)

    @property
    def acts(self) -> int:
        """How many subscriptions would change."""
        return self.asked + self.effects[Effect.LOCAL]


def of_act(session: Session, act: BulkAct, *, now: datetime) -> Counts:
    """Return the counts of an act: as a worker stored them for many rows, as they are now for a few."""
    return _read(act.counts) if act.counts is not None else count(session, act, now=now)


def written(counts: Counts) -> dict[str, Any]:
    """Return counts as they are stored."""
    latest = counts.latest.isoformat() if counts.latest is not None else None
    return {**vars(counts), "latest": latest}


def _read(stored: dict[str, Any]) -> Counts:
    latest = datetime.fromisoformat(stored["latest"]) if stored["latest"] else None
    effects = Counter({Effect(code): number for code, number in stored["effects"].items()})
    access = Counter({AccessEffect(code): number for code, number in stored["access"].items()})
    return Counts(**{**stored, "effects": effects, "access": access, "latest": latest})


def count(session: Session, act: BulkAct, *, now: datetime) -> Counts:
    """Count what the act would do now to each of its rows."""
    counts, after = Counts(), 0
    known: dict[uuid.UUID, Product] = {}
    while rows := bulk_acts.facts(session, act.id, after=after, limit=BATCH):
        held = bulk_acts.grants_by_holder(session, act.merchant_id, list({row.customer_id for row in rows}))
        for product in products.some(session, {row.product_id for row in rows} - known.keys()):
            known[product.id] = product
        for row in rows:
            given = held.get((row.customer_id, row.product_id), [])
            _count_row(counts, act, row, known[row.product_id], given, now=now)
        after = rows[-1].position
    return counts


def _count_row(counts: Counts, act: BulkAct, row: Any, product: Product, given: list[Grant], *, now: datetime) -> None:
    is_waiting = row.request_state is not None and is_planned(row.request_state, row.due_at, now=now)
    has_request = row.request_state is not None and not is_waiting
    effect = effect_of(
        row.status, act.action, has_request=has_request, notified=row.notified, wished_later=row.wished_later
    )
    counts.effects[effect] += 1
    if effect not in ASKS:
        return
    facts = Facts(
        status=row.status,
        started_at=row.started_at,
        paid_until=row.paid_until,
        past_due_since=row.past_due_since,
        ended_at=row.ended_at,
    )
    outcome = ENDINGS[act.action]
    seen = preview_end(facts, _rule(row, product), outcome, now, grants_of(product, given))
    becomes = _access(seen, now=now)
    counts.access[becomes] += 1
    if becomes is AccessEffect.LATER:
        counts.latest = max(filter(None, (counts.latest, seen.access_until)))
    counts.committed += row.committed_until is not None and row.committed_until > now
    counts.replaced += is_waiting
    counts.invitable += bool(row.email) and _is_invited(row, outcome)


def _is_invited(row: Any, outcome: Status) -> bool:
    """Say whether a message may lead its customer back, as `notice_facts.is_invited` will."""
    is_schedule = row.kind is PlanKind.INSTALMENTS
    invited = may_invite_back(outcome, relaunch_allowed=row.relaunch_allowed, is_schedule=is_schedule)
    return invited and bool(row.contact_allowed) and not row.has_abandoned


def _rule(row: Any, product: Product) -> Rule:
    return promises.kept(product_rule(product), row.promised, is_over=row.ended_at is not None)


def _access(seen: EndPreview, *, now: datetime) -> AccessEffect:
    until = seen.access_until
    if seen.is_date_unknown:
        return AccessEffect.UNKNOWN
    if until is not None:
        return AccessEffect.LATER if until > now else AccessEffect.AT_ONCE
    return AccessEffect.KEPT if seen.stays else AccessEffect.NOTHING
