"""Ask PayPal what a key is worth: whether it opens, in which environment, and what it may do (FACTS.md 1.1, 3.1).

Nothing is written here and no transaction is open while PayPal is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from portal.models import KeyState
from portal.providers.ports import (
    ClassicCredentials,
    Credentials,
    GatewayRefused,
    GatewayUnavailable,
    Refusal,
    Token,
)
from portal.services.context import Context

SUBSCRIPTIONS_RIGHT: Final = "https://uri.paypal.com/services/subscriptions"  # FACTS.md 1.1
WEBHOOKS_RIGHT: Final = "https://uri.paypal.com/services/applications/webhooks"
OTHER: Final = {"sandbox": "live", "live": "sandbox"}
PATIENCE: Final = 8.0  # seconds for one answer: a person waits for the page

AnyCredentials = Credentials | ClassicCredentials


class Finding(StrEnum):
    """What the live test of a key found; each has its own sentence on the page."""

    WORKS = "works"
    WRONG_KEY = "wrong_key"
    OTHER_ENVIRONMENT = "other_environment"
    MISSING_RIGHT = "missing_right"
    ACCOUNT_REFUSED = "account_refused"  # the key opens, PayPal then refuses what it is asked
    NO_ANSWER = "no_answer"
    TOO_MANY_CALLS = "too_many_calls"


BROKEN: Final = {
    Finding.WRONG_KEY: KeyState.REFUSED,
    Finding.OTHER_ENVIRONMENT: KeyState.REFUSED,
    Finding.ACCOUNT_REFUSED: KeyState.REFUSED,
    Finding.MISSING_RIGHT: KeyState.MISSING_RIGHTS,
}


@dataclass(frozen=True, kw_only=True)
class KeyCheck:
    """The result of one live test. `token` is the one PayPal gave for a REST key, to be kept with a key that works."""

    finding: Finding
    environment: str
    checked_at: datetime
    scopes: frozenset[str] = frozenset()
    app_id: str = ""
    debug_id: str = ""
    has_subscriptions: bool | None = None
    token: Token | None = field(default=None, repr=False)

    @property
    def works(self) -> bool:
        """Whether the key may be used."""
        return self.finding is Finding.WORKS

    @property
    def may_have_webhooks(self) -> bool:
        """Whether PayPal lets this key register where it reports to us."""
        return self.works and WEBHOOKS_RIGHT in self.scopes

    @property
    def facts(self) -> dict[str, Any]:
        """What is kept of it: no token, no secret."""
        return {
            "finding": self.finding,
            "scopes": sorted(self.scopes),
            "app_id": self.app_id,
            "debug_id": self.debug_id,
            "has_subscriptions": self.has_subscriptions,
        }


class MemoryTokens:
    """A token store for one test: nothing of a key that may be wrong is written anywhere."""

    def __init__(self, token: Token | None = None) -> None:
        self._token = token

    def get(self) -> Token | None:
        """Return the token, if there is one."""
        return self._token

    def put(self, token: Token) -> None:
        """Remember a fresh token."""
        self._token = token

    def drop(self) -> None:
        """Forget it."""
        self._token = None


def check(ctx: Context, credentials: AnyCredentials, *, now: datetime) -> KeyCheck:
    """Make the calls that change nothing and say what was found. Never raises a gateway error.

    REST: a token, its scopes, and one row of the list.  Classic: one call of the gateway's own choice.
    """
    said = KeyCheck(finding=Finding.WORKS, environment=credentials.environment, checked_at=now)
    try:
        if isinstance(credentials, ClassicCredentials):
            return replace(said, debug_id=ctx.gateways.classic(credentials, patience=PATIENCE).check_key())
        token = ctx.gateways(credentials, MemoryTokens(), patience=PATIENCE).check_key()
    except GatewayRefused as refused:
        return replace(said, finding=_refusal(ctx, credentials, refused), debug_id=refused.debug_id)
    except GatewayUnavailable as unavailable:
        return replace(said, finding=_silence(unavailable), debug_id=unavailable.debug_id)
    said = replace(said, scopes=token.scopes, app_id=token.app_id, token=token)
    if SUBSCRIPTIONS_RIGHT not in token.scopes:
        return replace(said, finding=Finding.MISSING_RIGHT)
    return _look(ctx, credentials, said, token)


def _look(ctx: Context, credentials: Credentials, said: KeyCheck, token: Token) -> KeyCheck:
    """Read one row of the list: a token with the scope does not prove that the account answers."""
    gateway = ctx.gateways(credentials, MemoryTokens(token), patience=PATIENCE)
    try:
        page = gateway.list_subscriptions(page=1, page_size=1)
    except GatewayRefused as refused:
        missing = refused.refusal is Refusal.FORBIDDEN
        finding = Finding.MISSING_RIGHT if missing else Finding.ACCOUNT_REFUSED
        return replace(said, finding=finding, debug_id=refused.debug_id)
    except GatewayUnavailable as unavailable:
        return replace(said, finding=_silence(unavailable), debug_id=unavailable.debug_id)
    return replace(said, has_subscriptions=bool(page.readings) or page.unreadable > 0)


def _refusal(ctx: Context, credentials: AnyCredentials, refused: GatewayRefused) -> Finding:
    if refused.refusal is Refusal.BAD_CREDENTIALS:
        return Finding.OTHER_ENVIRONMENT if _opens_elsewhere(ctx, credentials) else Finding.WRONG_KEY
    if refused.refusal is Refusal.FORBIDDEN and isinstance(credentials, ClassicCredentials):
        return Finding.MISSING_RIGHT
    return Finding.ACCOUNT_REFUSED


def _opens_elsewhere(ctx: Context, credentials: AnyCredentials) -> bool:
    """Tell a wrong key from one of the other environment, by asking there; any doubt leaves it *wrong*."""
    elsewhere = replace(credentials, environment=OTHER[credentials.environment])
    try:
        if isinstance(elsewhere, ClassicCredentials):
            ctx.gateways.classic(elsewhere, patience=PATIENCE).check_key()
        else:
            ctx.gateways(elsewhere, MemoryTokens(), patience=PATIENCE).check_key()
    except (GatewayRefused, GatewayUnavailable):
        return False
    return True


def _silence(unavailable: GatewayUnavailable) -> Finding:
    return Finding.TOO_MANY_CALLS if unavailable.http_status == 429 else Finding.NO_ANSWER
