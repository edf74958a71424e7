"""From a merchant to a gateway: opens the sealed key, shares the token between processes."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import select, update

from portal.clock import utc_now
from portal.models import PayPalAccount
from portal.providers.ports import Credentials, GatewayUnavailable, SubscriptionGateway, Token
from portal.secrets import CannotOpen
from portal.services.context import Context

SECRET = "paypal_accounts.secret"  # noqa: S105 - the purpose a box is sealed for, not a secret
TOKEN = "paypal_accounts.token"  # noqa: S105


class NoKey(Exception):
    """The merchant has no PayPal key."""


class RowTokenStore:
    """Keeps an account's token in its row, sealed, for every process of every machine."""

    def __init__(self, context: Context, account_id: uuid.UUID, set_at: datetime) -> None:
        self._context = context
        self._key = (PayPalAccount.id == account_id, PayPalAccount.set_at == set_at)

    def get(self) -> Token | None:
        """Return the stored token unless it has expired."""
        with self._context.db.read() as session:
            row = session.execute(
                select(PayPalAccount.token, PayPalAccount.token_expires_at, PayPalAccount.token_scopes).where(
                    *self._key
                )
            ).one_or_none()
        if row is None or row.token is None or row.token_expires_at <= utc_now() + timedelta(seconds=60):
            return None
        try:
            value = self._context.vault.open(row.token, purpose=TOKEN)
        except CannotOpen:  # sealed with a key that is gone: a token is easily asked for again
            return None
        return Token(value=value, expires_at=row.token_expires_at, scopes=frozenset(row.token_scopes.split()))

    def put(self, token: Token) -> None:
        """Store a fresh token."""
        self._write(self._context.vault.seal(token.value, purpose=TOKEN), token)

    def drop(self) -> None:
        """Forget the token: PayPal no longer knows it."""
        self._write(None, None)

    def _write(self, box: bytes | None, token: Token | None) -> None:
        with self._context.db.begin() as session:
            session.execute(
                update(PayPalAccount)
                .where(*self._key)  # a token of a key that was replaced meanwhile is not kept
                .values(
                    token=box,
                    token_expires_at=token.expires_at if token else None,
                    token_scopes=" ".join(sorted(token.scopes)) if token else "",
                )
            )


def gateway_for(context: Context, merchant_id: uuid.UUID, *, patience: float = 20.0) -> SubscriptionGateway:
    """Return the merchant's gateway. `patience` is how many seconds to wait for an answer.

    Raises NoKey, CannotOpen (the master key is gone), GatewayUnavailable while PayPal's « too many » stands.
    """
    with context.db.read() as session:
        account = session.scalars(select(PayPalAccount).where(PayPalAccount.merchant_id == merchant_id)).one_or_none()
    if account is None:
        raise NoKey
    calm = (account.calm_until - utc_now()).total_seconds() if account.calm_until else 0
    if calm > 0:
        raise GatewayUnavailable("PayPal asked to wait", http_status=429, retry_after=ceil(calm))
    credentials = Credentials(
        client_id=account.client_id,
        secret=context.vault.open(account.secret, purpose=SECRET),
        environment=account.environment,
    )
    return context.gateways(credentials, RowTokenStore(context, account.id, account.set_at), patience=patience)
