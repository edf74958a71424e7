"""What a soak would find: made-up samples, a good one and each kind of bad one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.soak import forecast, judgement, log_lines
from tests.soak.mishaps import OTHER_ANSWERS, STEADY_ANSWERS, WAITS, Mishap
from tests.soak.report import Report
from tests.soak.samples import Sample, Table
from tests.soak.visits import Failure

BEGAN = datetime(2026, 12, 1, 9, tzinfo=UTC)
HALF = timedelta(seconds=30)
AFTER = 10_000  # requests: two processes of 5,000
PIDS = {"web": [10, 11, 12], "worker-1": [20]}


def samples(memory, *, count=180, waits=None):
    """An hour and a half; `memory` gives MiB of the web at each place, of which 40 more are files'."""
    return [
        Sample(
            BEGAN + HALF * place,
            600 * place,
            {"web": {"Pss": memory(place) + 40, "Pss_File": 40.0}, "worker-1": {"Pss": 150.0, "Pss_File": 30.0}},
            PIDS,
            waits or {"jobs: first": 2.0, "mails": 1.0},
        )
        for place in range(count)
    ]


def grown(memory, **given):
    return judgement.grown(judgement.growths(samples(memory, **given), after=AFTER))


@pytest.mark.parametrize(
    "memory",
    [
        lambda place: 300.0,
        lambda place: 200.0 + min(place, 15) * 7,  # caches fill, within the first requests
        lambda place: 300.0 + place % 2,  # up and down
        lambda place: 900.0 if place in (70, 179) else 300.0,  # peaks, one at the very end
    ],
)
def test_what_is_flat_is_found_flat(memory):
    assert grown(memory) == []


@pytest.mark.parametrize(
    "memory",
    [
        lambda place: 300.0 + place * 0.06,  # a leak: 9 MiB in an hour and a half
        lambda place: 300.0 if place < 100 else 310.0,  # a step that stays
    ],
)
def test_what_grows_is_found(memory):
    (said,) = grown(memory)
    assert said.startswith("memory of web grew by ")


def test_of_files_pages_nothing_is_judged():
    """Whoever else starts or ends with the same libraries changes what a process has of them."""
    there = [
        replace(one, memory={"web": {"Pss": 300.0 + place, "Pss_File": float(place)}})
        for place, one in enumerate(samples(lambda _: 0.0))
    ]
    assert judgement.grown(judgement.growths(there, after=AFTER)) == []


def test_a_short_run_tells_nothing_of_memory():
    assert judgement.growths(samples(lambda _: 300.0, count=30), after=AFTER) == []


def test_what_it_still_gains_is_told_an_hour():
    web, worker = judgement.growths(samples(lambda place: 300.0 + place * 0.05), after=AFTER)
    assert (round(web.lately, 1), worker.lately) == (6.0, 0.0)  # 120 samples an hour


def test_a_steady_process_that_died_is_found():
    seen = samples(lambda _: 300.0)
    assert judgement.replaced(seen) == []
    seen[90] = replace(seen[90], pids={**PIDS, "web": [10, 11, 99]})
    (said,) = judgement.replaced(seen)
    assert "a process of web died" in said


def away(minute, kind):
    at = BEGAN + timedelta(minutes=minute)
    return Mishap(kind, at, at + timedelta(seconds=5))


def test_a_late_job_is_found_unless_the_database_was_away():
    seen = samples(lambda _: 300.0)
    seen[60] = replace(seen[60], waits={"jobs: first": 301.0, "jobs: last": 2000.0, "mails": 4.0})
    allowed = forecast.allowances()
    assert judgement.late(samples(lambda _: 300.0), [], allowed) == []
    (said,) = judgement.late(seen, [away(30, "kill-worker")], allowed)
    assert said == "jobs: first were 301 s late at 09:30:00, 300 s are allowed"
    assert judgement.late(seen, [away(30, "postgres-fast")], allowed) == []
    assert len(judgement.late(seen, [away(12, "postgres-fast")], allowed)) == 1


def test_late_mails_are_explained_by_the_mail_server_alone():
    seen = [replace(one, waits={"mails": 1000.0}) for one in samples(lambda _: 300.0, count=1)]
    allowed = forecast.allowances()
    assert judgement.late(seen, [away(0, "mail-down")], allowed) == []
    assert len(judgement.late(seen, [away(0, "kill-web")], allowed)) == 1


def test_every_wait_that_is_sampled_has_an_allowance_of_the_alert_rules():
    allowed = forecast.allowances()
    assert allowed["jobs: awaited"] == allowed["jobs: housekeeping"] == 300
    assert (allowed["messages"], allowed["mails"], allowed["requests"]) == (900, 900, 3600)


def test_rows_that_are_larger_than_forecast_are_found():
    assert forecast.bytes_a_row()["customers"] == 459
    forecasts = {"customers": 459, "payments": 446, "audit_entries": 425}
    tables = {
        "customers": Table(10_000, 10_000 * 1900, packed=10_000 * 600),  # dead rows do not count
        "payments": Table(10_000, 10_000 * 900, packed=10_000 * 900),
        "audit_entries": Table(100, 100 * 4000, packed=100 * 4000),  # too few to tell
        "mails": Table(10_000, 10_000 * 9000, packed=10_000 * 9000),  # nothing is forecast
    }
    (said,) = judgement.oversized(tables, forecasts)
    assert said == "a row of payments takes 900 bytes, 446 are forecast"


def test_an_answer_that_failed_is_explained_by_what_harmed_that_web():
    failed = [Failure(BEGAN + timedelta(minutes=5, seconds=9), web, "500 to GET /") for web in (STEADY_ANSWERS,
                                                                                            OTHER_ANSWERS)]  # fmt: skip
    assert len(judgement.unexplained(failed, [])) == 2
    assert judgement.unexplained(failed, [away(5, "kill-web")]) == ["at 09:05:09 the steady web answered 500 to GET /"]
    assert judgement.unexplained(failed, [away(5, "postgres-immediate")]) == []
    assert len(judgement.unexplained(failed, [away(3, "postgres-immediate")])) == 2


def line(**said):
    return json.dumps({"timestamp": "2026-12-01T09:05:09Z", "level": "info", "event": "request", **said}) + "\n"


def wrong_in(*lines, mishaps=()):
    return list(log_lines.of_lines(lines, STEADY_ANSWERS, mishaps))


def test_logs_tell_of_errors_and_of_customers():
    good = [line(status=200, route="/", method="GET")] * 5000
    assert wrong_in(*good, line(status=503, route="/", method="GET")) == []
    assert wrong_in(*good, *[line(status=503)] * 9) == ["9 of 5009 answers were 503"]
    bad = line(status=500, route="/account/<merchant_slug>/", method="GET")
    assert wrong_in(bad) == ["500 to GET /account/<merchant_slug>/"]
    assert wrong_in(bad, mishaps=[away(5, "postgres-fast")]) == []
    (named,) = wrong_in(line(status=200, person="unique00017@salon.example"))
    assert named == "something of a customer, unique…, in request"
    (error,) = wrong_in(line(event="job", level="error", task="mails.send", exception="Traceback …\nKeyError: 'x'"))
    assert error == "error job mails.send KeyError: 'x'"
    assert wrong_in("Traceback (most recent call last):\n") == [
        "not a line of the log: Traceback (most recent call last):"
    ]


def test_only_a_full_disk_explains_a_journal_that_was_not_written():
    error = line(event="journal_not_written", level="error")
    assert wrong_in(error, mishaps=[away(5, "journal-full")]) == []
    assert wrong_in(error, mishaps=[away(5, "postgres-fast")]) == ["error journal_not_written"]


def test_of_a_worker_only_the_databases_absence_explains_an_error():
    error = line(event="job", level="error", task="mails.send")
    assert list(log_lines.of_lines([error], WAITS, [away(5, "postgres-fast")])) == []
    assert len(list(log_lines.of_lines([error], WAITS, [away(5, "kill-worker")]))) == 1


def report(**given):
    seen = samples(lambda _: 300.0)
    grown = judgement.growths(seen, after=AFTER)
    return Report(
        minutes=90,
        seed=1,
        warm=5000,
        began=BEGAN,
        ended=BEGAN + timedelta(minutes=93),
        samples=seen,
        growths=grown,
        tables={"payments": Table(9000, 4_000_000, packed=3_600_000)},
        forecast={"payments": 446},
        **given,
    )


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({}, "good"),
        ({"wrong": ["a job was late"]}, "WRONG: 1"),
        ({"unjudged": ["memory"]}, "nothing wrong, but not all was judged"),
        ({"is_interrupted": True}, "interrupted, nothing wrong until then"),
        ({"is_interrupted": True, "wrong": ["a job was late"]}, "WRONG: 1"),
    ],
)
def test_a_report_says_how_it_ended(tmp_path, given, verdict):
    as_json, as_text = report(**given).write(tmp_path)
    assert json.loads(as_json.read_text())["verdict"] == verdict
    text = as_text.read_text()
    assert f"**{verdict}**" in text
    assert "| web | 300.0 | 300.0 | +0.00% |" in text
    assert "| `payments` | 0 | 9,000 | 4.0 | 444 | 400 | 446 |" in text


def test_a_report_can_be_written_before_anything_was_measured(tmp_path):
    _, as_text = Report(minutes=90, seed=1, warm=5000, began=BEGAN, is_interrupted=True).write(tmp_path)
    assert "interrupted" in as_text.read_text()
