"""Challenges that passkeys answer, or the sites that customers log in with: each once, whatever comes of it.

A page that asks writes nothing: it carries its challenge signed (`web.passkeys`), and what is kept is that it was used.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final

from sqlalchemy.dialects.postgresql import insert

from portal.domain.people.passkeys import PasskeyRefused, Refusal
from portal.models import SpentChallenge
from portal.secrets import token_hash
from portal.services.batches import delete_all
from portal.services.context import Context

BYTES: Final = 32


def new() -> bytes:
    """Return a challenge that nobody can guess."""
    return secrets.token_bytes(BYTES)


def spend(ctx: Context, challenge: bytes, *, now: datetime) -> None:
    """Use a challenge up, in a transaction of its own; raise PasskeyRefused for one that was used."""
    if not is_first(ctx, challenge.hex(), now=now):
        raise PasskeyRefused(Refusal.STALE)


def is_first(ctx: Context, challenge: str, *, now: datetime) -> bool:
    """Use a challenge up, in a transaction of its own; say whether it was good until now."""
    row = insert(SpentChallenge).values(challenge_hash=token_hash(challenge), spent_at=now)
    written = row.on_conflict_do_nothing().returning(SpentChallenge.challenge_hash)
    with ctx.db.begin() as session:
        return session.execute(written).one_or_none() is not None


def purge(ctx: Context, *, before: datetime) -> int:
    """Forget challenges that were used before `before`, when no page carries them any more; return how many."""
    return delete_all(ctx.db, SpentChallenge, SpentChallenge.spent_at < before)
