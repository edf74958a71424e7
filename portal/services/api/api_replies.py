"""Calls that may be made again: who sends the same `Idempotency-Key` within a day is given the first answer.

The name is taken in a transaction of its own before anything is done, so that of two calls at once one is told to
wait.  A process that dies in between leaves the name taken without an answer; after `STALE` the next call does it
anew: what it does is itself safe to be done twice (an end that is asked for twice is one, a gift twice is refused).
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from portal.domain.law.retention import OPERATOR, Stock
from portal.models import ApiReply
from portal.queries.integrations import api_replies as queries
from portal.services.batches import delete_all
from portal.services.context import Context

KEPT: Final = OPERATOR[Stock.REPLIES]
STALE: Final = timedelta(seconds=60)  # longer than any call is let run
BODY: Final = "api_replies.body"  # what it is sealed for


class Standing(StrEnum):
    """What there is under a name."""

    NEW = "new"  # it is ours now
    UNDER_WAY = "under_way"
    OTHER_CALL = "other_call"
    ANSWERED = "answered"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer as it was given."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What a call with a name found: the first answer, where there is one."""

    standing: Standing
    reply: Reply | None = None


def call_of(method: str, path: str, query: bytes, body: bytes) -> bytes:
    """Return by what a call is the same: method, address and body, to the byte."""
    whole = json.dumps([method, path, base64.b64encode(query).decode(), base64.b64encode(body).decode()])
    return hashlib.sha256(whole.encode()).digest()


def begin(ctx: Context, key_id: uuid.UUID, name: str, call: bytes, *, now: datetime) -> Begun:
    """Take the name for this call, or say what there is under it."""
    fresh = insert(ApiReply).values(id=uuid.uuid4(), key_id=key_id, name=name, call=call, headers={}, created_at=now)
    with ctx.db.begin() as session:
        taken = session.scalar(fresh.on_conflict_do_nothing().returning(ApiReply.id))
        if taken is not None:
            return Begun(standing=Standing.NEW)
        row = queries.lock(session, key_id, name)
        if row is None:  # it has been forgotten in this moment
            return Begun(standing=Standing.UNDER_WAY)
        is_old = row.created_at <= now - KEPT
        if is_old or (row.call == call and _is_stale(row, now=now)):
            row.call, row.status, row.headers, row.body, row.created_at = call, None, {}, None, now
            return Begun(standing=Standing.NEW)
        if row.call != call:
            return Begun(standing=Standing.OTHER_CALL)
        if row.status is None or row.body is None:
            return Begun(standing=Standing.UNDER_WAY)
        opened = ctx.vault.open(row.body, purpose=BODY, row=row.id)
        reply = Reply(status=row.status, headers=row.headers, body=base64.b64decode(opened))
        return Begun(standing=Standing.ANSWERED, reply=reply)


def keep(ctx: Context, key_id: uuid.UUID, name: str, reply: Reply) -> None:
    """Keep the answer for a day."""
    with ctx.db.begin() as session:
        row = queries.lock(session, key_id, name)
        if row is not None:  # else the key was deleted meanwhile
            row.status, row.headers = reply.status, dict(reply.headers)
            row.body = ctx.vault.seal(base64.b64encode(reply.body).decode(), purpose=BODY, row=row.id)


def forget(ctx: Context, key_id: uuid.UUID, name: str) -> None:
    """Give the name free: nothing was done, and the call may be made again."""
    with ctx.db.begin() as session:
        session.execute(delete(ApiReply).where(ApiReply.key_id == key_id, ApiReply.name == name))


def purge(ctx: Context, *, now: datetime) -> int:
    """Delete what is older than a day; return how many."""
    return delete_all(ctx.db, ApiReply, ApiReply.created_at < now - KEPT)


def _is_stale(row: ApiReply, *, now: datetime) -> bool:
    return row.status is None and row.created_at <= now - STALE
