"""`make monitoring`: a real Prometheus in front of a running demo; every alert and every panel finds what it looks for.

Ends with 2 and says what is missing where it cannot run (Debian: `prometheus`), with 1 where a panel stays empty.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import requests

from portal.demo.run import HOST, SECRETS, VARIABLES
from portal.demo.seed import STUDIO_CUSTOMERS
from tests import monitoring_rules
from tests.chaos.browsing import form_of
from tests.ports import free_port

PATIENCE: Final = 300.0  # seconds for the demo to stand
WANTED: Final = 2  # cancellations: the first of a kind begins a series, the second is its first rise
IMPORT: Final = 240.0  # … and its worker to have read its customers
SCRAPES: Final = 75.0  # seconds: a rate over one minute needs some
NOT_HERE: Final = {  # what no demo has; said, not hidden
    "PortalCertificateEnds": "needs the blackbox exporter and a certificate",
    "PortalFiguresAway": "is about what is absent",
}


def main() -> int:
    """Run all of it; return the exit status."""
    missing = [name for name in ("prometheus", "promtool") if shutil.which(name) is None]
    if missing:
        print(f"not here: {', '.join(missing)} (Debian: apt install prometheus)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="portal-monitoring-") as name:
        folder = Path(name)
        problems = _rules(folder)
        with _demo(folder) as (portal, worker, token, mailbox), _prometheus(folder, portal, worker, token) as address:
            _live(portal, mailbox)
            problems += _asked(address)
    for problem in problems:
        print(f"PROBLEM: {problem}")
    print(f"problems: {len(problems)}")
    return 1 if problems else 0


def _rules(folder: Path) -> list[str]:
    file = folder / "alerts.test.json"
    file.write_text(monitoring_rules.as_promtool())
    found = []
    for command in (("check", "rules", str(monitoring_rules.ALERTS)), ("test", "rules", str(file))):
        done = subprocess.run(("promtool", *command), capture_output=True, text=True, check=False)
        print(f"promtool {command[0]} rules: {'well' if done.returncode == 0 else 'not well'}")
        if done.returncode:
            found.append(done.stdout + done.stderr)
    return found


@contextmanager
def _demo(folder: Path) -> Iterator[tuple[str, str, str, str]]:
    """Run a demo of its own; yield where portal and worker tell their figures, the token, and the mailbox."""
    ports = {variable: str(free_port()) for variable, _default, _what in VARIABLES.values()}
    worker, data = f"{HOST}:{free_port()}", folder / "demo"
    environment = {**os.environ, **ports, "DEMO_DATA": str(data), "DEMO_METRICS_WORKER": worker}
    with (folder / "demo.log").open("wb") as log:
        command = (sys.executable, "-m", "portal.demo")
        demo = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        portal = f"{HOST}:{ports['PORTAL_PORT']}"
        _until(lambda: "The demo runs" in (folder / "demo.log").read_text(), demo, folder / "demo.log")
        secrets = dict(line.split("=", 1) for line in (data / SECRETS).read_text().splitlines())
        print(f"the demo stands: {portal}, its worker tells at {worker}")
        yield portal, worker, secrets["PORTAL_METRICS_TOKEN"], f"http://{HOST}:{ports['MAILBOX_PORT']}"
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(60)


@contextmanager
def _prometheus(folder: Path, portal: str, worker: str, token: str) -> Iterator[str]:
    """Run a Prometheus that scrapes both; yield its address."""
    (folder / "token").write_text(token)
    credentials = {"authorization": {"credentials_file": str(folder / "token")}}
    config = {
        "global": {"scrape_interval": "5s", "evaluation_interval": "5s"},
        "rule_files": [str(monitoring_rules.ALERTS)],
        "scrape_configs": [
            {"job_name": "portal", **credentials, "static_configs": [{"targets": [portal]}]},
            {"job_name": "portal-worker", **credentials, "static_configs": [{"targets": [worker]}]},
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    address = f"{HOST}:{free_port()}"
    with (folder / "prometheus.log").open("wb") as log:
        command = ("prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
                   f"--web.listen-address={address}")  # fmt: skip
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _until(lambda: _answers(f"http://{address}/-/ready"), process, folder / "prometheus.log")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


def _live(portal: str, mailbox: str) -> None:
    """Do for a while what people do: look at pages, log in by a mailed code, cancel; the demo's jobs run meanwhile."""
    people = cycle(row[3] for row in STUDIO_CUSTOMERS if row[-1] == "ACTIVE")
    time.sleep(12)  # scraped before anything happens: a rise is seen from there
    began, cancelled = time.monotonic(), 0
    while (passed := time.monotonic() - began) < SCRAPES or (cancelled < WANTED and passed < IMPORT):
        if cancelled < WANTED:  # nobody can log in before the demo's worker has imported them
            cancelled += _cancel(f"http://{portal}", mailbox, next(people))
        for path in ("/", "/accessibility", "/nowhere", "/readyz"):
            _answers(f"http://{portal}{path}")
        time.sleep(3)
    print(f"cancelled meanwhile: {cancelled}")
    time.sleep(15)  # what they led to is done, and scraped


def _cancel(portal: str, mailbox: str, email: str) -> bool:
    """Log in with the code of the mail, and cancel by the page's own form; say whether that page was offered."""
    person, home = requests.Session(), f"{portal}/account/studio/"
    person.trust_env = False
    fields = form_of(person.get(f"{home}login").text, "/login")
    page = person.post(f"{home}login", fields | {"email": email})
    found = None
    for _turn in range(40):
        letters = [one["text"] for one in json.loads(_read(f"{mailbox}/messages.json")) if email in one["to"]]
        codes = [re.search(r"\b(\d{6}|\d{3}\s\d{3})\b", text) for text in letters]
        found = next(filter(None, codes), None)
        if found:
            break
        time.sleep(0.5)
    if not found:
        return False
    action = urllib.parse.urlsplit(page.url).path
    page = person.post(page.url, form_of(page.text, action) | {"code": found[1]})
    link = re.search(r'href="([^"]+/cancellation)"', page.text)
    if link is None:
        return False
    recap = person.get(urllib.parse.urljoin(page.url, link[1]))
    fields = form_of(recap.text, urllib.parse.urlsplit(recap.url).path)
    done = person.post(recap.url, fields | {"reason": "not_used"})
    return done.ok and done.url != recap.url


def _asked(prometheus: str) -> list[str]:
    """Ask for each panel's expression, and each alert's; return what is wrong."""
    problems = []
    for target in _query(f"{prometheus}/api/v1/targets")["activeTargets"]:
        print(f"target {target['labels']['job']}: {target['health']} {target['lastError']}")
        if target["health"] != "up":
            problems.append(f"{target['labels']['job']} is not scraped: {target['lastError']}")
    for title, expression in monitoring_rules.expressions().items():
        found = _query(f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")["result"]
        values = {sample["value"][1] for sample in found}
        shown = ", ".join(sorted(value[:8] for value in values)[:4])
        print(f"panel {title}: {len(found)} series ({shown})")
        if values <= {"NaN"}:
            problems.append(f"the panel « {title} » is empty: {expression}")
    evaluated = {rule["name"]: rule for group in _query(f"{prometheus}/api/v1/rules")["groups"]
                 for rule in group["rules"]}  # fmt: skip
    for rule in monitoring_rules.rules():
        name, left = rule["alert"], re.split(r"\s(?:>|<|==)\s(?=[\d.*\s]+$)", rule["expr"].strip())[0]
        state, health = evaluated[name]["state"], evaluated[name]["health"]
        found = _query(f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': left})}")["result"]
        print(f"alert {name}: {health}, {state}, {len(found)} series below it{_why(name)}")
        if health != "ok" or (not found and name not in NOT_HERE):
            problems.append(f"the alert {name} looks at nothing: {left}")
        if state == "firing":
            problems.append(f"the alert {name} rings while all is well")
    return problems


def _why(name: str) -> str:
    return f" ({NOT_HERE[name]})" if name in NOT_HERE else ""


def _query(address: str) -> Any:
    return json.loads(_read(address))["data"]


def _read(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - of this machine
        found: bytes = answer.read()
        return found


def _answers(address: str) -> bool:
    try:
        _read(address)
    except OSError:
        return False
    return True


def _until(stands: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while not stands():
        if process.poll() is not None or time.monotonic() > until:
            sys.exit(f"it did not stand:\n{log.read_text()[-3000:]}")
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
