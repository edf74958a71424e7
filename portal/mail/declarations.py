"""Mails about what was declared on a public page: to the declared address, and to the one on file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from portal.mail.composing import Composed, compose
from portal.mail.letterhead import Clean, Letterhead, one_line, unlinked

DECLARATION_LINK: Final = "declaration_link"


@dataclass(frozen=True, kw_only=True)
class DeclaredWords(Clean):
    """A declaration, as a message repeats it. `rows`: label and value, in the reader's language."""

    heading: str  # the page's, in the law's words
    reference: str
    declared_at: datetime
    email: str  # to which it goes: no link to it does harm
    rows: tuple[tuple[str, str], ...]
    path: str  # of its page with the file to keep
    is_cancellation: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        cleaned = ((label, one_line(value)) for label, value in self.rows)
        rows = tuple((label, value if value == self.email else unlinked(value)) for label, value in cleaned)
        object.__setattr__(self, "rows", rows)


@dataclass(frozen=True, kw_only=True)
class LinkWords(Clean):
    """What the mailbox on file is asked. `due_at`: when it is carried out unless somebody there says no."""

    reference: str
    declared_at: datetime
    customer_name: str
    products: tuple[str, ...]  # what it may mean
    wished_on: date | None
    due_at: datetime | None
    is_cancellation: bool = True
    path: str


def declaration_received(head: Letterhead, declared: DeclaredWords) -> Composed:
    """Acknowledge at the declared address: the content, the date and the hour, nothing that the portal knows."""
    return compose("declaration_received", head, declared=declared)


def declaration_link(head: Letterhead, link: LinkWords) -> Composed:
    """Ask who reads the mailbox on file: it is carried out at their word, refused at their word."""
    return compose(DECLARATION_LINK, head, link=link)
