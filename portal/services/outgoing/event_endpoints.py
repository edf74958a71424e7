"""What a merchant's people do with an endpoint: make, change, stop, start, test, remove; each act is in the chain."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.errors import DomainError
from portal.domain.integrations.outgoing_events import MOST_ENDPOINTS, EndpointState, EventType, check_address
from portal.domain.integrations.public_ids import Kind
from portal.models import EventEndpoint
from portal.queries.integrations import event_endpoints as endpoints
from portal.queries.people import merchants
from portal.services import outgoing_events
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.outgoing import event_secrets, event_stops
from portal.services.outgoing_access import ACCESS
from portal.services.outgoing_events import Told

SHOWN: Final = ("types", "is_full", "environment")  # in the audit chain; an address and a description may say more


class SameAddress(DomainError):
    """Another endpoint of the merchant has that address: it would be told everything twice."""


class TooManyEndpoints(DomainError):
    """The merchant has as many as one may have."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What an endpoint is to be. No types: all of them."""

    address: str
    description: str = ""
    types: Collection[EventType] = ()
    is_full: bool = False
    environment: str | None = None  # of PayPal; None: both

    @property
    def columns(self) -> dict[str, Any]:
        """The columns that it fills."""
        wanted = [one.value for one in EventType if one in self.types]
        return {
            "address": self.address,
            "description": self.description,
            "types": wanted,
            "is_full": self.is_full,
            "environment": self.environment,
        }


@dataclass(frozen=True, kw_only=True)
class Made:
    """A secret, shown this once."""

    endpoint_id: uuid.UUID
    secret: str = field(repr=False)


def make(ctx: Context, merchant_id: uuid.UUID, wish: Wish, *, by: By, now: datetime) -> Made:
    """Add an endpoint; return its secret. Raises BadAddress, SameAddress, TooManyEndpoints."""
    check_address(wish.address, loopback=ctx.event_posts.takes_loopback)
    with ctx.db.begin() as session:
        _check_others(session, merchant_id, wish.address)
        if len(endpoints.all_of(session, merchant_id)) >= MOST_ENDPOINTS:
            raise TooManyEndpoints
        endpoint = EventEndpoint(
            id=uuid.uuid4(), created_at=now, merchant_id=merchant_id, made_by=by.name, **wish.columns
        )
        secret = event_secrets.renew(ctx.vault, endpoint, now=now)
        session.add(endpoint)
        shown = {name: getattr(endpoint, name) for name in SHOWN}
        _record(session, endpoint, Act.ENDPOINT_MADE, by=by, now=now, **shown)
        return Made(endpoint_id=endpoint.id, secret=secret)


def change(
    ctx: Context,
    merchant_id: uuid.UUID,
    endpoint_id: uuid.UUID,
    wish: Wish,
    *,
    untouched: Collection[str] = (),
    by: By,
    now: datetime,
) -> bool:
    """Change it; False when nothing would be. Raises BadAddress, SameAddress, NoResultFound.

    `untouched`: the columns that are as their page showed them: what a colleague has written there meanwhile stays.
    """
    check_address(wish.address, loopback=ctx.event_posts.takes_loopback)
    wanted = {name: new for name, new in wish.columns.items() if name not in untouched}
    with ctx.db.begin() as session:
        endpoint = endpoints.lock(session, merchant_id, endpoint_id)
        _check_others(session, merchant_id, wanted.get("address", endpoint.address), but=endpoint_id)
        changed = {name: new for name, new in wanted.items() if getattr(endpoint, name) != new}
        shown = {name: [getattr(endpoint, name), new] for name, new in changed.items() if name in SHOWN}
        for name, new in changed.items():
            setattr(endpoint, name, new)
        if "address" in changed:  # how the former one fared is forgotten
            endpoint.failing_since, endpoint.unanswered, endpoint.quiet_until = None, 0, None
        if not any(endpoint.wants(one) for one in ACCESS):
            endpoint.access_since = None  # what may be opened is not watched for it; once it is again, from then on
        if changed:
            texts = {"texts": texts} if (texts := sorted(changed.keys() - shown.keys())) else {}
            _record(session, endpoint, Act.ENDPOINT_CHANGED, by=by, now=now, **shown, **texts)
        return bool(changed)


def renew_secret(ctx: Context, merchant_id: uuid.UUID, endpoint_id: uuid.UUID, *, by: By, now: datetime) -> Made:
    """Give it a new secret; the one before signs too for a day. Raises NoResultFound, CannotOpen."""
    with ctx.db.begin() as session:
        endpoint = endpoints.lock(session, merchant_id, endpoint_id)
        secret = event_secrets.renew(ctx.vault, endpoint, now=now)
        _record(session, endpoint, Act.ENDPOINT_SECRET, by=by, now=now)
        return Made(endpoint_id=endpoint_id, secret=secret)


def stop(
    ctx: Context, merchant_id: uuid.UUID, endpoint_id: uuid.UUID, state: EndpointState, *, by: By, now: datetime
) -> bool:
    """Pause it (what comes waits) or disable it (it is told nothing); False where it stands so.

    Raises NoResultFound.
    """
    with ctx.db.begin() as session:
        endpoint = endpoints.lock(session, merchant_id, endpoint_id)
        if endpoint.state in (state, EndpointState.DISABLED):
            return False
        if state is EndpointState.DISABLED:
            event_stops.disable(session, endpoint, by_hand=True, now=now)
        else:
            endpoint.stop(state, at=now, by_hand=True)
        act = Act.ENDPOINT_DISABLED if state is EndpointState.DISABLED else Act.ENDPOINT_PAUSED
        _record(session, endpoint, act, by=by, now=now)
        return True


def remove(ctx: Context, merchant_id: uuid.UUID, endpoint_id: uuid.UUID, *, by: By, now: datetime) -> None:
    """Forget it with all that waits for it, and its log. Raises NoResultFound."""
    with ctx.db.begin() as session:
        endpoint = endpoints.lock(session, merchant_id, endpoint_id)
        _record(session, endpoint, Act.ENDPOINT_REMOVED, by=by, now=now)
        session.delete(endpoint)


def test(ctx: Context, merchant_id: uuid.UUID, endpoint_id: uuid.UUID, *, by: By, now: datetime) -> bool:
    """Write an event for it alone; False where it is not called. Raises NoResultFound."""
    with ctx.db.begin() as session:
        endpoint = endpoints.lock(session, merchant_id, endpoint_id)
        if endpoint.state is not EndpointState.ENABLED:
            return False
        endpoint.quiet_until = None
        told = Told(
            type=EventType.ENDPOINT_TEST,
            key=f"{endpoint_id}:{now.isoformat()}",
            subject=(Kind.ENDPOINT, endpoint_id),
            at=now,
            facts={"object": "endpoint"},
        )
        outgoing_events.write(session, merchant_id, told, now=now, only=endpoint_id)
        _record(session, endpoint, Act.ENDPOINT_TESTED, by=by, now=now)
        return True


def _check_others(session: Session, merchant_id: uuid.UUID, address: str, *, but: uuid.UUID | None = None) -> None:
    merchants.lock(session, merchant_id)  # two clicks on one button meet here
    if any(one.address == address and one.id != but for one in endpoints.all_of(session, merchant_id)):
        raise SameAddress


def _record(session: Session, endpoint: EventEndpoint, act: Act, *, by: By, now: datetime, **details: Any) -> None:
    subject = ("event_endpoint", endpoint.id)
    audit.append(session, endpoint.merchant_id, act, by=by, at=now, subject=subject, **details)
