"""Every SELECT of the API's keys."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Select, bindparam, select
from sqlalchemy.orm import Session

from portal.domain.api_keys import Mode, Scope
from portal.domain.merchants import MerchantState, state_of
from portal.models import ApiKey, Merchant


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A key that was shown, with what decides over it: read once, at the beginning of every call."""

    key_id: uuid.UUID
    name: str
    prefix: str
    mode: Mode
    scopes: frozenset[Scope]
    networks: tuple[str, ...]
    per_minute: int
    expires_at: datetime | None
    revoked_at: datetime | None
    merchant_id: uuid.UUID
    merchant_slug: str
    merchant_state: MerchantState

    def has(self, scope: Scope) -> bool:
        """Say whether the key may do that."""
        return scope in self.scopes


def caller(connection: Connection, digest: bytes) -> Caller | None:
    """Return whose key has that digest; None for no key's."""
    row = connection.execute(_caller(), {"digest": digest}).one_or_none()
    if row is None:
        return None
    return Caller(
        key_id=row.id,
        name=row.name,
        prefix=row.prefix,
        mode=row.mode,
        scopes=frozenset(Scope(one) for one in row.scopes if one in set(Scope)),
        networks=tuple(row.networks),
        per_minute=row.per_minute,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        merchant_id=row.merchant_id,
        merchant_slug=row.slug,
        merchant_state=state_of(suspended_at=row.suspended_at, leaving_at=row.leaving_at),
    )


@cache
def _caller() -> Select[*tuple[object, ...]]:
    columns = (
        *(ApiKey.id, ApiKey.name, ApiKey.prefix, ApiKey.mode, ApiKey.scopes, ApiKey.networks, ApiKey.per_minute),
        *(ApiKey.expires_at, ApiKey.revoked_at, ApiKey.merchant_id),
        *(Merchant.slug, Merchant.suspended_at, Merchant.leaving_at),
    )
    return (
        select(*columns)
        .join(Merchant, Merchant.id == ApiKey.merchant_id)
        .where(ApiKey.digest == bindparam("digest"), Merchant.closed_at.is_(None))
    )


def of_merchant(session: Session, merchant_id: uuid.UUID) -> Sequence[ApiKey]:
    """Return a merchant's keys, those that are good first, the newest before the older."""
    return session.scalars(
        select(ApiKey)
        .where(ApiKey.merchant_id == merchant_id)
        .order_by(ApiKey.revoked_at.is_not(None), ApiKey.created_at.desc(), ApiKey.id)
    ).all()


def one(session: Session, merchant_id: uuid.UUID, key_id: uuid.UUID) -> ApiKey:
    """Return one key of the merchant; raise NoResultFound for any other."""
    return session.scalars(_one(merchant_id, key_id)).one()


def names(session: Session, merchant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the names of those of the merchant's keys that are among the ids, without asking for none."""
    if not ids:
        return {}
    found = session.execute(select(ApiKey.id, ApiKey.name).where(ApiKey.merchant_id == merchant_id, ApiKey.id.in_(ids)))
    return {row.id: row.name for row in found}


def lock(session: Session, merchant_id: uuid.UUID, key_id: uuid.UUID) -> ApiKey:
    """Return one key of the merchant, locked; raise NoResultFound for any other."""
    return session.scalars(_one(merchant_id, key_id).with_for_update(key_share=True)).one()


def _one(merchant_id: uuid.UUID, key_id: uuid.UUID) -> Select[ApiKey]:
    return select(ApiKey).where(ApiKey.id == key_id, ApiKey.merchant_id == merchant_id)


def lock_prefix(session: Session, prefix: str) -> ApiKey | None:
    """Return the key with that beginning, locked, whoever's it is."""
    return session.scalars(select(ApiKey).where(ApiKey.prefix == prefix).with_for_update(key_share=True)).one_or_none()
