"""What each alert of docs/monitoring/alerts.yml waits for, as series that `promtool test rules` lets it see."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs" / "monitoring"
ALERTS, DASHBOARD = FOLDER / "alerts.yml", FOLDER / "dashboard.json"
NAME: Final = re.compile(r"\bportal_[a-z_]+")
INSTANCES: Final = {"portal": "web-1", "portal-worker": "worker-1"}  # of each scrape job
AT: Final = 460  # minutes: longer than any alert waits

ALWAYS: Final = "+0x500"  # from a number on, the same each minute
LATELY: Final = "0+0x440 {}+0x60"  # nothing, and so many for the last twenty minutes


def series(name: str, values: str, *, job: str = "portal", **labels: str) -> dict[str, str]:
    """Return one series as promtool takes it, scraped by that job."""
    where = {"job": job, "instance": INSTANCES[job], **labels}
    told = ",".join(f'{label}="{value}"' for label, value in where.items())
    return {"series": f"{name}{{{told}}}", "values": values}


def buckets(name: str, *, slowest: str) -> Iterable[dict[str, str]]:
    """Return a histogram one of whose observations a minute fell in each bucket from `slowest` on."""
    bounds = ["1", "2.5", "5", "900", "3600", "+Inf"]
    for place, bound in enumerate(bounds):
        yield series(f"{name}_bucket", "0+1x500" if place >= bounds.index(slowest) else "0+0x500", le=bound)


def _set(name: str, value: float, **labels: str) -> list[dict[str, str]]:
    return [series(name, f"{value}{ALWAYS}", **labels)]


WELL: Final[list[dict[str, str]]] = [
    *_set("up", 1),
    *_set("up", 1, job="portal-worker"),
    *_set("portal_request_oldest_seconds", 60, kind="end", waits_for="portal"),
    *_set("portal_request_oldest_seconds", 600, kind="end", waits_for="merchant"),
    *buckets("portal_confirmation_seconds", slowest="1"),
    *_set("portal_messages", 3, state="waiting"),
    *_set("portal_messages", 3, state="given_up"),  # of last year: known
    *_set("portal_message_overdue_seconds", 2),
    *_set("portal_messages_refused_total", 7),
    *_set("portal_comparison_age_seconds", 90_000),
    *_set("portal_job_overdue_seconds", 1, rank="first"),
    *_set("portal_job_overdue_seconds", 9_000, rank="last"),  # a long bulk act keeps nobody waiting
    *_set("portal_event_overdue_seconds", 2),
    *_set("portal_jobs_total", 0, rank="first", outcome="failed"),
    series("portal_jobs_total", "0+9x500", rank="first", outcome="retried"),
    *_set("portal_mails_total", 0, outcome="refused"),
    series("portal_mails_total", "0+9x500", outcome="sent"),
    *_set("portal_mails_kept", 4, state="returned"),
    *_set("portal_mail_overdue_seconds", 3),
    *_set("portal_mails_of_one_merchant", 900),
    series("portal_paypal_calls_total", "0+10x500", operation="show", answer="2xx"),
    series("portal_paypal_calls_total", "0+1x500", operation="show", answer="5xx"),
    *_set("portal_paypal_keys", 9, state="working"),
    *_set("portal_worker_silence_seconds", 5),
    *_set("portal_database_writable", 1),
    *_set("portal_journal_overdue_seconds", 3),
    *_set("portal_journal_fails", 0),
    *_set("portal_database_restored", 0),
    *_set("portal_figures_up", 1, group="jobs"),
    series("portal_http_requests_total", "0+99x500", method="GET", route="/", status="200"),
    series("portal_http_requests_total", "0+1x500", method="GET", route="/", status="500"),
    series("portal_http_requests_total", "0+60x500", method="GET", route="/healthz", status="503"),
    *buckets("portal_http_request_seconds", slowest="1"),
    *_set("portal_database_connections", 2),
    *_set("portal_database_connections_most", 16),
    *_set("portal_disk_free_bytes", 50e9),
    *_set("portal_disk_size_bytes", 100e9),
    *_set("portal_clock_ahead_seconds", -0.2),
    *_set("probe_ssl_earliest_cert_expiry", 90 * 86400),
]

# What goes wrong: series that stand in the place of those above; a name alone takes them all away.
WRONG: Final[dict[str, list[dict[str, str]] | str]] = {
    "PortalRequestForgotten": _set("portal_request_oldest_seconds", 4000, kind="end", waits_for="portal"),
    "PortalRequestWaitsForMerchant": _set("portal_request_oldest_seconds", 90_000, kind="end", waits_for="merchant"),
    "PortalConfirmationsSlow": [*buckets("portal_confirmation_seconds", slowest="3600")],
    "PortalMessagesGivenUp": [series("portal_messages", "3+0x440 5+0x60", state="given_up")],
    "PortalMessagesLate": _set("portal_message_overdue_seconds", 1000),
    "PortalMessagesRefused": [series("portal_messages_refused_total", "7+0x440 70+0x60")],
    "PortalComparisonOld": _set("portal_comparison_age_seconds", 140_000),
    "PortalJobsLate": _set("portal_job_overdue_seconds", 400, rank="first"),
    "PortalLongWorkLate": _set("portal_job_overdue_seconds", 30_000, rank="last"),
    "PortalEventsLate": _set("portal_event_overdue_seconds", 1000),
    "PortalJobsFailed": [series("portal_jobs_total", LATELY.format(1), rank="first", outcome="failed")],
    "PortalMailsRefused": [series("portal_mails_total", LATELY.format(1), outcome="refused")],
    "PortalMailsReturned": [series("portal_mails_kept", "4+0x440 5+0x60", state="returned")],
    "PortalMailsOfOneMerchant": _set("portal_mails_of_one_merchant", 10_000),
    "PortalMailsLate": _set("portal_mail_overdue_seconds", 1000),
    "PortalPayPalFails": [series("portal_paypal_calls_total", "0+20x500", operation="show", answer="5xx")],
    "PortalKeysBroken": _set("portal_paypal_keys", 1, state="refused"),
    "PortalAway": _set("up", 0),
    "PortalFiguresAway": "portal_database_writable",
    "PortalWorkerAway": [series("portal_worker_silence_seconds", f"Inf{ALWAYS}")],
    "PortalWorkerFiguresAway": _set("up", 0, job="portal-worker"),
    "PortalDatabaseNotWritable": _set("portal_database_writable", 0),
    "PortalJournalLate": _set("portal_journal_overdue_seconds", 400),
    "PortalJournalFails": _set("portal_journal_fails", 1),
    "PortalDatabaseRestored": _set("portal_database_restored", 1),
    "PortalFiguresIncomplete": _set("portal_figures_up", 0, group="jobs"),
    "PortalAnswersFail": [series("portal_http_requests_total", "0+30x500", method="GET", route="/", status="500")],
    "PortalAnswersSlow": [*buckets("portal_http_request_seconds", slowest="5")],
    "PortalConnectionsShort": _set("portal_database_connections", 15),
    "PortalDiskFull": _set("portal_disk_free_bytes", 5e9),
    "PortalClockOff": _set("portal_clock_ahead_seconds", -45),
    "PortalCertificateEnds": _set("probe_ssl_earliest_cert_expiry", 3 * 86400),
}


def rules() -> list[dict[str, Any]]:
    """Return every alert of the file."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> dict[str, str]:
    """Return every expression of the dashboard by its panel's title and legend, as Prometheus takes it."""
    found = {}
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            found[f"{panel['title']}: {target['legendFormat']}"] = target["expr"].replace("$__rate_interval", "5m")
    return found


def names() -> set[str]:
    """Return every metric of ours that alerts and dashboard name, without what a histogram's parts add."""
    said = " ".join([*(rule["expr"] for rule in rules()), *expressions().values()])
    return {name.removesuffix("_bucket") for name in NAME.findall(said)}


def as_promtool(alerts: Path = ALERTS) -> str:
    """Return the file for `promtool test rules`: nothing rings while all is well, and each thing that is wrong rings
    its own alert, once, and no other.
    """
    tests = [_case("all is well", WELL, None)]
    for alert, wrong in WRONG.items():
        if isinstance(wrong, str):
            told = [one for one in WELL if not one["series"].startswith(wrong)]
        else:
            new = {one["series"] for one in wrong}
            told = [one for one in WELL if one["series"] not in new] + wrong
        tests.append(_case(alert, told, alert))
    forgotten = [one for one in WELL if not one["series"].startswith('up{job="portal-worker"')]
    tests.append(_case("a worker that no Prometheus was told of", forgotten, "PortalWorkerFiguresAway"))
    return json.dumps({"rule_files": [str(alerts)], "evaluation_interval": "5m", "tests": tests})


def _case(name: str, told: list[dict[str, str]], alert: str | None) -> dict[str, Any]:
    rung = [{"labels": f'{{alertname="{alert}"}}', "value": 1}] if alert else []
    ringing = 'count by (alertname) (ALERTS{alertstate="firing"})'
    return {
        "interval": "1m",
        "name": name,
        "input_series": told,
        "promql_expr_test": [{"expr": ringing, "eval_time": f"{AT}m", "exp_samples": rung}],
    }
