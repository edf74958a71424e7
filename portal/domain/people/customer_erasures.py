"""A customer's wish that what is kept of them goes: what it waits for, and until when it can be taken back.

Law.md R-GD-2: what has no further ground is erased; what the law asks for is kept, restricted, and the person is told.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from portal.domain.errors import Denial, NotAllowed


class ErasureState(StrEnum):
    """Where it stands."""

    OPEN = "open"
    DONE = "done"
    WITHDRAWN = "withdrawn"


class Hold(StrEnum):
    """What somebody has asked for, or is owed, and nobody has finished: nothing is erased before it."""

    LIVE = "live"  # a subscription that PayPal may go on charging, and whose end nobody has asked for yet
    NOTICE = "notice"  # the merchant has to act on a cancellation notice
    PLANNED_END = "planned_end"  # an end waits for its day
    END = "end"  # PayPal has not confirmed it
    PAUSE = "pause"
    COMEBACK = "comeback"  # PayPal's page of a new subscription is still open
    REFUND = "refund"
    SETTLEMENT = "settlement"  # PayPal was asked to take what is outstanding
    ADDRESS = "address"  # it was changed, and the former mailbox may still contest that, or has
    LATE_PAYMENT = "late_payment"  # money after the end, which nobody has settled
    MAIL = "mail"  # a message that should have left by now, or is about to; not one that their mailbox never takes


# Time to think it over, and to notice that somebody else read the mailbox: nothing is erased before.
REFLECTION: Final = timedelta(days=1)

# How long PayPal may leave an end unconfirmed before the merchant is told that an erasure waits for it: half of the
# month in which the person is to be answered (GDPR, article 12(3)).
PATIENCE: Final = timedelta(days=14)


# How long a mailbox may put everything off before nothing is kept for it any more: mail servers give up after as long
# (RFC 5321, 4.5.4.1).
OUT_OF_REACH: Final = timedelta(days=5)


def check_there(erased_at: datetime | None) -> None:
    """Raise NotAllowed(ERASED) for a customer who is erased: nothing of them is written again."""
    if erased_at is not None:
        raise NotAllowed(Denial.ERASED)
