"""The drill: an old release under load, the newest schema beside it, the new release beside both.

    python -m tests.upgrade_drill [--rows N] [--customers N] [--since COMMIT]

Ends with 1 where somebody was answered with an error or waited for more than a second, with 2 where it cannot run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from bench.serving import portal as new_web
from bench.stack import Stack, _stop, local_http
from portal import gently, releases
from portal.postgres import ensure_server, server_folder
from tests.folders import make_folder
from tests.upgrade_drill.waiting import Waits, watching

ROOT = Path(__file__).resolve().parents[2]
CALM = 5.0  # seconds of load before anything changes
LONGEST = 1.0  # seconds that somebody may wait for a lock
# The big table: a year's timeline, one row for each that is asked for.
FILL = """
    INSERT INTO timeline_entries (id, merchant_id, subscription_id, at, kind, key, actor, actor_name, details)
    SELECT gen_random_uuid(), s.merchant_id, s.id, now() - n * interval '1 second', 'status_seen', 'drill-' || n,
        'provider', '', '{"word": "ACTIVE"}'
    FROM generate_series(1, %s) n
    JOIN (SELECT id, merchant_id, row_number() OVER () AS place FROM subscriptions LIMIT 1000) s
        ON s.place = n %% 1000 + 1
"""


class CannotRun(Exception):
    """Something is missing, which the message names."""


def git(*words: str) -> str:
    """Return what git says of this repository."""
    done = subprocess.run(("git", *words), cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotRun(f"git {words[0]}: {done.stderr.strip() or 'no history here'}")
    return done.stdout.strip()


def release_before() -> str:
    """Return the newest commit whose schema is one migration older than this tree's."""
    (newest,) = (releases.FOLDER / "versions").glob(f"{releases.known()}_*.py")
    added = git("log", "--diff-filter=A", "--format=%H", "--", str(newest.relative_to(ROOT)))
    if not added:
        return "HEAD"  # the newest migration is not committed yet
    return f"{added.splitlines()[-1]}~1"


def rehearse(url: str) -> None:
    """Do to the big table what a migration may do: each of the helpers once."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f"SET lock_timeout = {gently.PATIENCE}"))
        connection.commit()
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        with Operations.context(context) as op, context.begin_transaction(_per_migration=True):
            table = "timeline_entries"
            for name, do in (
                ("a column", lambda: gently.column(table, sa.Column("drill", sa.Integer()))),
                ("what the old release writes", lambda: op.execute(f"ALTER TABLE {table} ALTER drill SET DEFAULT 1")),
                ("an index", lambda: gently.index("ix_drill", table, ["kind", "at"])),
                ("a check", lambda: gently.check("drilled", table, "drill IS NULL OR drill > 0")),
                ("every row in batches", lambda: gently.in_batches(table, "drill = 1", "drill IS NULL", size=5000)),
                ("not null", lambda: gently.not_null(table, "drill")),
            ):
                began = time.monotonic()
                do()
                print(f"  {name}: {time.monotonic() - began:.1f} s", flush=True)


def new_beside(stack: Stack, told: dict) -> str:
    """Start this tree's web on the database; return what its account page says, or why it did not start."""
    try:
        with new_web(stack, told["database"], simulator=told["simulator"]) as served, local_http() as http:
            headers = {"Host": told["host"], "Cookie": f"portal_customer={told['token']}"}
            return f"serves: {http.get(served.address('/account/bench/'), headers=headers, timeout=60).status_code}"
    except RuntimeError as error:
        said = [line for line in str(error).splitlines() if "flask migrate" in line]
        why, _line, log = str(error).partition("\n")
        return f"refuses: {said[0][:200]}" if said else f"fails: {why} {log[-300:]}"


def migrate(url: str) -> float:
    """Run this tree's migrations in a process of their own; return the seconds."""
    began = time.monotonic()
    code = f"from portal.migrating import upgrade; upgrade({url!r})"
    subprocess.run((sys.executable, "-c", code), cwd=ROOT, check=True)
    return time.monotonic() - began


def drill(rows: int, customers: int, since: str) -> list[str]:
    """Run it, print what is seen, return what went wrong."""
    with ExitStack() as stack:
        folder = make_folder("drill-")
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        tree = folder / "old"
        git("worktree", "add", "--detach", str(tree), since)
        stack.callback(git, "worktree", "remove", "--force", str(tree))
        for made in (ROOT / "portal" / "translations").rglob("*.mo"):
            shutil.copy(made, tree / made.relative_to(ROOT))
        server = ensure_server(folder)
        stack.callback(_stop, server_folder(folder))
        command = (sys.executable, str(Path(__file__).with_name("old_release.py")), str(folder), server, str(customers))
        old = subprocess.Popen(
            command,
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(old.kill)
        line = old.stdout.readline()
        if not line:
            raise CannotRun("the release before did not start")
        told = json.loads(line)
        with psycopg.connect(told["database"], autocommit=True) as connection:
            (before,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            connection.execute("SET session_replication_role = replica")
            connection.execute(FILL, [rows])
            connection.execute("ANALYZE")
        print(f"from {before} to {releases.known()} beside release {git('rev-parse', '--short', since)};"
              f" {customers:,} customers, {rows:,} rows in the big table", flush=True)  # fmt: skip
        own = Stack(folder=folder, server_url=server, small=True)
        early = new_beside(own, told)
        time.sleep(CALM)
        with watching(told["database"]) as waits:
            print(f"  the migrations: {migrate(told['database']):.1f} s", flush=True)
            rehearse(told["database"])
        late = new_beside(own, told)
        time.sleep(CALM)
        seen = json.loads(old.communicate(timeout=300)[0].splitlines()[-1])
    return judged(before, early, late, waits, seen)


def judged(before: str, early: str, late: str, waits: Waits, seen: dict) -> list[str]:
    """Print what was seen; return what should not be."""
    print(f"old web: {seen['statuses']}, slowest {seen['slowest']}, {seen['cancelled']} cancelled")
    print(f"new web beside the old schema {early}; beside its own {late}")
    print(f"longest wait for a table's lock: {waits.longest * 1000:.0f} ms {waits.what}")
    wrong = [f"answered {word}" for word in seen["statuses"] if word.split()[1] >= "500"]
    wrong += seen["troubles"]
    wrong += [f"{seen['lost']} ends were not confirmed"] if seen["lost"] else []
    wrong += [f"somebody waited {waits.longest:.1f} s: {waits.what}"] if waits.longest > LONGEST else []
    expected = "serves: 200" if before >= releases.NEEDS else "refuses"
    wrong += [f"new web beside the old schema {early}"] if not early.startswith(expected) else []
    wrong += [f"new web {late}"] if late != "serves: 200" else []
    return wrong


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.upgrade_drill")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the big table")
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--since", default="", help="a commit of the release before")
    given = parser.parse_args()
    try:
        wrong = drill(given.rows, given.customers, given.since or release_before())
    except CannotRun as error:
        print(f"cannot run: {error}", file=sys.stderr)
        return 2
    print("\n".join(f"WRONG: {one}" for one in wrong) or "nobody was refused, nobody waited")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
