"""Who may call what: one table for every route, closed by default.

A route without a line keeps the API from starting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from apiflask import APIFlask

from portal.domain.integrations.api_keys import Scope
from portal.domain.merchants.merchants import Work


@dataclass(frozen=True)
class Leaving:
    """That a call will be there no more: since when that is known, and from when it answers nothing."""

    since: datetime
    sunset: datetime


@dataclass(frozen=True)
class Needs:
    """What a call needs: a scope, or none; a key, or none; and what of a merchant's life it is a part of."""

    scope: Scope | None = None
    is_public: bool = False
    work: Work = Work.LOOK
    leaving: Leaving | None = None


PUBLIC: Final = Needs(is_public=True)
ANY_KEY: Final = Needs()

NEEDS: Final[Mapping[str, Needs]] = {
    "description.spec": PUBLIC,
    "description.docs": PUBLIC,
    "description.problem": PUBLIC,
    "keys.leaked": PUBLIC,  # whoever found one has none of their own
    "keys.own": ANY_KEY,
    "access.check": Needs(Scope.ACCESS_READ),
    "access.check_by_email": Needs(Scope.ACCESS_READ),
    "access.check_many": Needs(Scope.ACCESS_READ),
    "access_tokens.made": Needs(Scope.ACCESS_READ),
    "customers.listed": Needs(Scope.CUSTOMERS_READ),
    "customers.one": Needs(Scope.CUSTOMERS_READ),
    "customers.named": Needs(Scope.CUSTOMERS_WRITE, work=Work.CARRY_ON),
    "customers.search": Needs(Scope.CUSTOMERS_READ),
    "subscriptions.listed": Needs(Scope.SUBSCRIPTIONS_READ),
    "subscriptions.one": Needs(Scope.SUBSCRIPTIONS_READ),
    "products.listed": Needs(Scope.PRODUCTS_READ),
    "products.one": Needs(Scope.PRODUCTS_READ),
    "products.named": Needs(Scope.PRODUCTS_WRITE, work=Work.BEGIN),
    "payments.listed": Needs(Scope.PAYMENTS_READ),
    "payments.one": Needs(Scope.PAYMENTS_READ),
    "events.listed": Needs(Scope.EVENTS_READ),
    "events.one": Needs(Scope.EVENTS_READ),
    "events.replayed": Needs(Scope.EVENTS_WRITE, work=Work.CARRY_ON),
    "webhook_endpoints.listed": Needs(Scope.EVENTS_READ),
    "webhook_endpoints.one": Needs(Scope.EVENTS_READ),
    "webhook_endpoints.made": Needs(Scope.EVENTS_WRITE, work=Work.BEGIN),
    "webhook_endpoints.changed": Needs(Scope.EVENTS_WRITE, work=Work.CARRY_ON),
    "webhook_endpoints.removed": Needs(Scope.EVENTS_WRITE, work=Work.CARRY_ON),
    "webhook_endpoints.rotated": Needs(Scope.EVENTS_WRITE, work=Work.CARRY_ON),
    "webhook_endpoints.resumed": Needs(Scope.EVENTS_WRITE, work=Work.CARRY_ON),
    "webhook_endpoints.tested": Needs(Scope.EVENTS_WRITE, work=Work.CARRY_ON),
    "grants.listed": Needs(Scope.ACCESS_READ),
    "grants.one": Needs(Scope.ACCESS_READ),
    "grants.given": Needs(Scope.GRANTS_WRITE, work=Work.BEGIN),
    "grants.withdrawn": Needs(Scope.GRANTS_WRITE, work=Work.CARRY_ON),
    "portal_sessions.made": Needs(Scope.SESSIONS_WRITE, work=Work.CARRY_ON),
    "end_requests.listed": Needs(Scope.SUBSCRIPTIONS_READ),
    "end_requests.one": Needs(Scope.SUBSCRIPTIONS_READ),
    "end_requests.asked_for": Needs(Scope.ENDS_WRITE, work=Work.CARRY_ON),
    "end_requests.withdrawn": Needs(Scope.ENDS_WRITE, work=Work.CARRY_ON),
}


def check_table(api: APIFlask) -> None:
    """Raise RuntimeError unless the table names every route of the API, and nothing else."""
    routes = {rule.endpoint for rule in api.url_map.iter_rules()}
    unknown, gone = routes - NEEDS.keys(), NEEDS.keys() - routes
    if unknown or gone:
        raise RuntimeError(
            f"routes without a line in the table of scopes: {sorted(unknown)}; lines too many: {sorted(gone)}"
        )
