"""Have the audit chains' ends and the proofs stamped by an outside authority, and check the stamps that are kept.

Nothing waits for it: what is to be stamped is a row of its own, tried again until the authority answers.  No
transaction is open while it is asked.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.domain.law.court_files import chain_content, proof_content
from portal.models import TimeStamp
from portal.providers.time_stamps import NotStamped
from portal.queries.law import time_stamps
from portal.services.context import Context

log = structlog.get_logger("portal.time_stamps")

EACH: Final = timedelta(hours=23)  # between two stamps of one chain's end
AT_ONCE: Final = 200  # of one run
FIRST_WAIT: Final = timedelta(minutes=10)
LONGEST_WAIT: Final = timedelta(hours=6)
LATE: Final = 12  # failed tries, a day or two: from then on each is an error in the log
BATCH: Final = 500


def run(ctx: Context, *, now: datetime) -> int:
    """Ask for what is due; return how many stamps came. Off, nothing is written."""
    if not ctx.time_stamps.is_on:
        return 0
    _plan(ctx, now=now)
    with ctx.db.read() as session:
        waiting = time_stamps.due(session, now=now, limit=AT_ONCE)
    got = 0
    for one in waiting:
        try:
            got += _stamp(ctx, one, now=now)
        except NotStamped as error:
            _put_off(ctx, one, error.reason, now=now)
            if error.reason in ("not_reached", "status"):  # it is away: the others need not find that out
                break
    return got


def _plan(ctx: Context, *, now: datetime) -> None:
    with ctx.db.begin() as session:
        values: list[dict[str, Any]] = [
            {"merchant_id": one.merchant_id, "number": one.number, "hash": one.hash}
            for one in time_stamps.ends_to_stamp(session, since=now - EACH)
        ]
        values += [
            {"merchant_id": one.merchant_id, "proof_id": one.id}
            for one in time_stamps.proofs_to_stamp(session, limit=AT_ONCE)
        ]
        for one in values:
            row = {"id": uuid.uuid4(), "created_at": now, "next_try_at": now, "failed": 0, "problem": "", **one}
            session.execute(insert(TimeStamp).values(**row).on_conflict_do_nothing())


def _stamp(ctx: Context, one: TimeStamp, *, now: datetime) -> int:
    with ctx.db.read() as session:
        content = _content(session, one)
    if content is None:  # the proof has gone meanwhile
        with ctx.db.begin() as session:
            session.execute(delete(TimeStamp).where(TimeStamp.id == one.id))
        return 0
    stamp = ctx.time_stamps.stamp(content, now=now)
    with ctx.db.begin() as session:
        kept = update(TimeStamp).where(TimeStamp.id == one.id, TimeStamp.reply.is_(None))
        session.execute(kept.values(reply=stamp.token, stamped_at=stamp.at, problem=""))
    return 1


def _content(session: Session, one: TimeStamp) -> bytes | None:
    if one.proof_id is None:
        return chain_content(one.number or 0, one.hash or "")
    facts = time_stamps.facts_of(session, one.proof_id)
    return proof_content(facts) if facts is not None else None


def _put_off(ctx: Context, one: TimeStamp, reason: str, *, now: datetime) -> None:
    failed = one.failed + 1
    wait = min(FIRST_WAIT * 2 ** min(failed - 1, 10), LONGEST_WAIT)
    tell = log.error if failed >= LATE else log.warning
    tell("time_stamp_failed", merchant_id=str(one.merchant_id), reason=reason, failed=failed)
    with ctx.db.begin() as session:
        values = {"failed": failed, "problem": reason, "next_try_at": now + wait}
        session.execute(update(TimeStamp).where(TimeStamp.id == one.id).values(values))


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a check found: how many hold, and those that do not (« chain NUMBER », « proof ID »)."""

    whole: int
    wrong: tuple[str, ...]
    unchecked: int  # without certificates nothing can be said


def check(ctx: Context, merchant_id: uuid.UUID) -> Checked:
    """Check each stamp of a merchant against what stands in the database now."""
    whole, unchecked, wrong = 0, 0, []
    for one in _each(ctx, merchant_id):
        if not ctx.time_stamps.can_check:
            unchecked += 1
        elif _holds(ctx, one):
            whole += 1
        else:
            wrong.append(f"chain {one.number}" if one.number is not None else f"proof {one.proof_id}")
    return Checked(whole=whole, wrong=tuple(wrong), unchecked=unchecked)


def _each(ctx: Context, merchant_id: uuid.UUID) -> Iterator[TimeStamp]:
    last = None
    while True:
        with ctx.db.read() as session:
            found = time_stamps.got(session, merchant_id, after=last, limit=BATCH)
        yield from found
        if len(found) < BATCH:
            return
        last = found[-1].id


def _holds(ctx: Context, one: TimeStamp) -> bool:
    with ctx.db.read() as session:
        content = _content(session, one)
        if one.number is not None and time_stamps.hash_of(session, one.merchant_id, one.number) != one.hash:
            return False
    try:
        return content is not None and ctx.time_stamps.check(one.reply or b"", content) == one.stamped_at
    except NotStamped:
        return False
