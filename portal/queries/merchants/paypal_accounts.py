"""Every SELECT of PayPal keys."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Row, ScalarSelect, Select, func, select
from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import OPEN
from portal.domain.subscriptions import ENDED
from portal.models import EndRequest, PayPalAccount, Provider, Subscription
from portal.queries.aliases import kept_alias

__all__ = ["Provider"]  # the web names the kinds of key


@dataclass(frozen=True, kw_only=True)
class Dependents:
    """What rests on a key: subscriptions that go on, and requests to end that PayPal has not confirmed."""

    subscriptions: int
    open_requests: int


def of_merchant(
    session: Session, merchant_id: uuid.UUID, provider: Provider = Provider.PAYPAL_REST
) -> PayPalAccount | None:
    """Return the merchant's key of that kind as stored, if there is one."""
    return session.scalars(_of_merchant(merchant_id, provider)).one_or_none()


def lock(session: Session, merchant_id: uuid.UUID, provider: Provider) -> PayPalAccount | None:
    """Return the key, locked, so that two workers do not tell of one breakage twice."""
    statement = (
        _of_merchant(merchant_id, provider).with_for_update(key_share=True).execution_options(populate_existing=True)
    )
    return session.scalars(statement).one_or_none()


def all_of_merchant(session: Session, merchant_id: uuid.UUID) -> dict[Provider, PayPalAccount]:
    """Return the merchant's keys by kind."""
    rows = session.scalars(select(PayPalAccount).where(PayPalAccount.merchant_id == merchant_id))
    return {account.provider: account for account in rows}


def set_at(session: Session, merchant_id: uuid.UUID) -> dict[Provider, datetime]:
    """Return since when each of the merchant's keys is the one in use: another date is another key."""
    rows = session.execute(
        select(PayPalAccount.provider, PayPalAccount.set_at).where(PayPalAccount.merchant_id == merchant_id)
    )
    return {row.provider: row.set_at for row in rows}


def untested(session: Session, *, before: datetime, limit: int) -> list[tuple[uuid.UUID, Provider]]:
    """Return whose keys, and of which kind, were last tested before then, the longest ago first."""
    rows = session.execute(
        select(PayPalAccount.merchant_id, PayPalAccount.provider)
        .where(PayPalAccount.checked_at < before)
        .order_by(PayPalAccount.checked_at, PayPalAccount.id)
        .limit(limit)
    )
    return [(merchant_id, provider) for merchant_id, provider in rows]


def dependents(session: Session, merchant_id: uuid.UUID, provider: Provider) -> Dependents:
    """Count what rests on a key of that kind."""
    ours = (Subscription.merchant_id == merchant_id, Subscription.provider == provider)
    going_on = select(func.count()).select_from(Subscription).where(*ours, Subscription.status.not_in(ENDED))
    waiting = (
        select(func.count())
        .select_from(EndRequest)
        .join(Subscription, Subscription.id == EndRequest.subscription_id)
        .where(*ours, EndRequest.state.in_(OPEN))
    )
    return Dependents(
        subscriptions=session.execute(going_on).scalar_one(), open_requests=session.execute(waiting).scalar_one()
    )


_BEFORE: Final = kept_alias(PayPalAccount)


def broken_before() -> ScalarSelect[datetime | None]:
    """Return, in an UPDATE of a key, since when it was broken: a statement sees the rows as they were before it."""
    return select(_BEFORE.broken_since).where(_BEFORE.id == PayPalAccount.id).scalar_subquery()


def token_of(
    session: Session, account_id: uuid.UUID, set_at: datetime
) -> Row[bytes | None, datetime | None, str] | None:
    """Return the key's sealed token, when it expires and its scopes; None when another key took this one's place."""
    statement = select(PayPalAccount.token, PayPalAccount.token_expires_at, PayPalAccount.token_scopes)
    return session.execute(
        statement.where(PayPalAccount.id == account_id, PayPalAccount.set_at == set_at)
    ).one_or_none()


def _of_merchant(merchant_id: uuid.UUID, provider: Provider) -> Select[PayPalAccount]:
    return select(PayPalAccount).where(PayPalAccount.merchant_id == merchant_id, PayPalAccount.provider == provider)
