"""From words to paper: whatever a document says is made printable, and set by its template.

Nothing of the machine gets in: no clock, no random id, no locale, no order of a set.  Each document is made of what it
is given alone, so that making it again gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol

import structlog

from portal.documents.letters import Script, clusters, families_for, runs
from portal.documents.typesetting import NotSet, typeset
from portal.documents.words import NOT_PRINTED
from portal.i18n import Translator

log = structlog.get_logger(__name__)

MEDIA_TYPE: Final = "application/pdf"
LONG_WORD: Final = re.compile(r"[^ ]{29,}")  # up to 28 letters fit into the narrowest column
PIECE: Final = 14  # letters after each of which a longer word may be broken
BREAK: Final = "\u200b"


@dataclass(frozen=True, kw_only=True)
class File:
    """A file to hand over. Its name says nothing about a person."""

    name: str
    media_type: str
    content: bytes


class Legible(Protocol):
    """Returns a text with words in place of letters that no font here has."""

    def __call__(self, text: str, instead: Mapping[Script, str] = NOT_PRINTED) -> str: ...


def paper(name: str, template: str, compose: Callable[[Legible], dict[str, Any]], *, locale: str, at: datetime) -> File:
    """Return what `compose` says as an A4 document of the moment `at`. Takes some 10 ms.

    Marks may meet letters in ways that a font cannot draw though it has both: then all that is not Latin, Greek or
    Cyrillic is said in words, since a document with such words is better than none.
    """
    legible = partial(_legible, translator=Translator(locale))
    try:
        content = typeset(template, compose(legible), at=at)
    except NotSet as error:
        log.warning("document_set_plainly", error=str(error).partition("`")[0])  # what follows is the person's
        content = typeset(template, compose(partial(legible, only_base=True)), at=at)
    return File(name=name, media_type=MEDIA_TYPE, content=content)


def printable(said: dict[str, Any], legible: Legible) -> dict[str, Any]:
    """Return what stands on the paper with each of its texts made printable, and the fonts that they need."""
    printed: dict[str, Any] = _each(said, lambda text: _broken(legible(text)))
    return printed | {"fonts": families_for(_texts(printed))}


def _legible(
    text: str, instead: Mapping[Script, str] = NOT_PRINTED, *, translator: Translator, only_base: bool = False
) -> str:
    pieces = runs(text, only_base=only_base)
    return "".join(
        piece.text if piece.missing is None else translator.gettext(instead[piece.missing]) for piece in pieces
    )


def _broken(text: str) -> str:
    """Return the text with places, not seen, at which a word without an end may go on in the next line."""
    return LONG_WORD.sub(lambda found: "".join(_pieces(found[0])), text)


def _pieces(word: str) -> Iterator[str]:
    for place, letter in enumerate(clusters(word)):
        yield BREAK + letter if place and place % PIECE == 0 else letter


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """Return the value with each of its texts changed."""
    if isinstance(value, dict):
        return {name: _each(one, change) for name, one in value.items()}
    return change(value) if isinstance(value, str) else [_each(one, change) for one in value]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    else:
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
