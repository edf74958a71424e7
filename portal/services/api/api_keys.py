"""Keys of the API: made at the desk, shown once, rotated with both good for a day, revoked at once.

Every call looks its key up, so that a revoked one opens nothing from the next call on.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.errors import DomainError
from portal.domain.integrations import api_keys
from portal.domain.integrations.api_keys import OVERLAP, KeyStanding, Mode, Scope
from portal.domain.integrations.task_links import VOUCHED
from portal.models import ApiKey
from portal.queries import audit as chain
from portal.queries.integrations import api_keys as queries
from portal.queries.integrations.api_keys import Caller
from portal.services import task_links, throttles
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.people import staff_alerts
from portal.services.throttles import Limit

log = structlog.get_logger("portal.api_keys")

REPORTS: Final = 20  # of leaked keys, from one network in an hour


class Refused(StrEnum):
    """Why a key opens nothing: said in the log, and never outside, where every one of them is the same 401."""

    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    REVOKED = "revoked"
    EXPIRED = "expired"
    NETWORK = "network"


class KeyRefused(Exception):
    """The key opens nothing."""

    def __init__(self, why: Refused) -> None:
        super().__init__(why.value)
        self.why = why


class NotGood(DomainError):
    """The key is revoked, expired, or already replaced: nothing is left to change."""


class MadeAlready(DomainError):
    """The key was made before under this id: its form was sent twice, and its text is shown once."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a key is to be."""

    name: str
    mode: Mode
    scopes: frozenset[Scope]
    networks: tuple[str, ...] = ()
    per_minute: int = api_keys.PER_MINUTE

    @classmethod
    def typed(cls, name: str, mode: Mode, scopes: Iterable[Scope], networks: str, per_minute: int) -> Wanted:
        """Return what was typed at the desk, a network in each line; raise CannotMakeKey for what cannot be."""
        name = " ".join(name.split())
        api_keys.check(name, mode, frozenset(scopes), per_minute)
        lines = tuple(api_keys.networks_of(networks.splitlines()))
        return cls(name=name, mode=mode, scopes=frozenset(scopes), networks=lines, per_minute=per_minute)


def find(ctx: Context, text: str, *, address: str | None, now: datetime) -> Caller:
    """Return whose key that is; raise KeyRefused for one that opens nothing, or not from that address."""
    if not api_keys.is_key(text):
        raise KeyRefused(Refused.MALFORMED)
    with ctx.db.once() as connection:
        caller = queries.caller(connection, api_keys.digest(text))
    if caller is None:
        raise KeyRefused(Refused.UNKNOWN)
    check(caller, address=address, now=now)
    return caller


def check(caller: Caller, *, address: str | None, now: datetime) -> None:
    """Raise KeyRefused for a key that is good no more, or not from that address."""
    standing = api_keys.standing(expires_at=caller.expires_at, revoked_at=caller.revoked_at, now=now)
    if standing is KeyStanding.REVOKED:
        raise KeyRefused(Refused.REVOKED)
    if standing is KeyStanding.EXPIRED:
        raise KeyRefused(Refused.EXPIRED)
    if not api_keys.is_from(address, caller.networks):
        raise KeyRefused(Refused.NETWORK)


def make(
    ctx: Context,
    merchant_id: uuid.UUID,
    wanted: Wanted,
    *,
    key_id: uuid.UUID | None = None,
    by: By,
    now: datetime,
) -> tuple[uuid.UUID, str]:
    """Make a key; return its id and its text, which nobody sees again.

    `key_id` names it beforehand, so that a form that is sent twice makes one: raises MadeAlready for the second.
    """
    secret = api_keys.new_secret(wanted.mode)
    try:
        with ctx.db.begin() as session:
            key = _row(merchant_id, wanted, secret, by=by, now=now)
            key.id = key_id or key.id
            session.add(key)
            session.flush()
            audit.append(session, merchant_id, Act.API_KEY_MADE, by=by, at=now, **_about(key))
            return key.id, secret.text
    except IntegrityError as error:
        if "pk_api_keys" in str(error.orig):
            raise MadeAlready from None
        raise


def change(
    ctx: Context,
    merchant_id: uuid.UUID,
    key_id: uuid.UUID,
    wanted: Wanted,
    *,
    untouched: Collection[str] = (),
    left_scopes: Collection[Scope] = (),
    by: By,
    now: datetime,
) -> None:
    """Change name, scopes, networks and limit; what it sees stays. Raises NoResultFound, NotGood, CannotMakeKey.

    `untouched`: the columns, `left_scopes`: the scopes that are as their page showed them: what a colleague has taken
    away or added there meanwhile stays so.
    """
    left = frozenset(left_scopes)
    with ctx.db.begin() as session:
        key = queries.lock(session, merchant_id, key_id)
        _check_good(key, now=now)
        scopes = (wanted.scopes - left) | (key.allowed & left)
        columns = {"name": wanted.name, "networks": list(wanted.networks), "per_minute": wanted.per_minute}
        api_keys.check(wanted.name, key.mode, scopes, wanted.per_minute)
        key.scopes = sorted(scopes)
        for name in columns.keys() - set(untouched):
            setattr(key, name, columns[name])
        audit.append(session, merchant_id, Act.API_KEY_CHANGED, by=by, at=now, **_about(key))


def rotate(
    ctx: Context,
    merchant_id: uuid.UUID,
    key_id: uuid.UUID,
    *,
    by: By,
    overlap: timedelta = OVERLAP,
    now: datetime,
) -> tuple[uuid.UUID, str]:
    """Make a key that may do the same, and let the old one end after `overlap`; return the new one's id and text.

    Raises NoResultFound, NotGood.
    """
    with ctx.db.begin() as session:
        old = queries.lock(session, merchant_id, key_id)
        _check_good(old, now=now)
        wanted = Wanted(
            name=old.name,
            mode=old.mode,
            scopes=old.allowed,
            networks=tuple(old.networks),
            per_minute=old.per_minute,
        )
        secret = api_keys.new_secret(old.mode)
        new = _row(merchant_id, wanted, secret, by=by, now=now)
        session.add(new)
        session.flush()
        old.expires_at, old.successor_id = now + overlap, new.id
        if not overlap:
            _close_sessions(session, old, now=now)
        audit.append(session, merchant_id, Act.API_KEY_ROTATED, by=by, at=now, **_about(old), successor=new.prefix)
        return new.id, secret.text


def revoke(ctx: Context, merchant_id: uuid.UUID, key_id: uuid.UUID, *, by: By, by_name: str, now: datetime) -> None:
    """End a key at once; twice is once. Raises NoResultFound."""
    with ctx.db.begin() as session:
        key = queries.lock(session, merchant_id, key_id)
        if key.revoked_at is None:
            key.revoked_at, key.revoked_by = now, by_name
            _close_sessions(session, key, now=now)
            audit.append(session, merchant_id, Act.API_KEY_REVOKED, by=by, at=now, **_about(key))


def report(ctx: Context, text: str, *, where: str, network: str, now: datetime) -> None:
    """Take the word of anybody that a key lies in the open: owners are told, and one that was shown whole ends.

    By its beginning alone nothing ends: whoever read it in a log could stop a merchant's site.  Nothing is answered
    that tells whether there is such a key.  Raises TooManyTries.
    """
    throttles.hit(ctx, Limit(name="leaked_keys", who=network, count=REPORTS, window=timedelta(hours=1)), now=now)
    prefix = api_keys.prefix_of(text)
    if prefix is None:
        return
    with ctx.db.begin() as session:
        key = queries.lock_prefix(session, prefix)
        if key is None or key.standing(now) in (KeyStanding.REVOKED, KeyStanding.EXPIRED):
            return
        is_whole = api_keys.digest(text) == key.digest
        if text != prefix and not is_whole:
            return  # made up around a beginning that somebody knows
        key.reported_at, key.reported_where = now, where
        audit.append(session, key.merchant_id, Act.API_KEY_REPORTED, by=By(), at=now, **_about(key), whole=is_whole)
        if is_whole:
            key.revoked_at = now
            _close_sessions(session, key, now=now)
            audit.append(session, key.merchant_id, Act.API_KEY_REVOKED, by=By(), at=now, **_about(key))
        staff_alerts.api_key_reported(ctx, session, key, is_revoked=is_whole, now=now)
    log.warning("api_key_reported", prefix=prefix, is_whole=is_whole)


def _row(merchant_id: uuid.UUID, wanted: Wanted, secret: api_keys.Secret, *, by: By, now: datetime) -> ApiKey:
    return ApiKey(
        id=uuid.uuid4(),
        created_at=now,
        merchant_id=merchant_id,
        name=wanted.name,
        mode=wanted.mode,
        prefix=secret.prefix,
        digest=secret.digest,
        scopes=sorted(wanted.scopes),
        networks=list(wanted.networks),
        per_minute=wanted.per_minute,
        made_by=by.name,
    )


def _close_sessions(session: Session, key: ApiKey, *, now: datetime) -> None:
    """Let the portal sessions that it made and nobody has opened open nothing: whoever had the key may hold them."""
    made = chain.sessions_of_key(session, key.merchant_id, key.id, since=now - VOUCHED)
    task_links.withdraw_unopened(session, key.merchant_id, made, now=now)


def _check_good(key: ApiKey, *, now: datetime) -> None:
    if key.standing(now) is not KeyStanding.GOOD:
        raise NotGood


def _about(key: ApiKey) -> dict[str, Any]:
    return {
        "subject": ("api_key", key.id),
        "prefix": key.prefix,
        "mode": key.mode.value,
        "scopes": list(key.scopes),
        "networks": list(key.networks),
        "per_minute": key.per_minute,
    }
