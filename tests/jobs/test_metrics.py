"""The worker's figures: at an address of its own, for who shows a token; what jobs became, by rank."""

from __future__ import annotations

from http.client import HTTPConnection

import pytest

from portal import metrics, queue
from portal.jobs import metrics as told
from portal.jobs import run_worker

TOKEN = "scraper-vZ8Kq2Wm5Yt1Xc4Rb7Nd0Lf3"


def read(address, token=TOKEN):
    """Return the answer's status and text."""
    connection = HTTPConnection(*address, timeout=30)
    connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    said = answer.read().decode()
    connection.close()
    return answer.status, said


def counted(rank, outcome):
    return metrics.JOBS.labels(rank, outcome)._value.get()


def test_the_worker_tells_who_shows_a_token_and_stops_with_it(ctx, tmp_path, unused_tcp_port):
    address = ("127.0.0.1", unused_tcp_port)
    with told.telling(ctx, address, (TOKEN,), tmp_path):
        status, said = read(address)
        assert status == 200
        assert 'portal_jobs_total{outcome="failed",rank="first"}' in said
        assert "portal_database_writable 1.0" in said
        assert read(address, TOKEN[:-1]) == (401, "")
        with pytest.raises(OSError, match="in use"), told.telling(ctx, address, (TOKEN,), tmp_path):
            pass
    with pytest.raises(ConnectionRefusedError):
        read(address)


def test_without_an_address_nothing_listens(ctx, tmp_path):
    with told.telling(ctx, None, (), tmp_path):
        pass


@queue.app.task(name="tests.fails")
def fails() -> None:
    raise RuntimeError("as it must")


@queue.app.task(name="tests.fails_once", retry=1)
def fails_once() -> None:
    raise RuntimeError("as it must")


def test_what_became_of_jobs_is_counted_by_rank(ctx):
    before = {outcome: counted("next", outcome) for outcome in ("done", "retried", "failed")}
    with ctx.db.begin() as session:
        queue.TASKS |= {"tests.fails": queue.NEXT, "tests.fails_once": queue.NEXT}
        queue.defer(session, "tests.fails")
        queue.defer(session, "tests.fails_once")
    for _ in range(3):  # the second try's time may be a moment ahead of the database's
        run_worker(ctx, wait=False)
    for name in ("tests.fails", "tests.fails_once"):
        del queue.TASKS[name]
    changed = {outcome: counted("next", outcome) - number for outcome, number in before.items()}
    assert changed == {"done": changed["done"], "retried": 1, "failed": 2}  # the second fails for good the second time


@pytest.mark.parametrize(
    ("priority", "rank"),
    [(99, "housekeeping"), (30, "housekeeping"), (25, "awaited"), (24, "first"), (0, "last"), (-5, "last")],
)
def test_every_priority_has_a_rank(priority, rank):
    assert queue.rank_name(priority) == rank
    assert rank in metrics.RANKS
