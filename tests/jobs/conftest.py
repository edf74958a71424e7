"""Workers as real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.web.conftest import hire  # noqa: F401 - one maker of staff for all tests

ROOT = Path(__file__).resolve().parents[2]
WORK = """
import sys, time, time_machine
from flask.cli import main
shift, sys.argv = float(sys.argv[1]), ["flask", "--app", "wsgi", "work", *sys.argv[2:]]
if shift:
    time_machine.travel(time.time() + shift).start()  # a machine whose date is wrong; its monotonic clock is not
main()
"""


@pytest.fixture
def worker(database_url, paypal, unused_tcp_port, tmp_path):
    """Start workers against the test's database and simulator, `shift` seconds ahead, or by another way to the
    database; whatever is left is killed.
    """
    processes: list[subprocess.Popen] = []
    environment = {
        **os.environ,
        "PORTAL_ENV": "test",
        "PORTAL_BASE_URL": "http://portal.test",
        "PORTAL_SECRET_KEY": "made up for the tests, long enough",
        "PORTAL_MASTER_KEYS": "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "SMTP_URL": f"smtp://127.0.0.1:{unused_tcp_port}",
        "MAIL_FROM": "portal@portal.test",
        "PORTAL_ALLOW_LOOPBACK": "1",
        "PAYPAL_SANDBOX_URL": paypal.base_urls["sandbox"],
        "PAYPAL_LIVE_URL": paypal.base_urls["live"],
    }

    def start(*, shift: int = 0, url: str = database_url, lanes: str = "") -> subprocess.Popen:
        command = [sys.executable, "-c", WORK, str(shift), *(["--lanes", lanes] if lanes else [])]
        with (tmp_path / f"worker-{len(processes)}.log").open("wb") as log:  # a pipe that nobody reads would fill up
            processes.append(subprocess.Popen(command, cwd=ROOT, env={**environment, "DATABASE_URL": url}, stderr=log))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()
    for log in sorted(tmp_path.glob("worker-*.log")):
        print(log.read_text())  # shown by pytest when the test fails
