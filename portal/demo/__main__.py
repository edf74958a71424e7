"""`python -m portal.demo`: run the demo, or forget it (`clean`)."""

import sys

from portal.demo.run import main

sys.exit(main(sys.argv[1:]))
