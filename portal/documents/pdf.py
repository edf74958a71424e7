"""The proof as a PDF: made from its stored facts alone, so that making it again gives the same bytes.

Nothing of the machine gets in: no clock, no random id, no locale, no order of a set.  Another release of Typst, other
fonts or other words of ours may give other bytes: each file that leaves is recorded (docs/decisions/0009-proof.md).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from portal.documents.facts import ProofFacts
from portal.documents.letters import Script, clusters, families_for, runs
from portal.documents.proofs import spoken, wording
from portal.documents.typesetting import NotSet, typeset
from portal.documents.words import NOT_PRINTED, NOT_PRINTED_NAME
from portal.formatting import Formatter
from portal.i18n import Translator
from portal.mail.letterhead import FSI, PDI

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


def proof_file(facts: ProofFacts, code: str) -> File:
    """Return the proof as an A4 document, in the customer's language. Takes some 10 ms.

    Marks may meet letters in ways that a font cannot draw though it has both: then all that is not Latin, Greek or
    Cyrillic is said in words, since a proof with such words is better than none.
    """
    try:
        content = _set(facts, code)
    except NotSet as error:
        log.warning("proof_set_plainly", error=str(error).partition("`")[0])  # what follows is the person's
        content = _set(facts, code, only_base=True)
    stem = "preuve" if facts.locale == "fr" else "proof"
    return File(name=f"{stem}-{facts.asked_under}.pdf", media_type=MEDIA_TYPE, content=content)


def _set(facts: ProofFacts, code: str, *, only_base: bool = False) -> bytes:
    def legible(text: str, instead: Mapping[Script, str] = NOT_PRINTED) -> str:
        return _legible(text, instead, Translator(facts.locale), only_base=only_base)

    customer, merchant = (legible(name, NOT_PRINTED_NAME) for name in (facts.customer_name, facts.merchant_name))
    facts = dataclasses.replace(facts, customer_name=customer, merchant_name=merchant)
    printed = _each(_printed(facts, code), lambda text: _broken(legible(text)))
    address = legible(facts.check_url)  # to be copied: nothing unseen in it
    said = printed | _named(facts) | {"check-address": address, "fonts": families_for(_texts(printed))}
    return typeset("proof.typ", said, at=facts.made_at)


def _printed(facts: ProofFacts, code: str) -> dict[str, Any]:
    """Return what stands on the paper: for people first, then every detail that these lines do not hold."""
    translator = Translator(facts.locale)
    _, fmt, words = translator.gettext, Formatter(facts.locale, facts.time_zone, translator), wording(facts, code=code)
    lede, spoken_code = fmt.with_zone(words.lede), _("Verification code: %(code)s", code=spoken(code))
    return {
        "merchant": facts.merchant_name,
        "heading": words.heading,
        "lede": lede,
        "lines": words.lines,
        "details-heading": _("Technical details"),
        "details": [row for row in words.rows if row not in words.lines],
        "zone": _("Times: %(zone)s", zone=fmt.zone) if lede == words.lede else "",
        "shown-heading": _("What you were told before confirming"),
        "shown": words.shown,
        "check-heading": _("To check this proof"),
        "check-advice": _(
            "Whoever holds this proof can check it at this address, with the code %(code)s:", code=spoken(code)
        ),
        "foot": f"{words.reference.removesuffix('.')} – {spoken_code}",
        "page": _("page %(page)s of %(pages)s", page="{page}", pages="{pages}"),
    }


def _named(facts: ProofFacts) -> dict[str, Any]:
    """Return what programs read in the file, and do not print."""
    reference = facts.asked_under
    return {
        "title": Translator(facts.locale).gettext(
            "Proof that a subscription has ended, reference %(reference)s", reference=reference
        ),
        "author": facts.merchant_name.replace(FSI, "").replace(PDI, ""),
        "language": facts.locale,
        "check-url": facts.check_url,
    }


def _legible(text: str, instead: Mapping[Script, str], translator: Translator, *, only_base: bool) -> str:
    """Return the text with words in place of letters that no font here has."""
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
