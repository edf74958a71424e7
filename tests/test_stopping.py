"""A command that is ended in the middle, by SIGTERM or for good, leaves nothing half done behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psycopg
import pytest
from alembic.script import ScriptDirectory

from portal import migrating
from portal.models import Base
from tests.test_commands import ENVIRONMENT, LOOK, ROOT

SLOW = """#!/bin/sh
if [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) 99.1"; exit; fi
echo PGDMP
echo $$ > {begun}
exec sleep 60
"""
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


def test_a_backup_that_is_ended_leaves_no_file_and_no_pg_dump_behind(database_url, tmp_path):
    dump, begun, folder = tmp_path / "pg_dump", tmp_path / "begun", tmp_path / "backups"
    dump.write_text(SLOW.format(begun=begun))
    dump.chmod(0o755)
    folder.mkdir()
    env = {**ENVIRONMENT, "DATABASE_URL": database_url, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [sys.executable, "-c", LOOK, "backup", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not (begun.exists() and begun.read_text() and any(folder.iterdir())):
            time.sleep(0.02)
        assert [one.suffix for one in folder.iterdir()] == [".half"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
    assert list(folder.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int(begun.read_text()), 0)


def test_a_report_whose_reader_is_ended_is_brought_again_by_the_mail_server():
    """For any other number than 75 some servers give the report up (docs/operations.md)."""
    command = [sys.executable, "-c", LOOK, "mail", "bounce"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, **pipes) as process:
        process.stdin.write(b"x" * 200_000)  # more than a pipe holds: once this is done, it reads
        process.stdin.flush()
        process.send_signal(signal.SIGTERM)
        process.stdin.close()  # a signal that comes between two reads is seen after the next one
        assert process.wait(timeout=60) == 75


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
