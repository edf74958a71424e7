"""Access tokens: what an access check says, signed, for whoever verifies it without asking us (RFC 7519, RFC 8037).

A token is good for a quarter of an hour and never beyond what it tells of: an end that PayPal confirms meanwhile is
known at its edge by then at the latest.  The public keys are at `/.well-known/jwks.json`.
"""

from __future__ import annotations

import json
import time
import uuid
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

import structlog
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import OKPKey

from portal.domain.integrations.signing_keys import LIFETIME, listed, next_from, signer
from portal.models import SigningKey
from portal.queries.integrations import signing_keys as queries
from portal.services.context import Context
from portal.services.resources import Checked, Resource, access

# « EdDSA » is the name that every verifier knows; « Ed25519 » of RFC 9864 is known by few yet.
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)

log = structlog.get_logger("portal.access_tokens")

ALGORITHM: Final = "EdDSA"
PRIVATE: Final = "signing_keys.private_key"  # what it is sealed for
TRUSTED: Final = 60.0  # seconds for which a process goes by the keys that it has read


@dataclass(frozen=True)
class Token:
    """A token, and until when it is good."""

    text: str
    expires_at: datetime


@dataclass(frozen=True)
class _Ready:
    """The keys as a process has read them, and the one that signs, opened."""

    keys: Sequence[SigningKey]
    opened: dict[uuid.UUID, OKPKey]
    until: float


class Signer:
    """Signs tokens; keeps the opened key for a minute."""

    def __init__(self) -> None:
        self._ready: _Ready | None = None

    def sign(self, ctx: Context, issuer: str, audience: str, checked: Checked, *, now: datetime) -> Token | None:
        """Return a token of what is open now; None where nothing is."""
        contents = _open(access(checked, now=now), now=now)
        if not contents:
            return None
        expires_at = min([now + LIFETIME, *(_until(one) for one in contents if one["until"])])
        claims = {
            "iss": issuer,
            "aud": audience,
            "sub": checked.customer,
            "product": checked.product,
            "contents": [one["id"] for one in contents],
            "iat": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        key, kid = self._key(ctx, now=now)
        header = {"alg": ALGORITHM, "kid": kid, "typ": "JWT"}
        return Token(jwt.encode(header, claims, key, algorithms=[ALGORITHM]), expires_at)

    def _key(self, ctx: Context, *, now: datetime) -> tuple[OKPKey, str]:
        ready = self._ready
        if ready is None or ready.until < time.monotonic():
            with ctx.db.read() as session:
                keys = queries.every(session)
            if signer(keys, now) is None:
                turn(ctx, now=now)  # the first token ever
                with ctx.db.read() as session:
                    keys = queries.every(session)
            ready = self._ready = _Ready(keys, {}, time.monotonic() + TRUSTED)
        found = cast(SigningKey, signer(ready.keys, now))
        if found.id not in ready.opened:
            text = ctx.vault.open(found.private_key, purpose=PRIVATE, row=found.id)
            ready.opened[found.id] = OKPKey.import_key(json.loads(text))
        return ready.opened[found.id], found.public_key["kid"]


def published(ctx: Context, *, now: datetime) -> Resource:
    """Return the public keys as a JSON Web Key Set (RFC 7517); before the first token there is none."""
    with ctx.db.read() as session:
        keys = queries.every(session)
    return {"keys": [key.public_key for key in listed(keys, now)]}


def turn(ctx: Context, *, now: datetime) -> None:
    """Make the next key when it is due, listed a day before it signs; delete those that are listed no more."""
    with ctx.db.begin() as session:
        queries.hold(session)
        keys = queries.every(session)
        starts = next_from(keys, now)
        if starts is not None:
            session.add(_new(ctx, starts, now=now))
        kept = {key.id for key in listed(keys, now)}
        for key in keys:
            if key.id not in kept:
                session.delete(key)


def replace(ctx: Context, *, now: datetime) -> None:
    """Let a new key sign from now on, and forget every other: tokens that they signed are good no more.

    For a private key that somebody may have read. A verifier that keeps the list refuses tokens until it reads it anew.
    """
    with ctx.db.begin() as session:
        queries.hold(session)
        for key in queries.every(session):
            session.delete(key)
        session.flush()
        session.add(_new(ctx, now, now=now))
    log.warning("signing_keys_replaced")


def _new(ctx: Context, starts: datetime, *, now: datetime) -> SigningKey:
    row_id, key = uuid.uuid4(), OKPKey.generate_key("Ed25519")
    listed_as: dict[str, Any] = dict(key.as_dict(private=False))
    listed_as |= {"kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}
    text = json.dumps(key.as_dict(private=True))
    return SigningKey(
        id=row_id,
        created_at=now,
        signs_from=starts,
        public_key=listed_as,
        private_key=ctx.vault.seal(text, purpose=PRIVATE, row=row_id),
    )


def _open(told: Resource, *, now: datetime) -> list[Resource]:
    """Return the contents that are open, but for those that close at once: tokens count in whole seconds."""
    is_open = (one for one in told["contents"] if one["allowed"])
    return [one for one in is_open if not one["until"] or _until(one) > now + timedelta(seconds=1)]


def _until(content: Resource) -> datetime:
    return datetime.fromisoformat(content["until"])
