"""`flask check` runs where nothing else can start, says all at once, and ends with 1 while something is to mend."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from portal.cli import is_checking
from portal.cli.check import check
from tests.test_commands import ENVIRONMENT, LOOK, ROOT


def test_without_any_setting_each_is_named(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("PORTAL_", "SMTP_", "MAIL_", "DATABASE_")):
            monkeypatch.delenv(name)
    monkeypatch.setattr("portal.logs.set_up", lambda _level: None)  # the other tests keep their logs
    done = CliRunner().invoke(check, [])
    assert done.exit_code == 1
    for name in ("PORTAL_BASE_URL", "PORTAL_SECRET_KEY", "PORTAL_MASTER_KEYS", "SMTP_URL", "MAIL_FROM"):
        assert f"TO MEND settings: {name} is missing." in done.output


def test_a_program_reads_it_as_json_and_no_page_is_made_for_it():
    command = [sys.executable, "-c", LOOK, "check", "--without", "paypal", "--without", "public", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    text, _, pages = done.stdout.rpartition("}")
    told = json.loads(text + "}")
    assert (done.returncode, told["well"], pages.strip()) == (1, False, "no pages")
    found = {one["subject"]: one for one in told["findings"]}
    assert found["database"]["state"] == "to mend"  # nobody listens at port 1
    assert found["database"]["remedy"] == "Start it, and look at the host and the port in DATABASE_URL."
    assert found["mail"]["state"] == "not looked at"


@pytest.mark.parametrize(
    ("words", "checking"), [("check --json", True), ("secrets check", False), ("work", False), ("--help", False)]
)
def test_only_the_look_at_the_installation_starts_without_settings(monkeypatch, words, checking):
    monkeypatch.setattr(sys, "argv", ["flask", "--app", "wsgi", *words.split()])
    monkeypatch.setattr("click.get_current_context", lambda silent: object())
    assert is_checking() is checking
