"""Challenges that passkeys answer: each once, whatever comes of it.

A page that asks writes nothing: it carries its challenge signed (`web.passkeys`), and what is kept is that it was used.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from portal.domain.passkeys import PasskeyRefused, Refusal
from portal.models import SpentChallenge
from portal.secrets import token_hash
from portal.services.context import Context

BYTES: Final = 32


def new() -> bytes:
    """Return a challenge that nobody can guess."""
    return secrets.token_bytes(BYTES)


def spend(ctx: Context, challenge: bytes, *, now: datetime) -> None:
    """Use a challenge up, in a transaction of its own; raise PasskeyRefused for one that was used."""
    row = insert(SpentChallenge).values(challenge_hash=token_hash(challenge.hex()), spent_at=now)
    written = row.on_conflict_do_nothing().returning(SpentChallenge.challenge_hash)
    with ctx.db.begin() as session:
        is_first = session.execute(written).one_or_none() is not None
    if not is_first:
        raise PasskeyRefused(Refusal.STALE)


def purge(ctx: Context, *, before: datetime) -> int:
    """Forget challenges that were used before `before`, when no page carries them any more; return how many."""
    with ctx.db.begin() as session:
        return session.connection().execute(delete(SpentChallenge).where(SpentChallenge.spent_at < before)).rowcount
