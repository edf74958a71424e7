"""A command that is ended in the middle, by SIGTERM or for good, leaves nothing half done behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import psycopg
from alembic.script import ScriptDirectory

from portal import migrating
from portal.models import Base
from tests.test_commands import ENVIRONMENT, LOOK, ROOT

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'alembic_version'::regclass"
WRITING = """
import sys, time, types
from pathlib import Path
import click
from portal import cli

@click.command()
def write():
    file = Path(sys.argv[-1])
    try:
        file.write_text("half")
        print("writing", flush=True)
        time.sleep(60)
    finally:
        file.unlink()

sys.modules["portal.cli.writing"] = types.SimpleNamespace(write=click.Command("write", callback=write.callback))
cli.COMMANDS["write"] = ("writing", "write")
sys.argv = ["flask", "write", sys.argv[-1]]
from flask import Flask
app = Flask("x")
cli.install(app)
app.cli.main(args=["write"], prog_name="flask", obj=None)
"""


def test_sigterm_lets_a_command_take_away_what_it_had_half_written(tmp_path):
    file = tmp_path / "archive"
    command = [sys.executable, "-c", WRITING, str(file)]
    with subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "writing\n"
        assert file.read_text() == "half"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
    assert not file.exists()


def test_a_migration_that_is_killed_in_the_middle_is_undone_and_the_next_run_finishes(database_url):
    newest = migrating.standing(database_url)[1]
    before = ScriptDirectory.from_config(migrating.alembic_config(database_url)).get_revision(newest).down_revision
    migrating.downgrade(database_url, before)
    env = {**ENVIRONMENT, "DATABASE_URL": database_url}
    asked = psycopg.connect(database_url, autocommit=True)  # who asks keeps a snapshot, for which an index waits
    with psycopg.connect(database_url) as holding, asked as asking:
        holding.execute("LOCK TABLE alembic_version IN SHARE MODE")  # a migration that has done all but say so waits
        process = subprocess.Popen(
            [sys.executable, "-c", LOOK, "migrate"], cwd=ROOT, env=env, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and not asking.execute(WAITING).fetchone()[0]:
            time.sleep(0.02)
        process.kill()
        assert process.wait(timeout=60) == -signal.SIGKILL
    assert migrating.standing(database_url) == (before, newest)
    migrating.upgrade(database_url)
    assert migrating.standing(database_url) == (newest, newest)
    assert migrating.differences(database_url, Base.metadata) == []
