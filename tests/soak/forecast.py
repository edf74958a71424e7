"""What the documents say beforehand: how large rows become, and how late what waits may be before an alert rings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from portal.demo.run import ROOT

RETENTION: Final = ROOT / "docs" / "retention.md"
ALERTS: Final = ROOT / "docs" / "monitoring" / "alerts.yml"
ROW: Final = re.compile(r"^\| `(\w+)` \| (\d+) \| ", re.MULTILINE)
LAST: Final = "jobs: last"
LAST_MAY: Final = 3600.0  # seconds; long work keeps nobody waiting and its alert rings after six hours: as a request
# Which alert's threshold each wait has.
RANKS: Final = ("housekeeping", "awaited", "first", "next")
OF_ALERT: Final = {
    **{f"jobs: {rank}": "PortalJobsLate" for rank in RANKS},
    "messages": "PortalMessagesLate",
    "mails": "PortalMailsLate",
    "requests": "PortalRequestForgotten",
}


def bytes_a_row(page: Path = RETENTION) -> dict[str, int]:
    """Return the bytes that a row of each table takes with its indexes, as docs/retention.md has measured it."""
    found = {name: int(size) for name, size in ROW.findall(page.read_text())}
    if not found:
        raise ValueError(f"{page.name} forecasts no table")
    return found


def allowances(rules: Path = ALERTS) -> Mapping[str, float]:
    """Return how many seconds late each may be, as the alert rules have it."""
    groups = yaml.safe_load(rules.read_text())["groups"]
    told = {rule["alert"]: str(rule["expr"]) for group in groups for rule in group["rules"]}
    return {LAST: LAST_MAY, **{what: float(told[alert].rpartition(">")[2]) for what, alert in OF_ALERT.items()}}
