"""Write one fact into a subscription's timeline, and into the audit chain: reported twice, it stands there once."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.domain.audit import PORTAL, By
from portal.domain.policies import Actor
from portal.models import Subscription, TimelineEntry, TimelineKind
from portal.services import outgoing_facts
from portal.services.audit import audit

# A code, an id, a reference, a date, an amount; no address and no sentence looks like that.
_CODE: Final = re.compile(r"[\w:.+/-]{0,80}", re.ASCII)
ONCE: Final = (
    insert(TimelineEntry).on_conflict_do_nothing(constraint="uq_timeline_entries_fact").returning(TimelineEntry.id)
)
FREE_TEXT: Final = frozenset({"note", "comment", "reason", "text", "name", "actor_name", "email", "title", "customer"})


def note(
    session: Session,
    subscription: Subscription,
    kind: TimelineKind,
    *,
    key: str,
    at: datetime,
    by: By = PORTAL,
    **details: Any,
) -> None:
    """Add the fact unless the same kind and key already stand there. `details` must fit in JSON.

    Who of an account's people acted is kept by id (`person`): their own pages say “you”.  A fact that is new is
    appended to the merchant's audit chain too, without names and free texts; other systems are told of it.
    """
    session.flush()
    if by.actor is Actor.CUSTOMER and by.name and by.actor_id not in (None, subscription.customer_id):
        details["person"] = str(by.actor_id)
    is_new = session.scalar(
        ONCE,
        {
            "merchant_id": subscription.merchant_id,
            "subscription_id": subscription.id,
            "at": at,
            "kind": kind,
            "key": key,
            "actor": by.actor,
            "actor_name": by.name,
            "channel": by.channel,
            "details": details,
        },
    )
    if is_new is not None:
        audit.append(
            session,
            subscription.merchant_id,
            kind,
            by=by,
            at=at,
            subject=("subscription", subscription.id),
            **_impersonal(details),
        )
        outgoing_facts.of_timeline(session, subscription, kind, key, at=at, details=details)


def _impersonal(details: dict[str, Any]) -> dict[str, Any]:
    """Return the details without what people wrote or are called; its names stand under `withheld`.

    The chain can never be changed, and a customer may ask to be erased (docs/decisions/0007).
    """
    withheld = sorted(name for name, value in details.items() if value and not _is_code(name, value))
    kept = {name: value for name, value in details.items() if name not in FREE_TEXT and name not in withheld}
    return kept | ({"withheld": withheld} if withheld else {})


def _is_code(name: str, value: Any) -> bool:
    match value:
        case str():
            return name not in FREE_TEXT and _CODE.fullmatch(value) is not None
        case list():
            return all(_is_code(name, part) for part in value)
        case dict():
            return all(_is_code(key, part) for key, part in value.items())
        case _:
            return value is None or isinstance(value, int)  # bool is one
