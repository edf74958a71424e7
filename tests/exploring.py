"""`make explore`: the property tests with new seeds, until the minutes are over or one of them has found something.

`make test` runs the same tests with fixed seeds (tests/conftest.py): luck neither passes nor fails it.  What a round
finds becomes a named case beside the property, and the seed that is printed repeats the round.
"""

from __future__ import annotations

import argparse
import secrets
import subprocess
import sys
import time

from portal.demo.run import ROOT


def main() -> int:
    """Run round after round; return 1 as soon as one found something."""
    parser = argparse.ArgumentParser(prog="python -m tests.exploring", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="no round begins after that")
    until = time.monotonic() + 60 * parser.parse_args().minutes
    rounds = 0
    while rounds == 0 or time.monotonic() < until:
        seed = secrets.randbelow(2**32)
        found = subprocess.run(command(seed), cwd=ROOT, check=False).returncode
        rounds += 1
        if found:
            print(f"Found in round {rounds}. To repeat it: {' '.join(command(seed)[1:])}")
            return 1
    print(f"{rounds} rounds found nothing.")
    return 0


def command(seed: int) -> list[str]:
    """Return the command of one round: Hypothesis marks its own tests, the life of a subscription marks itself."""
    wide = [f"--hypothesis-seed={seed}", "--hypothesis-profile=explore"]
    elsewhere = ["--ignore=tests/e2e", "--ignore=tests/chaos"]
    return [sys.executable, "-m", "pytest", "-x", "-m", "hypothesis", *wide, *elsewhere]


if __name__ == "__main__":
    sys.exit(main())
