"""Nights, without waiting for them: what the clock plans for the night, the hour or ten minutes is due now."""

from __future__ import annotations

from typing import Any, Final

from procrastinate.periodic import PeriodicTask

from portal import queue
from tests.chaos.cluster import Cluster

# As the worker itself would put it there; where one still waits nothing is added.
DUE: Final = """INSERT INTO procrastinate_jobs (queue_name, task_name, priority, queueing_lock, lock, args)
    VALUES (%s, %s, %s, %s, %s, '{"timestamp": 0}') ON CONFLICT DO NOTHING"""


class Nights:
    """Lets one night after another fall."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.fallen = 0

    def fall(self) -> None:
        """Have everything done that comes less often than each minute."""
        with self._cluster.connect() as db:
            for one in planned():
                task = one.task
                db.execute(DUE, (task.queue, task.name, task.priority, task.queueing_lock or task.name, task.lock))
        self.fallen += 1


def planned() -> list[PeriodicTask[Any, Any, Any]]:
    """Return what is planned for certain minutes of the hour, or hours of the day."""
    found = queue.app.periodic_registry.periodic_tasks.values()
    return [one for one in found if one.cron.split()[0] != "*"]
