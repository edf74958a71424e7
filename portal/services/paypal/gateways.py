"""From a merchant to a gateway: opens the sealed key, shares the token between processes."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from sqlalchemy import Row, or_, update
from sqlalchemy.orm import Session

from portal import queue
from portal.clock import utc_now
from portal.models import PayPalAccount, Provider
from portal.providers.ports import (
    ClassicCredentials,
    ClassicGateway,
    Credentials,
    GatewayRefused,
    GatewayUnavailable,
    Refusal,
    RestGateway,
    SubscriptionGateway,
    Token,
)
from portal.queries.merchants import paypal_accounts
from portal.secrets import CannotOpen
from portal.services.context import Context

SECRET = "paypal_accounts.secret"  # noqa: S105 - the purpose a box is sealed for, not a secret
SIGNATURE = "paypal_accounts.signature"
TOKEN = "paypal_accounts.token"  # noqa: S105
ECHO: Final = timedelta(seconds=2)  # by which a refusal of our own may seem longer than what stands
SOON: Final = timedelta(seconds=60)  # a token this near its end is not used any more


class NoKey(Exception):
    """The merchant has no PayPal key of the kind that is needed."""


class OtherEnvironment(Exception):
    """The merchant's key opens the sandbox where the live world is meant, or the other way round."""


class RowTokenStore:
    """Keeps an account's token in its row, sealed, for every process of every machine."""

    def __init__(self, context: Context, account: PayPalAccount) -> None:
        self._context = context
        self._account_id, self._set_at = account.id, account.set_at
        self._held = self._opened(account)  # a gateway lives for one piece of work: one look at the row does

    def get(self) -> Token | None:
        """Return the stored token unless it has expired."""
        if self._held is None or self._held.expires_at <= utc_now() + SOON:
            self._held = self._read()
        return self._held

    def _read(self) -> Token | None:
        with self._context.db.read() as session:
            row = paypal_accounts.token_of(session, self._account_id, self._set_at)
        return self._opened(row) if row is not None else None

    def _opened(self, row: PayPalAccount | Row[bytes | None, datetime | None, str]) -> Token | None:
        if row.token is None or row.token_expires_at is None or row.token_expires_at <= utc_now() + SOON:
            return None
        try:
            value = self._context.vault.open(row.token, purpose=TOKEN)
        except CannotOpen:  # sealed with a key that is gone: a token is easily asked for again
            return None
        return Token(value=value, expires_at=row.token_expires_at, scopes=frozenset(row.token_scopes.split()))

    def put(self, token: Token) -> None:
        """Store a fresh token."""
        self._held = token
        self._write(self._context.vault.seal(token.value, purpose=TOKEN), token)

    def drop(self) -> None:
        """Forget the token: PayPal no longer knows it."""
        self._held = None
        self._write(None, None)

    def _write(self, box: bytes | None, token: Token | None) -> None:
        with self._context.db.begin() as session:
            session.execute(
                update(PayPalAccount)
                # A token of a key that was replaced meanwhile is not kept.
                .where(PayPalAccount.id == self._account_id, PayPalAccount.set_at == self._set_at)
                .values(
                    token=box,
                    token_expires_at=token.expires_at if token else None,
                    token_scopes=" ".join(sorted(token.scopes)) if token else "",
                )
            )


def rest_gateway(
    context: Context,
    merchant_id: uuid.UUID,
    *,
    patience: float = 20.0,
    environment: str | None = None,
    account: PayPalAccount | None = None,
) -> RestGateway:
    """Return the merchant's REST gateway. `patience` is how many seconds to wait for an answer.

    `account` is the key, where it was read a moment ago.

    Raises NoKey, CannotOpen (the master key is gone), GatewayUnavailable while PayPal's « too many » stands;
    OtherEnvironment when the key does not open the one that is asked for.
    """
    account = _usable(account or _account(context, merchant_id, Provider.PAYPAL_REST))
    if environment not in (None, account.environment):
        raise OtherEnvironment
    return context.gateways(rest_credentials(context, account), RowTokenStore(context, account), patience=patience)


def classic_gateway(
    context: Context, merchant_id: uuid.UUID, *, patience: float = 20.0, account: PayPalAccount | None = None
) -> ClassicGateway:
    """Return the merchant's gateway to the classic API; raises as `rest_gateway`."""
    account = _usable(account or _account(context, merchant_id, Provider.PAYPAL_CLASSIC))
    return context.gateways.classic(classic_credentials(context, account), patience=patience)


def gateway_for(
    context: Context,
    merchant_id: uuid.UUID,
    provider: Provider = Provider.PAYPAL_REST,
    *,
    patience: float = 20.0,
    account: PayPalAccount | None = None,
) -> SubscriptionGateway:
    """Return the merchant's gateway of the kind that a subscription lives in; raises as `rest_gateway`."""
    make = rest_gateway if provider is Provider.PAYPAL_REST else classic_gateway
    return make(context, merchant_id, patience=patience, account=account)


def rest_credentials(context: Context, account: PayPalAccount) -> Credentials:
    """Open a stored REST key; raise CannotOpen."""
    return Credentials(
        client_id=account.client_id,
        secret=context.vault.open(account.secret, purpose=SECRET),
        environment=account.environment,
    )


def classic_credentials(context: Context, account: PayPalAccount) -> ClassicCredentials:
    """Open a stored classic key; raise CannotOpen."""
    return ClassicCredentials(
        user=account.client_id,
        password=context.vault.open(account.secret, purpose=SECRET),
        signature=context.vault.open(account.signature or b"", purpose=SIGNATURE),
        environment=account.environment,
    )


def slow_down(session: Session, merchant_id: uuid.UUID, provider: Provider, *, until: datetime) -> None:
    """PayPal asked to wait (429): every call with this key waits until then, and what stands is never cut short.

    Our own refusals meanwhile say 429 too, with what is left: they must not make it longer each time.
    """
    stands = PayPalAccount.calm_until
    session.execute(
        update(PayPalAccount)
        .where(PayPalAccount.merchant_id == merchant_id, PayPalAccount.provider == provider)
        .where(or_(stands.is_(None), stands < until - ECHO))
        .values(calm_until=until)
    )


def heed(
    session: Session,
    merchant_id: uuid.UUID,
    provider: Provider,
    error: GatewayRefused | GatewayUnavailable,
    *,
    now: datetime,
) -> None:
    """Do what PayPal's answer asks of every call with this key: test it after 401 and 403, wait after 429."""
    if isinstance(error, GatewayRefused):
        if error.refusal in (Refusal.BAD_CREDENTIALS, Refusal.FORBIDDEN):
            suspect_key(session, merchant_id, provider, now=now)
    elif error.http_status == 429 and error.retry_after:
        slow_down(session, merchant_id, provider, until=now + timedelta(seconds=error.retry_after))


def suspect_key(session: Session, merchant_id: uuid.UUID, provider: Provider, *, now: datetime) -> None:
    """PayPal refused a call (401 or 403): have the key tested soon, unless it is tested after `now` anyway."""
    queue.defer(session, queue.CHECK_KEY, merchant_id=str(merchant_id), provider=provider.value, since=now.isoformat())


def _account(context: Context, merchant_id: uuid.UUID, provider: Provider) -> PayPalAccount:
    with context.db.read() as session:
        account = paypal_accounts.of_merchant(session, merchant_id, provider)
    if account is None:
        raise NoKey
    return account


def _usable(account: PayPalAccount) -> PayPalAccount:
    calm = (account.calm_until - utc_now()).total_seconds() if account.calm_until else 0
    if calm > 0:
        raise GatewayUnavailable("PayPal asked to wait", http_status=429, retry_after=ceil(calm))
    return account
