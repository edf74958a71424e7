"""Every message there is, composed and taken apart once for all tests that look at them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from bs4 import BeautifulSoup

from portal.mail.composing import Composed
from tests.mail.composed import every_message
from tests.mail.facts import head


@dataclass(frozen=True)
class Read:
    """A message with its HTML taken apart, but for the style; no test may change that."""

    mail: Composed
    soup: BeautifulSoup
    visible: str  # what is seen of the HTML


@functools.cache
def every_message_read(locale: str) -> tuple[Read, ...]:
    """Each message in each of its variants, in a language."""
    return tuple(_read(mail) for mail in every_message(head(locale)))


def _read(mail: Composed) -> Read:
    soup = BeautifulSoup(mail.html, "html.parser")
    soup.style.decompose()
    return Read(mail, soup, soup.get_text())
