"""`python -m tests.chaos.command ...`: `flask ...`, wrapped: workers, and what operators and mail servers run."""

import sys

from tests.chaos.wrapping import wrap

if __name__ == "__main__":
    wrap()
    from flask.cli import main

    sys.argv = ["flask", "--app", "wsgi", *sys.argv[1:]]
    main()
