"""The merchant's own words around the facts of a mail: the values of its names, and the words made ready to print."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from portal.domain.merchants import notice_texts
from portal.domain.merchants.notice_texts import Paragraph
from portal.domain.merchants.notices import NOTICES, Name
from portal.domain.money.money import Money
from portal.mail.letterhead import Letterhead, one_line, short

LONGEST_SUBJECT: Final = 250  # filled in: more is cut by mail programs anyway


@dataclass(frozen=True, kw_only=True)
class Worded:
    """What a mail says beside its facts; `opening` is asked with the reader's name, which each mail's body knows."""

    subject: str
    opening: Callable[[str], tuple[Paragraph, ...]]
    closing: tuple[Paragraph, ...]


def worded(kind: str, head: Letterhead, facts: Mapping[str, object], *, fact: str) -> Worded | None:
    """Return the merchant's words for a mail of these facts, None where it has none; `fact`: the portal's subject."""
    text = head.texts.get(kind)
    if text is None or kind not in NOTICES or NOTICES[kind].fixed is not None:
        return None
    values, hosts = values_of(kind, head, facts), hosts_of(head)
    cut = {name: short(value) for name, value in values.items()} | {Name.FACT.value: fact}

    def opening(name: str) -> tuple[Paragraph, ...]:
        return notice_texts.paragraphs(text.opening, {**values, Name.HELLO.value: hello(head, name)}, hosts)

    return Worded(
        subject=short(one_line(notice_texts.filled(text.subject, cut)), LONGEST_SUBJECT),
        opening=opening,
        closing=notice_texts.paragraphs(text.closing, values, hosts),
    )


def hello(head: Letterhead, name: str) -> str:
    """Return how a mail begins."""
    _ = head.words.gettext
    return _("Hello %(name)s,", name=name) if name else _("Hello,")


def hosts_of(head: Letterhead) -> frozenset[str]:
    """Return where a mail of the merchant's may lead: its own pages, and its customers' pages here."""
    pages = (head.site_url, head.terms_url, head.privacy_url, head.legal_url)
    return notice_texts.hosts_of((*pages, head.url("/account/")))


def values_of(kind: str, head: Letterhead, facts: Mapping[str, object]) -> dict[str, str]:
    """Return what each name of the mail stands for, as its reader writes it, but for how it begins."""
    found = {name: _value(name, head, facts) for name in NOTICES[kind].names}
    return {Name.MERCHANT.value: head.merchant_name} | {name.value: value for name, value in found.items()}


def _value(name: Name, head: Letterhead, facts: Mapping[str, object]) -> str:
    """Return a fact by its name: of what the mail is about, or of that day."""
    if name is Name.DATE:
        day = facts["on"]
        return head.formatter.bare_date(day.date()) if isinstance(day, datetime) else ""
    value = next((getattr(about, name) for about in facts.values() if hasattr(about, name)), "")
    return head.formatter.money(value) if isinstance(value, Money) else str(value or "")
