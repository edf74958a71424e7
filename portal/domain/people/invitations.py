"""Invitations to the desk: how long they are good, and what a link opens for whom."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

LIFETIME: Final = timedelta(hours=72)
DELAY: Final = timedelta(hours=24)  # before a renewal opens: whoever it is taken from can still come in and stop it


class Door(StrEnum):
    """What an invitation's link opens."""

    NEW = "new"  # a name, a password and a second factor are chosen
    KNOWN = "known"  # somebody who works elsewhere here already: they log in as ever, and accept
    RENEWAL = "renewal"  # both factors are chosen anew
    EARLY = "early"  # a renewal before its day
    OVER = "over"  # accepted, withdrawn, too old, or never there


def door(
    *, is_closed: bool, starts_at: datetime, expires_at: datetime, is_renewal: bool, is_known: bool, now: datetime
) -> Door:
    """Return what the link opens now. `is_known`: the address is one that can log in here."""
    if is_closed or now >= expires_at:
        return Door.OVER
    if is_renewal:
        return Door.RENEWAL if now >= starts_at else Door.EARLY
    return Door.KNOWN if is_known else Door.NEW
