"""Every SELECT of the API's keys."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select
from sqlalchemy.orm import Session

from portal.domain.integrations.api_keys import Mode, Scope
from portal.domain.merchants.merchants import MerchantState, state_of
from portal.models import ApiKey, ApiUse, Merchant
from portal.queries.json_rows import Document, json_list, moment_of


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


SCOPES: Final = {scope.value: scope for scope in Scope}


def caller(connection: Connection, digest: bytes) -> Caller | None:
    """Return whose key has that digest; None for no key's."""
    document = connection.execute(_caller(), {"digest": digest}).scalar_one_or_none()
    return caller_of(document) if document is not None else None


def caller_document() -> ColumnElement[Any]:
    """Return what `caller_of` reads as one JSON array: a column that is read costs more than a place in it."""
    return json_list(
        *(ApiKey.id, ApiKey.name, ApiKey.prefix, ApiKey.mode, ApiKey.scopes, ApiKey.networks, ApiKey.per_minute),
        *(ApiKey.expires_at, ApiKey.revoked_at, ApiKey.merchant_id),
        *(Merchant.slug, Merchant.suspended_at, Merchant.leaving_at),
    )


def caller_of(document: Document) -> Caller:
    """Return it from what the database wrote."""
    key_id, name, prefix, mode, scopes, networks, per_minute, expires_at, revoked_at, *of_merchant = document
    merchant_id, slug, suspended_at, leaving_at = of_merchant
    return Caller(
        key_id=uuid.UUID(key_id),
        name=name,
        prefix=prefix,
        mode=Mode(mode),
        scopes=frozenset(SCOPES[one] for one in scopes if one in SCOPES),
        networks=tuple(networks),
        per_minute=per_minute,
        expires_at=moment_of(expires_at) if expires_at else None,
        revoked_at=moment_of(revoked_at) if revoked_at else None,
        merchant_id=uuid.UUID(merchant_id),
        merchant_slug=slug,
        merchant_state=state_of(
            suspended_at=moment_of(suspended_at) if suspended_at else None,
            leaving_at=moment_of(leaving_at) if leaving_at else None,
        ),
    )


@cache
def _caller() -> Select[Any]:
    return (
        select(caller_document())
        .select_from(ApiKey)
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


def calls_of_minute(session: Session, merchant_id: uuid.UUID, minute: datetime) -> int:
    """Return how many calls all keys of the merchant have made in that minute, as far as processes have told."""
    keys = select(ApiKey.id).where(ApiKey.merchant_id == merchant_id)
    counted = select(func.coalesce(func.sum(ApiUse.count), 0))
    return session.scalars(counted.where(ApiUse.minute == minute, ApiUse.key_id.in_(keys))).one()


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
