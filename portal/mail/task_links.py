"""The mail with a link that opens one task: asked for by its reader, or sent by the merchant's team."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.domain.integrations.task_links import TaskKind
from portal.mail.composing import Composed, compose
from portal.mail.letterhead import Clean, Letterhead
from portal.mail.logins import TASK_LINK


@dataclass(frozen=True, kw_only=True)
class TaskFacts(Clean):
    """What a link opens; `product`: of the subscription that it is about, empty for all that the customer has."""

    kind: TaskKind
    customer_name: str
    product: str
    path: str
    valid_until: datetime


def task_link(head: Letterhead, task: TaskFacts) -> Composed:
    """Compose the link."""
    return compose(TASK_LINK, head, task=task)
