"""`python -m portal.demo.simulator --port 8010 [--state FILE] [--authority FILE]`."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from portal.demo.simulator import Simulator, serve
from portal.demo.simulator.sending.certificates import authority


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; return the exit status."""
    parser = argparse.ArgumentParser(prog="portal.demo.simulator", description="A simulator of PayPal.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8010)
    parser.add_argument("--state", type=Path, help="JSON file that keeps the state between starts")
    parser.add_argument("--authority", type=Path, help="PEM file to write the root of the certificates to")
    given = parser.parse_args(arguments)
    for file in filter(None, (given.state, given.authority)):
        file.parent.mkdir(parents=True, exist_ok=True)
    if given.authority:
        given.authority.write_bytes(authority().pem)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both signals end the same way
    with serve(Simulator(given.state), port=given.port, host=given.host) as handle:
        print(f"PayPal simulator: {handle.url}/_simulator/", flush=True)
        try:
            handle.wait()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
