"""Workers as real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def worker(database_url, paypal, unused_tcp_port):
    """Start workers against the test's database and simulator; whatever is left is killed."""
    processes: list[subprocess.Popen] = []
    environment = {
        **os.environ,
        "PORTAL_ENV": "test",
        "DATABASE_URL": database_url,
        "PORTAL_BASE_URL": "http://portal.test",
        "PORTAL_SECRET_KEY": "x" * 40,
        "PORTAL_MASTER_KEYS": "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "SMTP_URL": f"smtp://127.0.0.1:{unused_tcp_port}",
        "MAIL_FROM": "portal@portal.test",
        "PAYPAL_SANDBOX_URL": paypal.base_urls["sandbox"],
        "PAYPAL_LIVE_URL": paypal.base_urls["live"],
    }

    def start() -> subprocess.Popen:
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "work"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        print(process.communicate()[1].decode())  # shown by pytest when the test fails
