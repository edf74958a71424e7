"""Links that open one task of one customer, and nothing beside it.

A link is good once, in one browser, for a short time.  It is no log-in: what it opens is a session that sees the pages
of its task alone, and that ends with the task.  The kinds are the table `TASKS`; a new kind is a new line there.

A portal session is such a link that the merchant's own server made, for somebody who is logged in there: the server's
word stands for the code (docs/decisions/0037-portal-sessions.md).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

MAILED: Final = timedelta(hours=48)  # how long a link in a mail is good
VOUCHED: Final = timedelta(minutes=10)  # a portal session, made by the merchant's own server for who is logged in there
AT_DESK: Final = timedelta(hours=1)  # one that staff made, to be given to somebody who is on the telephone
LASTS: Final = timedelta(hours=1)  # of the task that it opens
READS_ON: Final = timedelta(minutes=30)  # once the task is done: its result and its proof can still be read


class TaskKind(StrEnum):
    """What a link lets its customer do."""

    CANCEL = "cancel"  # one subscription
    LATE = "late"  # what to do about a payment of one subscription that did not come
    ACCESS = "access"  # see what is open
    PAYMENTS = "payments"  # see what was paid, with its receipts
    NONE = "none"  # no single task: the whole space, of a portal session alone


class After(StrEnum):
    """What stands once a portal session's task is done."""

    STAY = "stay"  # its result, with the way back
    REDIRECT = "redirect"  # the page of the merchant's site that the session leads back to


@dataclass(frozen=True, kw_only=True)
class Task:
    """One kind: its page below the customer's account, and whether it ends something.

    `page` names the subscription where the task is about one.  What `acts` asks for a code sent to the address on file
    before it acts; any other may only be read.
    """

    page: str
    acts: bool = False

    @property
    def is_about_subscription(self) -> bool:
        """Whether the task is about one subscription, or about all that the customer has."""
        return "{subscription}" in self.page


TASKS: Final[Mapping[TaskKind, Task]] = {
    TaskKind.CANCEL: Task(page="subscriptions/{subscription}/cancellation", acts=True),
    TaskKind.LATE: Task(page="subscriptions/{subscription}/late"),
    TaskKind.ACCESS: Task(page="access"),
    TaskKind.PAYMENTS: Task(page="payments"),
    TaskKind.NONE: Task(page=""),
}
OFFERED: Final = tuple(kind for kind in TaskKind if kind is not TaskKind.NONE)  # by the desk, and in mails


class Door(StrEnum):
    """What a link leads to now."""

    OPEN = "open"
    USED = "used"  # in a browser, once
    WITHDRAWN = "withdrawn"  # by staff, or because the address that it went to is no longer the customer's
    OLD = "old"


def door(*, expires_at: datetime, used_at: datetime | None, withdrawn_at: datetime | None, now: datetime) -> Door:
    """Return what a link leads to now; withdrawn says more than used, and used more than old."""
    if withdrawn_at is not None:
        return Door.WITHDRAWN
    if used_at is not None:
        return Door.USED
    return Door.OPEN if now < expires_at else Door.OLD


def page_of(kind: TaskKind, subscription_id: uuid.UUID | None) -> str:
    """Return the task's page below `/account/<merchant>/`."""
    return TASKS[kind].page.format(subscription=subscription_id)


def is_part_of(path: str, kind: TaskKind, subscription_id: uuid.UUID | None) -> bool:
    """Say whether a path below the account is the task's page, or a part of it."""
    page = page_of(kind, subscription_id)
    return path == page or path.startswith(f"{page}/")
