"""Structured logs: one JSON line per event, in UTC, with the request's id; never an address, token or body."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Final

import structlog

# Libraries that say much and nothing of use: full addresses, every font table, every job deferred, every task known.
TALKATIVE: Final = (
    "urllib3",
    "fontTools",
    "procrastinate.jobs",
    "procrastinate.blueprints",
    "procrastinate.periodic",
    "procrastinate.worker",  # three lines a job: `jobs.watching` has one
    "alembic.runtime.plugins",
)
FORBIDDEN = frozenset(
    {"email", "password", "secret", "token", "code", "body", "authorization", "cookie", "totp", "recipient", "to"}
)

ADDRESS: Final = re.compile(r"[^\s<>\"'=(),;:]+@[^\s<>\"'(),;:]*\w")
_jobs: ContextVar[list[int] | None] = ContextVar("jobs", default=None)


def begin(**ids: object) -> None:
    """Begin a request, a job or a batch: every line that follows has its ids, and none of the one before."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**ids)
    _jobs.set([])


def note_job(job_id: int) -> None:
    """Remember a job that what was begun has put; its line names them (`jobs_put`), so that one leads to the other."""
    jobs = _jobs.get()
    if jobs is not None:
        jobs.append(job_id)


def jobs_put() -> dict[str, list[int]]:
    """Return, for the line of what was begun, the jobs that it has put; nothing for none."""
    jobs = _jobs.get()
    return {"jobs_put": jobs} if jobs else {}


def set_up(level: str) -> None:
    """Send every log, ours and the libraries', to standard error as JSON lines."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name("portal")
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [kept for kept in root.handlers if kept.name != "portal"] + [handler]
    root.setLevel(level.upper())
    for talkative in TALKATIVE:
        logging.getLogger(talkative).setLevel(logging.WARNING)


def mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide the value of any key that could hold a secret or an address, and addresses in any text."""
    for key in FORBIDDEN & event.keys():
        event[key] = "[hidden]"
    for key, value in event.items():
        if isinstance(value, str) and "@" in value:
            event[key] = ADDRESS.sub("[address]", value)
    return event


def place_of(error: BaseException) -> str:
    """Return where an error was raised, as function:line.

    Logged in place of its text where that may hold what a log must not: a database error repeats the row.
    """
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return f"{at.tb_frame.f_code.co_name}:{at.tb_lineno}" if at is not None else ""
