"""Whose message it is, for whom, and in which language; and how names are made safe to print."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Self

from portal.domain.merchants import colours, own_hosts
from portal.domain.merchants.notice_texts import Text
from portal.formatting import Formatter
from portal.i18n import Translator

if TYPE_CHECKING:
    from portal.models import Merchant
    from portal.queries.people.people import MerchantFacts

FSI, PDI = "\u2068", "\u2069"  # what stands between them has its own direction
DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})

LINKS: Final = re.compile(r"(?<=[\w/:@])([.:/@])(?=[\w/])")
UNSEEN: Final = "\u200b"


def unlinked(text: str) -> str:
    """Return a stranger's words so that no mail program makes a link of them: anybody writes to anybody by a form."""
    return LINKS.sub(rf"\1{UNSEEN}", text)


def one_line(text: str) -> str:
    """Return a name on one line, without control characters or tricks of direction.

    A line break in a name would forge a header or a paragraph; an override mark would show another name.
    Right-to-left names are isolated, so that they do not reorder the sentence around them.
    """
    if text.isascii() and text.isprintable():
        return re.sub(" {2,}", " ", text).strip()
    return _one_line(text)


@lru_cache(maxsize=1024)
def _one_line(text: str) -> str:
    kept = (letter for letter in text if letter not in DIRECTION_MARKS)
    spaced = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in kept)
    plain = re.sub(" {2,}", " ", spaced).strip()
    if any(unicodedata.bidirectional(letter) in RIGHT_TO_LEFT for letter in plain):
        return f"{FSI}{plain}{PDI}"
    return plain


def short(text: str, limit: int = 60) -> str:
    """Return the text cut for a subject line."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1].rstrip() + "…"
    return cut + PDI if FSI in cut else cut


class Clean:
    """A frozen dataclass whose texts are names: each is put on one line when it is made."""

    def __post_init__(self) -> None:
        for one in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, one.name)
            if type(value) is str:  # an enum's word is a str too, and stays what it is
                object.__setattr__(self, one.name, one_line(value))
            elif isinstance(value, tuple) and all(type(item) is str for item in value):
                object.__setattr__(self, one.name, tuple(one_line(item) for item in value))


@dataclass(frozen=True, kw_only=True)
class Letterhead(Clean):
    """The merchant in whose name it is written, the reader's language, the merchant's time zone.

    `base_url` is the portal's own address, from the settings and never from a request; `own_host` the merchant's.
    `texts`: kind → what the merchant writes around the facts of that mail, in this language.
    """

    merchant_name: str
    support_email: str | None
    locale: str
    time_zone: str
    base_url: str
    own_host: str | None = None
    accent: str = ""  # #rrggbb; empty: the portal's own
    site_url: str = ""
    terms_url: str = ""
    privacy_url: str = ""
    legal_url: str = ""
    texts: Mapping[str, Text] = field(default_factory=dict)

    @classmethod
    def of(
        cls, merchant: Merchant | MerchantFacts, *, locale: str, base_url: str, texts: Mapping[str, Text] | None = None
    ) -> Self:
        """Return the merchant's in a language."""
        return cls(
            merchant_name=merchant.name,
            support_email=merchant.support_email,
            locale=locale,
            time_zone=merchant.time_zone,
            base_url=base_url,
            own_host=merchant.own_host,
            accent=merchant.accent,
            site_url=merchant.site_url,
            terms_url=merchant.terms_url,
            privacy_url=merchant.privacy_url,
            legal_url=merchant.legal_url,
            texts=texts or {},
        )

    @property
    def ink(self) -> str:
        """The colour of links and of the button: a mail derives none, so that it was checked as it is given."""
        return self.accent or colours.DEFAULT

    @property
    def night_ink(self) -> str:
        """The same where the reader's mail is dark."""
        return colours.by_night(self.accent).ink if self.accent else colours.DEFAULT_AT_NIGHT

    @property
    def pages(self) -> tuple[tuple[str, str], ...]:
        """The merchant's own pages, each with its name; what they left empty is left out."""
        _ = self.words.gettext
        every = (
            (_("Website"), self.site_url),
            (_("Terms of sale"), self.terms_url),
            (_("Privacy policy"), self.privacy_url),
            (_("Legal notice"), self.legal_url),
        )
        return tuple((label, address) for label, address in every if address)

    @property
    def words(self) -> Translator:
        """The reader's language."""
        return Translator(self.locale)

    @property
    def formatter(self) -> Formatter:
        """How the reader writes dates and amounts."""
        words = self.words
        return Formatter(words.locale, self.time_zone, words)

    def url(self, path: str) -> str:
        """Return the full address of a path on the portal: customers know it by their merchant's host."""
        return own_hosts.address(self.base_url, self.own_host, path)
