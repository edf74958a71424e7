"""Why customers leave, in a merchant's own list: codes that never change, in the order in which they are asked.

A reason is retired, never removed: ends that gave it keep its code, and its words stay to be read.  A reason of the
portal's own has its words until the merchant writes others; in which language there are none, the other one's stand.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

DEFAULTS: Final = ("too_expensive", "not_used", "finished", "not_expected", "technical", "other")
LANGUAGES: Final = ("fr", "en")  # of customers' pages
MOST: Final = 20  # asked at once: more nobody reads
MOST_KEPT: Final = 100  # with those that are retired
LONGEST: Final = 80  # characters of one reason in one language
LONGEST_CODE: Final = 36  # four characters are left to tell two alike apart


class TooMany(Exception):
    """Another reason would be one too many."""


class TooManyKept(TooMany):
    """The list is full with those that are retired: retiring one makes no room."""


class Unknown(Exception):
    """There is no such reason in the list."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One reason. `words` by language, where the merchant wrote some: none where the portal's own stand."""

    code: str
    words: Mapping[str, str]
    is_asked: bool = True

    @property
    def is_portals(self) -> bool:
        """Whether the portal has words for it."""
        return self.code in DEFAULTS

    def said(self, language: str) -> tuple[str, str]:
        """Return the merchant's words and their language; both empty where only the portal has words, or nobody.

        In the other language where there are none in this one, unless the portal has some.
        """
        if own := self.words.get(language):
            return own, language
        if self.is_portals and language in LANGUAGES:
            return "", ""
        return next(((text, other) for other in LANGUAGES if (text := self.words.get(other))), ("", ""))


USUAL: Final = tuple(Reason(code=code, words={}) for code in DEFAULTS)


def read(stored: Sequence[Mapping[str, Any]]) -> tuple[Reason, ...]:
    """Return a merchant's list as it is stored, retired ones too; empty: the portal's own."""
    found = [
        Reason(code=str(one["code"]), words=dict(one.get("words", {})), is_asked=bool(one.get("asked", True)))
        for one in stored
    ]
    return tuple(found) if found else USUAL


def write(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    """Return the list as it is stored."""
    kept = tuple(reasons)
    if kept == USUAL:
        return []
    return [{"code": one.code, "words": dict(one.words), "asked": one.is_asked} for one in kept]


def asked(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return those that customers are asked, in their order."""
    return tuple(one for one in reasons if one.is_asked)


def find(reasons: Iterable[Reason], code: str) -> Reason:
    """Return one of them; raise Unknown."""
    for one in reasons:
        if one.code == code:
            return one
    raise Unknown(code)


def moved(reasons: Sequence[Reason], code: str, *, down: bool) -> tuple[Reason, ...]:
    """Return the list with one that is asked a place higher or lower; at its end it stays."""
    shown = list(asked(reasons))
    at = shown.index(find(shown, code))
    to = at + (1 if down else -1)
    if 0 <= to < len(shown):
        shown[at], shown[to] = shown[to], shown[at]
    return (*shown, *(one for one in reasons if not one.is_asked))


def retired(reasons: Sequence[Reason], code: str) -> tuple[Reason, ...]:
    """Return the list with one that nobody is asked any more."""
    gone = replace(find(reasons, code), is_asked=False)
    return (*(one for one in reasons if one.code != code), gone)


def brought_back(reasons: Sequence[Reason], code: str) -> tuple[Reason, ...]:
    """Return the list with a retired one asked again, last; raise TooMany."""
    back = find(reasons, code)
    if back.is_asked:
        return tuple(reasons)
    _room(reasons)
    others = tuple(one for one in reasons if one.code != code)
    return (*asked(others), replace(back, is_asked=True), *(one for one in others if not one.is_asked))


def added(reasons: Sequence[Reason], words: Mapping[str, str]) -> tuple[Reason, ...]:
    """Return the list with a new one, asked last; raise TooMany."""
    _room(reasons)
    if len(reasons) >= MOST_KEPT:
        raise TooManyKept
    said = {language: text for language, text in words.items() if text}
    new = Reason(code=new_code(said, {one.code for one in reasons}), words=said)
    return (*asked(reasons), new, *(one for one in reasons if not one.is_asked))


def _room(reasons: Sequence[Reason]) -> None:
    if len(asked(reasons)) >= MOST:
        raise TooMany


def reworded(reasons: Sequence[Reason], code: str, words: Mapping[str, str]) -> tuple[Reason, ...]:
    """Return the list with other words for one; empty: the portal's own, or the other language's."""
    said = {language: text for language, text in words.items() if text}
    new = replace(find(reasons, code), words=said)
    return tuple(new if one.code == code else one for one in reasons)


def usual(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Return the list with the portal's reasons alone, in its order and words; the merchant's own are retired."""
    own = (replace(one, is_asked=False) for one in reasons if not one.is_portals)
    return (*USUAL, *own)


def as_read(words: str) -> str:
    """Return words so that what reads alike is alike, however it was typed."""
    plain = unicodedata.normalize("NFKC", words).casefold().replace("’", "'")
    return " ".join("".join(one for one in plain if unicodedata.category(one) != "Cf").split())


def new_code(words: Mapping[str, str], taken: Iterable[str]) -> str:
    """Return the code of a new reason: its words in plain letters, with a number where that is taken."""
    text = next((words[language] for language in LANGUAGES if words.get(language)), "")
    plain = "".join(one for one in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(one))
    base = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:LONGEST_CODE].strip("_") or "reason"
    used, number, code = set(taken), 1, base
    while code in used:
        number += 1
        code = f"{base}_{number}"
    return code
