"""`python -m tests.chaos.worker`: `flask work`, wrapped."""

import sys

from tests.chaos.wrapping import wrap

if __name__ == "__main__":
    wrap()
    from flask.cli import main

    sys.argv = ["flask", "--app", "wsgi", "work"]
    main()
