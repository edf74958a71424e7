"""What opens a door: a customer's log-in code and link, and the link that opens the desk's log-in page again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from portal.mail.composing import Composed, compose
from portal.mail.letterhead import Letterhead, short

LOGIN_CODE: Final = "login_code"
STAFF_UNLOCK: Final = "staff_unlock"
SHORT_LIVED: Final = frozenset({LOGIN_CODE, STAFF_UNLOCK})  # never sent late, and not kept once sent


def login_code(head: Letterhead, *, code: str, path: str, minutes: int, valid_until: datetime) -> Composed:
    """Compose the code, also in the subject, and the link; no code where the link alone opens."""
    _, merchant = head.words.gettext, short(head.merchant_name)
    heading = _("Your log-in code") if code else _("Your log-in link")
    facts = {"code": code, "path": path, "minutes": minutes, "valid_until": valid_until}
    composed = compose(LOGIN_CODE, head, heading=heading, **facts)
    return replace(composed, shown_subject=_("Your log-in code – %(merchant)s", merchant=merchant))


def staff_unlock(head: Letterhead, *, path: str, minutes: int, valid_until: datetime) -> Composed:
    """Compose the link that lets a member of staff type their password although strangers used up the tries."""
    return compose(STAFF_UNLOCK, head, path=path, minutes=minutes, valid_until=valid_until)
