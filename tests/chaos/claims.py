"""Does a page or a mail say that the subscription is over? By the sentences of the templates, in both languages."""

from __future__ import annotations

import html
import re
from functools import cache
from typing import Final

from portal.i18n import LOCALES, Translator

# Message ids of templates/customer/results, templates/mail and the desk, up to their first placeholder.
SENTENCES: Final = (
    "Your cancellation is confirmed",
    "Your subscription is completed",
    "Your subscription is cancelled. PayPal confirmed it on %(date)s at %(time)s. You will not be charged again.",
    "Your subscription is completed. PayPal confirmed it on %(date)s at %(time)s. You will not be charged again.",
    "Your subscription is cancelled.",
    "Your subscription is completed.",
    "Your subscription is stopped.",
    "This subscription has ended",
    "This subscription had already ended",
    "Subscription cancelled.",
    "Subscription completed.",
    "Subscription abandoned.",
)
BADGES: Final = re.compile(r'data-status="(?:confirmed|closed|cancelled|completed|abandoned)"')
UNSENT: Final = re.compile(r"<div[^>]* data-unsent>.*?</div>", re.DOTALL)
LEAST: Final = 6  # characters that a sentence must have before its placeholder to be looked for


@cache
def phrases() -> tuple[str, ...]:
    """Return what is looked for."""
    found = set()
    for locale in LOCALES:
        for sentence in SENTENCES:
            start = Translator(locale).gettext(sentence).partition("%(")[0]
            if len(start) >= LEAST:
                found.add(_plain(start).strip())
    return tuple(sorted(found))


def page_says_over(page: str) -> bool:
    """Say whether a page claims an end: by a sentence, or by the mark of a state; an unsent message is none."""
    page = UNSENT.sub("", page)
    return bool(BADGES.search(page)) or mail_says_over(html.unescape(re.sub(r"<[^>]+>", " ", page)))


def mail_says_over(text: str) -> bool:
    """Say whether a text claims an end."""
    plain = _plain(text)
    return any(phrase in plain for phrase in phrases())


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).lower()
