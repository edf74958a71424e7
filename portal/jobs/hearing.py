"""Does a worker hear what wakes it: behind a pooler that lends connections by the transaction, LISTEN is lost silently.

Nothing else depends on it: jobs are looked for each second as well (docs/decisions/0018).
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Final

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from portal import queue
from portal.services import health

if TYPE_CHECKING:
    from portal.services.context import Context

log = structlog.get_logger(__name__)

CHANNEL: Final = "portal_hearing"
PATIENCE: Final = 5.0  # seconds until what was said is taken for lost
AGAIN: Final = 600.0


async def listen(context: Context) -> None:
    """Look now and every ten minutes, for ever; who hears nothing says so once, and to /healthz."""
    has_said = False
    while True:
        try:
            if not await hears_itself(context.db.url):
                await asyncio.to_thread(health.note_deaf, context)
                if not has_said:
                    log.warning("worker_is_not_woken", looks_every=queue.POLL)
                has_said = True
        except (psycopg.Error, SQLAlchemyError) as error:
            log.info("hearing_not_tried", error=type(error).__name__)  # the database is away, which others say
        await asyncio.sleep(AGAIN)


async def hears_itself(url: str) -> bool:
    """Return whether what one connection says comes to another one that listens; raise psycopg.Error without either."""
    said = uuid.uuid4().hex
    connect = psycopg.AsyncConnection.connect
    async with await connect(url, autocommit=True) as ear, await connect(url, autocommit=True) as mouth:
        await ear.execute(f"LISTEN {CHANNEL}")
        await mouth.execute("SELECT pg_notify(%s, %s)", [CHANNEL, said])
        async for heard in ear.notifies(timeout=PATIENCE):
            if heard.payload == said:
                return True
    return False
