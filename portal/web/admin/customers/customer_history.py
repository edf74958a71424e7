"""What happened to a customer: the facts of their subscriptions, and what was done with the record itself."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.orm import Session

from portal.domain.audit import Act
from portal.queries import audit
from portal.queries.access import products
from portal.queries.desk import desk
from portal.queries.integrations import api_keys
from portal.web import labels
from portal.web.admin import audit_words, presenting
from portal.web.formatting import formatter
from portal.web.timeline_words import Happening

if TYPE_CHECKING:
    from portal.models import AuditEntry

NOT_HISTORY: Final = frozenset({Act.CUSTOMER_VIEWED.value})  # it changed nothing


def of_customer(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID) -> list[Happening]:
    """Return the newest facts, as many as a record lists, newest first; those of a subscription name its product."""
    told = desk.timeline_of_customer(session, merchant_id, customer_id)
    facts = presenting.timeline([entry for entry, _name in told], [name for _entry, name in told])
    rows = audit.of_customer(session, merchant_id, customer_id, desk.MOST)
    staff = audit.names_of_people(session, rows)
    keys = api_keys.names(session, merchant_id, audit.actors_by_api(rows))
    sold = {str(row.id): row.name for row in products.names(session, merchant_id)} if rows else {}
    acts = [_act(row, staff, keys, sold) for row in rows if row.act not in NOT_HISTORY]
    return sorted([*facts, *acts], key=lambda one: one.at, reverse=True)[: desk.MOST]


def _act(row: AuditEntry, staff: Mapping[Any, str], keys: Mapping[Any, str], sold: Mapping[str, str]) -> Happening:
    channel = f" – {audit_words.CHANNEL.get(row.channel, row.channel)}" if row.channel else ""
    return Happening(
        at=row.at,
        when=formatter().short(row.at),
        title=audit_words.act(row.act, row.details, row.channel),
        detail=sold.get(str(row.details.get("product", "")), ""),
        actor=(
            presenting.by_key(keys[row.actor_id])
            if row.actor_id in keys
            else f"{staff.get(row.actor_id) or labels.ACTOR[row.actor]}{channel}"
        ),
        status="done",
    )
