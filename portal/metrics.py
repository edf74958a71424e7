"""What each process counts of itself, read at /metrics: requests, PayPal's answers, jobs, mails, confirmations.

Names and labels come from the code alone, never from what somebody sent or a row holds: no merchant, customer, address
or path.  Counting never fails a request: what cannot be counted is logged once.  What each is for: docs/monitoring.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any, Final, ParamSpec
from weakref import WeakKeyDictionary

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, values
from prometheus_client.registry import Collector

from portal import metric_files

log = structlog.get_logger(__name__)
P = ParamSpec("P")

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
RANKS: Final = ("housekeeping", "awaited", "first", "next", "last")
QUICK: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
PATIENT: Final = (0.1, 0.25, 0.5, 1, 2, 4, 8, 20, 40)
LONG: Final = (1, 5, 15, 60, 300, 900, 3600, 6 * 3600, 24 * 3600, 72 * 3600)


def _folder() -> Path | None:
    """Let the library count in files where this process has siblings; return their folder."""
    name = os.environ.get(metric_files.FOLDER, "")
    if not name:
        return None
    os.environ[metric_files.LIBRARYS] = name
    try:
        slots = metric_files.Slots(Path(name))
    except OSError as error:
        log.warning("metrics_of_this_process_alone", error=type(error).__name__)
        return None
    values.ValueClass = values.MultiProcessValue(slots)  # type: ignore[no-untyped-call]
    return Path(name)


FOLDER: Final = _folder()
REGISTRY: Final = CollectorRegistry(auto_describe=False)

REQUESTS: Final = Counter(
    "portal_http_requests", "Requests answered.", ("method", "route", "status"), registry=REGISTRY
)
REQUEST_SECONDS: Final = Histogram(
    "portal_http_request_seconds", "How long answers took.", ("method", "route"), buckets=QUICK, registry=REGISTRY
)
PAYPAL_CALLS: Final = Counter(
    "portal_paypal_calls", "Calls to PayPal by what was asked and how it was answered.", ("operation", "answer"),
    registry=REGISTRY,
)  # fmt: skip
PAYPAL_SECONDS: Final = Histogram(
    "portal_paypal_call_seconds", "How long PayPal took.", ("operation",), buckets=PATIENT, registry=REGISTRY
)
JOBS: Final = Counter("portal_jobs", "Jobs run, by rank and outcome.", ("rank", "outcome"), registry=REGISTRY)
JOB_SECONDS: Final = Histogram(
    "portal_job_seconds", "How long jobs ran.", ("task",), buckets=PATIENT, registry=REGISTRY
)
MAILS: Final = Counter(
    "portal_mails", "Mails handed to the mail server, by its answer.", ("outcome",), registry=REGISTRY
)
CONFIRMATION: Final = Histogram(
    "portal_confirmation_seconds",
    "From when an end was asked for, or due, until PayPal's confirmation was stored.",
    buckets=LONG,
    registry=REGISTRY,
)
DATABASE_FAILURES: Final = Counter(
    "portal_database_failures", "Answers that the database could not give.", ("kind",), registry=REGISTRY
)
CONNECTIONS: Final = Gauge(
    "portal_database_connections", "Connections of the pools that are in use.", registry=REGISTRY,
    multiprocess_mode="livesum",
)  # fmt: skip
CONNECTIONS_MOST: Final = Gauge(
    "portal_database_connections_most", "Connections that the pools may have.", registry=REGISTRY,
    multiprocess_mode="livesum",
)  # fmt: skip

# What an alert waits for is there from the start: the first of its kind would else be seen as no rise.
for _lane in RANKS:
    for _outcome in ("done", "retried", "failed", "put_off"):
        JOBS.labels(_lane, _outcome)
for _outcome in ("sent", "refused", "put_off"):
    MAILS.labels(_outcome)
for _kind in ("away", "busy"):
    DATABASE_FAILURES.labels(_kind)


_pools: WeakKeyDictionary[Any, int] = WeakKeyDictionary()  # each engine, and how many connections it may have


class _OfTheProcesses(Collector):
    """Everything counted here and, where this process has siblings, by them."""

    def collect(self) -> Iterable[Metric]:
        return metric_files.together(FOLDER) if FOLDER is not None else REGISTRY.collect()


COUNTED: Final[Collector] = _OfTheProcesses()


def _unfailing(count: Callable[P, None]) -> Callable[P, None]:
    has_said = False

    @wraps(count)
    def safe(*args: P.args, **named: P.kwargs) -> None:
        nonlocal has_said
        try:
            count(*args, **named)
        except Exception as error:
            if not has_said:
                log.warning("not_counted", what=count.__name__, error=type(error).__name__)
            has_said = True

    return safe


@_unfailing
def request(method: str, route: str | None, status: int, seconds: float) -> None:
    """Count an answer under the rule of its route, never its path; « none » where no rule fits."""
    method, route = method if method in METHODS else "other", route or "none"
    REQUESTS.labels(method, route, str(status)).inc()
    REQUEST_SECONDS.labels(method, route).observe(seconds)
    _look_at_pools()


@_unfailing
def paypal_call(operation: str, status: int | None, error: str, seconds: float) -> None:
    """Count a call: « none » without an answer, « limited » for 429, « error » for an error that came as a success."""
    answer = "none" if status is None else "limited" if status == 429 else f"{status // 100}xx"
    PAYPAL_CALLS.labels(operation, "error" if answer == "2xx" and error else answer).inc()
    PAYPAL_SECONDS.labels(operation).observe(seconds)


@_unfailing
def job(task: str, rank: str, outcome: str, seconds: float) -> None:
    """Count a job that ran: `done`, `retried` (it failed and comes again), `failed` (it does not)."""
    JOBS.labels(rank, outcome).inc()
    JOB_SECONDS.labels(task).observe(seconds)
    _look_at_pools()


@_unfailing
def mail(outcome: str) -> None:
    """Count a mail that was handed over: `sent`, `refused`, `put_off`."""
    MAILS.labels(outcome).inc()


@_unfailing
def confirmed(seconds: float) -> None:
    """Count an end that PayPal confirmed, so long after it was asked for or due."""
    CONFIRMATION.observe(max(0.0, seconds))


@_unfailing
def database_failure(kind: str) -> None:
    """Count an answer that failed for the database: it was `away`, or `busy`."""
    DATABASE_FAILURES.labels(kind).inc()


def watch_pool(engine: Any, *, most: int) -> None:
    """Tell from now on how many connections of that engine's pool are in use, for as long as the engine lives."""
    _pools[engine] = most


def _look_at_pools() -> None:
    """Note what is in use as something ends.

    Not as each is lent: that could come in the middle of a count, and wait for itself.
    """
    CONNECTIONS.set(sum(engine.pool.checkedout() for engine in _pools))
    CONNECTIONS_MOST.set(sum(_pools.values()))
