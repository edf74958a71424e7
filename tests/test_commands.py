"""The flask command of an installation: every command is there, and none brings the pages with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from portal.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {
    **os.environ,
    "PORTAL_ENV": "test",
    "DATABASE_URL": "postgresql://portal@127.0.0.1:1/portal",
    "PORTAL_BASE_URL": "http://portal.test",
    "PORTAL_SECRET_KEY": "made up for the tests, long enough",
    "PORTAL_MASTER_KEYS": "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "SMTP_URL": "smtp://127.0.0.1:1",
    "MAIL_FROM": "portal@portal.test",
}
LOOK = """
import sys
from flask.cli import main
sys.argv = ["flask", "--app", "wsgi", *sys.argv[1:]]
try:
    main()
finally:
    print("pages" if "portal.web.customer" in sys.modules else "no pages")
"""


def flask(*arguments: str) -> str:
    """Run the flask command in a process of its own; what it printed, and whether it knew the pages."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK, *arguments], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_help_names_every_command():
    said = flask("--help")
    assert [name for name in COMMANDS if f"\n  {name} " not in said] == []


def test_a_worker_starts_without_the_pages():
    said = flask("work", "--help")
    assert said.startswith("Usage: flask work")
    assert said.splitlines()[-1] == "no pages"


def test_what_serves_or_lists_pages_has_them():
    said = flask("routes")
    assert "customer.subscription" in said
    assert said.splitlines()[-1] == "pages"
