"""What /metrics costs: to count a request (its answer, the pool, a call to PayPal), and to tell all.

Processor time of one process that counts in files, as gunicorn's do, under two hundred routes.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Final

from bench.measures import Measure
from bench.stack import Stack

TIMES: Final = 10_000
ROUTES: Final = 200


def run(stack: Stack) -> list[Measure]:
    """Measure both in a process of its own: the library is told before it is loaded where to count."""
    folder = stack.folder / "metrics"
    folder.mkdir(exist_ok=True)
    told = stack.told("bench.counting", str(folder))
    about = "with the pool, and a call to PayPal"
    return [
        Measure("counting one request, processor", told["request"], None, "ms", about, "< 0.1 ms"),
        Measure("a scrape, processor", told["scrape"], None, "ms", f"{ROUTES} routes, {told['bytes']} bytes"),
    ]


def main(folder: str) -> None:
    """Count in that folder, and say what it cost as JSON, in milliseconds."""
    os.environ["PORTAL_METRICS_FOLDER"] = folder
    from prometheus_client import CollectorRegistry, generate_latest

    from portal import logs, metrics
    from portal.extensions import Database

    database = Database("postgresql://nobody@127.0.0.1/nothing")  # never asked
    for number in range(ROUTES):
        metrics.request("GET", f"/account/<merchant_slug>/{number}", 200, 0.02)
    began = time.process_time()
    for number in range(TIMES):
        logs.begin(request_id="0" * 32)
        metrics.request("GET", f"/account/<merchant_slug>/{number % ROUTES}", 200, 0.02)
        metrics.paypal_call("show", 200, "", 0.2)
    counted = time.process_time()
    database.dispose()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics.COUNTED)
    size = len(generate_latest(registry))
    request, scrape = (counted - began) / TIMES, time.process_time() - counted
    print(json.dumps({"request": 1000 * request, "scrape": 1000 * scrape, "bytes": size}))


if __name__ == "__main__":
    main(sys.argv[1])
