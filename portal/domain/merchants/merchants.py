"""A merchant's life: open, suspended, leaving; and the one table of what goes on in each (docs/decisions/0026).

Whatever is promised goes on in every state: ends that are recorded, refunds, PayPal's messages, mails, comparisons, and
what customers ask and read.  No table keeps that back; the one below says what may be begun.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from portal.domain.errors import DomainError

NOTICE: Final = timedelta(days=30)  # between « delete » and the day from which the rows may go
SETUP_CODE_LIFETIME: Final = timedelta(hours=24)

SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")
# Names that a reader would take for the portal's own, or that an address may need one day. Every first part of an
# address of ours is among them, or the application does not start (`web.declarations.check_reserved`): a merchant's
# public pages stand below its own name.
RESERVED: Final = frozenset(
    {
        *(".well-known", "cancel", "cancel-contract", "renoncer", "resilier", "kuendigen", "widerrufen"),
        *("withdraw-from-contract", "legal", "mentions-legales", "favicon.ico", "robots.txt", "security", "sitemap"),
        *("about", "accessibility", "account", "admin", "api", "assets", "auth", "css", "demo", "healthz", "help"),
        *("language", "livez", "login", "logo", "logout", "mail", "metrics", "operator", "portal", "privacy"),
        *("confidentialite", "conditions-de-vente", "legal-notice", "terms-of-sale"),
        *("accessibilite", "plan-du-site", "site-map"),
        *("proof", "readyz", "setup", "static", "status", "support", "terms", "v1", "webhooks", "www"),
    }
)


class MerchantState(StrEnum):
    """Where a merchant stands."""

    OPEN = "open"
    SUSPENDED = "suspended"  # by the operator, who can lift it
    LEAVING = "leaving"  # until a day; can be taken back before it


class Work(StrEnum):
    """A kind of act on a merchant's pages."""

    LOOK = "look"  # read, and one's own log-in
    CARRY_ON = "carry_on"  # what was begun is gone on with or stopped; what customers ask for is recorded and answered
    BEGIN = "begin"  # at the desk, what was not there before: imports, products, grants, bulk, people, keys, settings
    RETURN = "return"  # what customers are offered so that payments go on: come back, pause, resume


GOES_ON: Final[Mapping[MerchantState, frozenset[Work]]] = {
    MerchantState.OPEN: frozenset(Work),
    MerchantState.SUSPENDED: frozenset({Work.LOOK, Work.CARRY_ON}),
    MerchantState.LEAVING: frozenset({Work.LOOK, Work.CARRY_ON}),
}


class WrongSlug(DomainError):
    """The name in addresses cannot be that; `why` is `form` or `reserved`."""

    def __init__(self, slug: str, why: str) -> None:
        super().__init__(f"{slug!r}: {why}")
        self.why = why


class IllegalStep(DomainError):
    """The merchant's state does not lead there: nobody resumes who is not suspended, or leaves twice."""

    def __init__(self, state: MerchantState) -> None:
        super().__init__(f"the merchant is {state}")
        self.state = state


def state_of(*, suspended_at: datetime | None, leaving_at: datetime | None) -> MerchantState:
    """Return where a merchant stands; leaving outlasts a suspension, which may be lifted meanwhile."""
    if leaving_at is not None:
        return MerchantState.LEAVING
    return MerchantState.OPEN if suspended_at is None else MerchantState.SUSPENDED


def goes_on(state: MerchantState, work: Work) -> bool:
    """Say whether such an act is taken in that state."""
    return work in GOES_ON[state]


def check_slug(slug: str) -> None:
    """Raise WrongSlug for what cannot be the name in a merchant's addresses."""
    if not SLUG.fullmatch(slug):
        raise WrongSlug(slug, "form")
    if slug in RESERVED:
        raise WrongSlug(slug, "reserved")
