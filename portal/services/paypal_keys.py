"""Test a PayPal key against PayPal itself, and store it only once it works (product.md, decision 6).

No transaction is open while PayPal is asked.  The secret goes into the vault and never comes out on a page.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import structlog
from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.models import KeyState, PayPalAccount, Provider
from portal.providers.ports import Credentials, GatewayRefused, GatewayUnavailable, Refusal, Token
from portal.queries import paypal_accounts
from portal.services import settling
from portal.services.context import Context
from portal.services.gateways import SECRET, TOKEN, NoKey

log = structlog.get_logger(__name__)

SUBSCRIPTIONS_RIGHT: Final = "https://uri.paypal.com/services/subscriptions"  # FACTS.md 1.1
WEBHOOKS_RIGHT: Final = "https://uri.paypal.com/services/applications/webhooks"
OTHER: Final = {"sandbox": "live", "live": "sandbox"}
PATIENCE: Final = 8.0  # seconds for one answer: a person waits for the page


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
    """The result of one live test. `token` is the one PayPal gave, to be kept with a key that works."""

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


def check(ctx: Context, credentials: Credentials, *, now: datetime) -> KeyCheck:
    """Ask PayPal for a token and for one row of its list; say what was found. Never raises a gateway error."""
    tokens = MemoryTokens()
    gateway = ctx.gateways(credentials, tokens, patience=PATIENCE)
    said = KeyCheck(finding=Finding.WORKS, environment=credentials.environment, checked_at=now)
    try:
        token = gateway.check_key()
    except GatewayRefused as refused:
        wrong = refused.refusal is Refusal.BAD_CREDENTIALS
        finding = _wrong_key(ctx, credentials) if wrong else Finding.ACCOUNT_REFUSED
        return replace(said, finding=finding, debug_id=refused.debug_id)
    except GatewayUnavailable as unavailable:
        return replace(said, finding=_silence(unavailable), debug_id=unavailable.debug_id)
    tokens.put(token)
    said = replace(said, scopes=token.scopes, app_id=token.app_id, token=token)
    if SUBSCRIPTIONS_RIGHT not in token.scopes:
        return replace(said, finding=Finding.MISSING_RIGHT)
    try:
        page = gateway.list_subscriptions(page=1, page_size=1)
    except GatewayRefused as refused:
        missing = refused.refusal is Refusal.FORBIDDEN
        finding = Finding.MISSING_RIGHT if missing else Finding.ACCOUNT_REFUSED
        return replace(said, finding=finding, debug_id=refused.debug_id)
    except GatewayUnavailable as unavailable:
        return replace(said, finding=_silence(unavailable), debug_id=unavailable.debug_id)
    return replace(said, has_subscriptions=bool(page.readings) or page.unreadable > 0)


def save(
    ctx: Context, merchant_id: uuid.UUID, *, environment: str, client_id: str, secret: str, now: datetime
) -> KeyCheck:
    """Test the key, then store it if it works, in place of the one before; requests that waited are tried again.

    Anything but a working key stores nothing.
    """
    credentials = Credentials(client_id=client_id, secret=secret, environment=environment)
    found = check(ctx, credentials, now=now)
    log.info("paypal_key_checked", merchant_id=str(merchant_id), finding=found.finding, debug_id=found.debug_id)
    if found.works:
        with ctx.db.begin() as session:
            session.execute(_upsert(_columns(ctx, merchant_id, credentials, found, now=now)))
        _try_again(ctx, merchant_id, now=now)
    return found


def check_stored(ctx: Context, merchant_id: uuid.UUID, *, now: datetime) -> KeyCheck:
    """Test the stored key again and write what was found; silence at PayPal's changes nothing.

    Raises NoKey, and CannotOpen when the master key that sealed it is no longer configured.
    """
    with ctx.db.read() as session:
        account = paypal_accounts.of_merchant(session, merchant_id)
    if account is None:
        raise NoKey
    credentials = Credentials(
        client_id=account.client_id,
        secret=ctx.vault.open(account.secret, purpose=SECRET),
        environment=account.environment,
    )
    found = check(ctx, credentials, now=now)
    log.info("paypal_key_checked", merchant_id=str(merchant_id), finding=found.finding, debug_id=found.debug_id)
    with ctx.db.begin() as session:
        written = _note(ctx, session, account, found, now=now)
    if written and found.works:
        _try_again(ctx, merchant_id, now=now)
    return found


def _try_again(ctx: Context, merchant_id: uuid.UUID, *, now: datetime) -> None:
    """Try the requests that waited for the key, once it is stored.

    Never in the account's own transaction: whoever settles a request or tells of it holds the request first
    and takes the account then.
    """
    with ctx.db.begin() as session:
        settling.retry_all(session, merchant_id, now=now)


def _wrong_key(ctx: Context, credentials: Credentials) -> Finding:
    """Tell a wrong key from one of the other environment, by asking there; any doubt leaves it *wrong*."""
    elsewhere = replace(credentials, environment=OTHER[credentials.environment])
    try:
        ctx.gateways(elsewhere, MemoryTokens(), patience=PATIENCE).check_key()
    except (GatewayRefused, GatewayUnavailable):
        return Finding.WRONG_KEY
    return Finding.OTHER_ENVIRONMENT


def _silence(unavailable: GatewayUnavailable) -> Finding:
    return Finding.TOO_MANY_CALLS if unavailable.http_status == 429 else Finding.NO_ANSWER


def _columns(
    ctx: Context, merchant_id: uuid.UUID, credentials: Credentials, found: KeyCheck, *, now: datetime
) -> dict[str, Any]:
    return {
        "merchant_id": merchant_id,
        "provider": Provider.PAYPAL_REST,
        "environment": credentials.environment,
        "client_id": credentials.client_id,
        "secret": ctx.vault.seal(credentials.secret, purpose=SECRET),
        "secret_ending": credentials.secret[-4:],
        "set_at": now,
        **_working(ctx, found),
    }


def _working(ctx: Context, found: KeyCheck) -> dict[str, Any]:
    assert found.token is not None  # noqa: S101 - a key that works gave one
    return {
        "state": KeyState.WORKING,
        "checked_at": found.checked_at,
        "check_result": found.facts,
        "broken_since": None,
        "calm_until": None,  # what PayPal asked of the key before does not bind this one
        "merchant_told_at": None,
        "token": ctx.vault.seal(found.token.value, purpose=TOKEN),
        "token_expires_at": found.token.expires_at,
        "token_scopes": " ".join(sorted(found.token.scopes)),
    }


def _upsert(columns: dict[str, Any]) -> Any:
    statement = insert(PayPalAccount).values(columns)
    fresh = {name: statement.excluded[name] for name in columns if name not in ("merchant_id", "provider")}
    return statement.on_conflict_do_update(constraint="uq_paypal_accounts_provider", set_=fresh)


def _note(ctx: Context, session: Session, account: PayPalAccount, found: KeyCheck, *, now: datetime) -> bool:
    """Write the result, unless another key took this one's place while PayPal was asked; say whether it was."""
    if found.works:
        columns: dict[str, Any] = _working(ctx, found)
    elif found.finding in BROKEN:
        columns = {
            "state": BROKEN[found.finding],
            "checked_at": found.checked_at,
            "check_result": found.facts,
            "broken_since": func.coalesce(PayPalAccount.broken_since, now),
            "token": None,
            "token_expires_at": None,
            "token_scopes": "",
        }
    else:
        return False
    written = session.execute(
        update(PayPalAccount)
        .where(PayPalAccount.id == account.id, PayPalAccount.set_at == account.set_at)
        .values(**columns)
        .returning(PayPalAccount.id)
    ).one_or_none()
    return written is not None
