"""What the workers' own rows tell of them. Also a ping."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal.models import HealthMark

DEAF_FOR: Final = timedelta(minutes=15)  # a worker looks again every ten (`jobs.hearing`)


HEARTBEAT: Final = 60  # seconds; procrastinate's workers write one every 10


@dataclass(frozen=True)
class Workers:
    """How the workers are. `age` is seconds since the last sign of life, None without a worker."""

    age: float | None
    is_deaf: bool

    @property
    def word(self) -> str:
        """Return `ok`, `silent` (the last sign of life is too old) or `missing` (none was started)."""
        if self.age is None:
            return "missing"
        return "ok" if self.age <= HEARTBEAT else "silent"


def workers(session: Session) -> Workers:
    """Return how long ago a worker gave a sign of life, and whether one said of late that nothing wakes it."""
    since = func.extract("epoch", func.now() - func.max(text("last_heartbeat")))
    age = select(since).select_from(text("procrastinate_workers")).scalar_subquery()
    is_deaf = select(HealthMark.deaf_at > func.now() - DEAF_FOR).scalar_subquery()
    seconds, deaf = session.execute(select(age, is_deaf)).one()
    return Workers(age=float(seconds) if seconds is not None else None, is_deaf=bool(deaf))
