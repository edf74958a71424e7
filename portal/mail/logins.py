"""The log-in code and link."""

from __future__ import annotations

from datetime import datetime

from portal.mail.composing import Composed, compose
from portal.mail.letterhead import Letterhead

LOGIN_CODE = "login_code"


def login_code(head: Letterhead, *, code: str, path: str, minutes: int, valid_until: datetime) -> Composed:
    """Compose the code and the link; the code is not in the subject, which a locked telephone shows."""
    return compose(LOGIN_CODE, head, code=code, path=path, minutes=minutes, valid_until=valid_until)
