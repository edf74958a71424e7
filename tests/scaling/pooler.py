"""`make pooler`: people cancel through PgBouncer in transaction mode, beside deaths and a load; then it is judged.

The web knows the pooled address, the worker the direct one.  The exit status is 1 on violations, 2 where a program is
missing.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings

from portal import logs
from portal.demo.run import HOST
from portal.demo.supervisor import answers
from tests.chaos import plan as plans
from tests.chaos.conduct import Say, describe, run
from tests.chaos.stack import Stack
from tests.chaos.world import World
from tests.ports import free_port
from tests.postgresql import Missing
from tests.scaling.clusters import CONNECTIONS, STORIES, Pooled, pgbouncer
from tests.scaling.loads import described, left_behind, load, log_in

THREADS = 16
ROUNDS = 2


def look(stack: Stack, world: World, say: Say) -> list[str]:
    """Log in, load pages through the pooler and past it, and look at what the lent connections keep."""
    cluster = stack.cluster
    assert isinstance(cluster, Pooled)
    wrong = [f"log-in: {said}" for said in (log_in(stack, world, world.seats[0]),) if said]
    say("log-in by code: " + ("done" if not wrong else wrong[0]))
    for _ in range(ROUNDS):
        for name, web in (("through the pooler", world.web), ("past the pooler", _direct(stack))):
            loaded = load(web, world, seconds=8, threads=THREADS)
            say(f"{name}: {described(loaded)}")
            if name.startswith("through") and set(loaded[0]) != {200}:
                wrong.append(f"pages through the pooler were answered {dict(loaded[0])}")
    found = left_behind(cluster)
    say(f"{CONNECTIONS} connections lent in turn: " + ("nothing left on them" if not found else "; ".join(found)))
    stats = next(row for row in cluster.told("SHOW STATS") if row["database"] == "chaos")
    say(f"PgBouncer: {stats['total_xact_count']} transactions, {stats['total_query_count']} queries")
    if not stats["total_xact_count"]:
        wrong.append("nothing went through the pooler")
    return [*wrong, *found]


def _direct(stack: Stack) -> str:
    """Return the address of a second web that knows no pooler; start it at the first call."""
    if "web-direct" not in stack.processes:
        stack.ports["web-direct"] = free_port()
        settings = {"DATABASE_URL": stack.cluster.url}
        pooled, stack.environment = stack.environment, {**stack.environment, **settings}
        del stack.environment["DATABASE_DIRECT_URL"]
        address = f"{HOST}:{stack.ports['web-direct']}"
        stack._add(
            *("web-direct", sys.executable, "-m", "gunicorn", "tests.chaos.wsgi:app"),
            *("--config", "python:tests.chaos.loaded", "--bind", address, "--workers", "2", "--threads", "4"),
            *("--no-control-socket", "--log-level", "warning"),
        )
        stack.environment = pooled
        stack._wait(answers(f"http://{address}/healthz"), "the second web")
    return f"http://{HOST}:{stack.ports['web-direct']}"


def main() -> int:
    """Make one run and print what it did; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.scaling.pooler", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cancellations", type=int, default=40)
    parser.add_argument("--faults", type=int, default=20)
    given = parser.parse_args()
    logs.set_up("error")
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    began = time.monotonic()
    try:
        pgbouncer()
    except Missing as missing:
        print(missing)
        return 2
    plan = plans.draw(given.seed, cancellations=given.cancellations, faults=given.faults, stories=STORIES)

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", flush=True)

    report = run(plan, limit=1200, say=say, cluster=Pooled, more=look)
    print("\n".join(describe(report, plan)), flush=True)
    return 1 if report.violations else 0


if __name__ == "__main__":
    os.environ.pop("DATABASE_URL", None)
    sys.exit(main())
