"""When a mail that opens a door leaves again: never so often that it annoys, never so seldom that it shuts out.

One mail an address is live at a time, and it serves every browser that asks meanwhile: a stranger who asks for an
address all day only makes sure that its owner finds a mail there (docs/decisions/0003, cancellation.md test 25).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

LIFETIME: Final = timedelta(minutes=10)  # ASVS 6.5.5
LAST: Final = timedelta(minutes=3)  # so near its end, a live mail may be followed by another one
MAILS: Final = 5  # that one network causes for an address within `PERIOD`
PERIOD: Final = timedelta(hours=1)
AHEAD: Final = timedelta(seconds=60)  # so far two clocks may differ (docs/decisions/0015)


class LinkPurpose(StrEnum):
    """What a link mailed to the desk opens, once."""

    LOG_IN = "log_in"  # the log-in page whose tries strangers have used up
    PASSWORD = "password"  # noqa: S105 - the page of a new password, where the second factor is asked as well


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A mail that left for an address. `is_used`: it has opened what it opens, once."""

    at: datetime
    until: datetime
    network: str
    is_used: bool

    def is_live(self, now: datetime) -> bool:
        """Say whether its code and link still open something; one that lies ahead was written by a wrong clock."""
        return not self.is_used and self.at <= now + AHEAD and now < self.until

    def renewable_at(self) -> datetime:
        """Return when another mail may follow this one."""
        return self.until - LAST


def wait(sent: Collection[Sent], network: str, *, now: datetime) -> timedelta:
    """Return how long `network` has to wait until it may cause a mail to the address; zero or less: none.

    A used mail does not count: whoever used it reads the mailbox, and may log in as often as they like.
    """
    caused = sorted(
        one.at for one in sent if one.network == network and not one.is_used and now - PERIOD < one.at <= now + AHEAD
    )
    return caused[-MAILS] + PERIOD - now if len(caused) >= MAILS else timedelta()
