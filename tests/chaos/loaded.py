"""The settings of gunicorn in the harness: none, but what its processes need is imported before they are forked.

Each of them makes an application of its own, as in production; one that died is back without importing it all again.
"""

from tests.chaos.wrapping import wrap

wrap()

import portal.web  # noqa: E402, F401 - who imports by name must get what is wrapped
