"""What /metrics says: what the processes counted, and what the database knows, asked at most every FRESH seconds.

Each group of figures is asked for by itself and for a few seconds at most: where one does not come, the others do, and
`portal_figures_up` says so.  With the database away, what the processes counted is still told.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from portal import clock, metrics, queue
from portal.extensions import Busy
from portal.models import KeyState
from portal.queries.operating import health as health_rows
from portal.queries.operating import journal as journal_rows
from portal.queries.operating import metrics as queries
from portal.services import health
from portal.services.context import Context

log = structlog.get_logger(__name__)

FRESH: Final = 10.0  # seconds
Group = Callable[[Session], Iterator[Metric]]


class Figures(Collector):
    """What the database, the clocks and the disk say, for one context."""

    def __init__(self, ctx: Context, folder: Path) -> None:
        """Take the context, and the folder whose disk is looked at."""
        self._ctx = ctx
        self._folder = folder
        self._lock = threading.Lock()
        self._read: tuple[float, list[Metric]] | None = None

    def exposition(self) -> bytes:
        """Return everything in Prometheus's text format."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(metrics.COUNTED)
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterable[Metric]:
        """Return the figures of a moment ago; two scrapes at once ask the database once."""
        with self._lock:
            if self._read is None or time.monotonic() - self._read[0] >= FRESH:
                self._read = (time.monotonic(), [*self._fresh()])
            return self._read[1]

    def _fresh(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("portal_figures_up", "Whether a group of figures could be read.", labels=["group"])
        for name, group in GROUPS.items():
            found = self._of(group)
            up.add_metric([name], found is not None)
            yield from found or ()
        yield up
        yield self._journal_fails()
        writable = self._is_written()
        yield GaugeMetricFamily("portal_database_writable", "Whether the database takes a write.", value=writable)
        if writable:  # else the database's time may not be known
            ahead = clock.machine_is_ahead().total_seconds()
            yield GaugeMetricFamily("portal_clock_ahead_seconds", "Of this machine's, to the database's.", value=ahead)
        yield from _disk(self._folder)

    def _of(self, group: Group) -> list[Metric] | None:
        try:
            with self._ctx.db.browse() as session:
                return [*group(session)]
        except SQLAlchemyError as error:
            log.warning("figures_not_read", group=group.__name__, error=type(error).__name__)
            return None

    def _journal_fails(self) -> Metric:
        """What only the process itself knows: while it cannot read the folder it would not notice a restore."""
        journal = self._ctx.db.journal
        fails = journal is not None and (journal.unread_since is not None or journal.failing_since is not None)
        about = "Whether this process cannot read or write the journal."
        return GaugeMetricFamily("portal_journal_fails", about, value=fails)

    def _is_written(self) -> bool:
        try:
            health.write(self._ctx)
        except Busy:  # somebody else is writing it: it can be
            return True
        except SQLAlchemyError:
            return False
        return True


def _requests(session: Session) -> Iterator[Metric]:
    many = GaugeMetricFamily("portal_requests_open", "Requests that are not finished.", labels=["kind", "state"])
    old = GaugeMetricFamily(
        "portal_request_oldest_seconds",
        "Since when the oldest of them was asked for, or due; 0 for none.",
        labels=["kind", "waits_for"],
    )
    numbers = {(kind, str(state)): 0 for kind, row in queries.KINDS.items() for state in sorted(row.open_states)}
    oldest = {(kind, whom): 0.0 for kind in queries.KINDS for whom in ("portal", "merchant")}
    for kind, state, whom, number, age in queries.open_requests(session):
        numbers[kind, state] = number
        oldest[kind, whom] = max(oldest.get((kind, whom), 0.0), float(age))
    for labels, number in numbers.items():
        many.add_metric(labels, number)
    for labels, age in oldest.items():
        old.add_metric(labels, age)
    yield from (many, old)


def _mails(session: Session) -> Iterator[Metric]:
    due, refused, returned, late = queries.mails(session)
    many = GaugeMetricFamily("portal_mails_kept", "Mails that are due, were refused, came back.", labels=["state"])
    for state, number in (("due", due), ("refused", refused), ("returned", returned)):
        many.add_metric([state], number)
    yield many
    yield GaugeMetricFamily("portal_mail_overdue_seconds", "How late the oldest mail is.", value=float(late or 0))
    most = queries.busiest_merchant(session)
    yield GaugeMetricFamily("portal_mails_of_one_merchant", "Mails of a day, of whoever has most of them.", value=most)


def _messages(session: Session) -> Iterator[Metric]:
    waiting, given_up, late, refused = queries.messages(session)
    many = GaugeMetricFamily("portal_messages", "PayPal's messages that wait, or were given up.", labels=["state"])
    many.add_metric(["waiting"], waiting)
    many.add_metric(["given_up"], given_up)
    yield many
    yield GaugeMetricFamily("portal_message_overdue_seconds", "How late the first of them is.", value=float(late))
    yield CounterMetricFamily("portal_messages_refused", "Messages that PayPal did not sign.", value=int(refused))


def _events(session: Session) -> Iterator[Metric]:
    late = queries.events_overdue(session)
    yield GaugeMetricFamily(
        "portal_event_overdue_seconds", "How late the first event to a merchant's system is.", value=late
    )


def _jobs(session: Session) -> Iterator[Metric]:
    many = GaugeMetricFamily("portal_jobs_due", "Jobs whose time has come.", labels=["rank"])
    late = GaugeMetricFamily("portal_job_overdue_seconds", "How late the first of them is.", labels=["rank"])
    found = {rank: [0.0, 0.0] for rank in metrics.RANKS}
    for priority, number, age in queries.jobs(session):
        told = found[queue.rank_name(priority)]
        told[0], told[1] = told[0] + number, max(told[1], float(age or 0))
    for name, (number, age) in found.items():
        many.add_metric([name], number)
        late.add_metric([name], age)
    yield from (many, late)


def _comparisons(session: Session) -> Iterator[Metric]:
    age, late = queries.comparisons(session)
    yield GaugeMetricFamily("portal_comparison_age_seconds", "Since the least recent whole one.", value=float(age))
    yield GaugeMetricFamily("portal_comparisons_late", "Accounts not compared for too long.", value=late)


def _keys(session: Session) -> Iterator[Metric]:
    many = GaugeMetricFamily("portal_paypal_keys", "The merchants' PayPal keys, by state.", labels=["state"])
    found: dict[str, int] = dict.fromkeys(KeyState, 0)
    for state, number in queries.keys(session):
        found[state] = number
    for state, number in found.items():
        many.add_metric([str(state)], number)
    yield many


def _workers(session: Session) -> Iterator[Metric]:
    found = health_rows.workers(session)
    age = float("inf") if found.age is None else max(0.0, found.age)
    yield GaugeMetricFamily("portal_worker_silence_seconds", "Since a worker's last sign of life.", value=age)
    yield GaugeMetricFamily("portal_worker_is_polling", "Whether nothing wakes a worker.", value=found.is_deaf)


def _journal(session: Session) -> Iterator[Metric]:
    """Whatever process failed to write: what is missing waits in the database, so this tells of each of them."""
    since, restored = journal_rows.oldest_waiting(session), journal_rows.restored_at(session)
    late = max(0.0, (clock.utc_now() - since).total_seconds()) if since is not None else 0.0
    yield GaugeMetricFamily("portal_journal_overdue_seconds", "How late the oldest of the journal's is.", value=late)
    yield GaugeMetricFamily(
        "portal_database_restored", "Whether it was, and waits for flask recover.", value=restored is not None
    )


def _disk(folder: Path) -> Iterator[Metric]:
    place = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    usage = shutil.disk_usage(place)
    yield GaugeMetricFamily("portal_disk_free_bytes", "Free on the disk of PORTAL_DATA.", value=usage.free)
    yield GaugeMetricFamily("portal_disk_size_bytes", "Of the disk of PORTAL_DATA, in all.", value=usage.total)


GROUPS: Final[dict[str, Group]] = {
    "requests": _requests,
    "mails": _mails,
    "messages": _messages,
    "events": _events,
    "jobs": _jobs,
    "comparisons": _comparisons,
    "keys": _keys,
    "workers": _workers,
    "journal": _journal,
}
