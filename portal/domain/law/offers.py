"""The one offer that may stand beside the button that cancels (law.md R-DP-1 to R-DP-6).

It is the merchant's: a pause, or a text with a link.  It stands on the subscription's card, where the button is; never
on the page that checks the cancellation, never in a public declaration, and once: whoever has answered it, in whatever
way, sees none again.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from portal.domain.law.countries import Country

LONGEST: Final = 300  # characters of its text in one language
LANGUAGES: Final = ("fr", "en")
NEVER_UNDER: Final = frozenset({Country.DE})  # whose law has no place for one (R-DE-5)


class OfferKind(StrEnum):
    """What is offered."""

    NONE = "none"
    PAUSE = "pause"  # of the payments, where the product has pauses
    LINK = "link"  # a text, and a page of the merchant's


class OfferAnswer(StrEnum):
    """What a customer did who had it before their eyes."""

    ACCEPTED = "accepted"  # asked for the pause, or went on to the page
    DECLINED = "declined"  # by its own button
    CANCELLED = "cancelled"  # went on to cancel


# The names of its answers in the settings, and what they are while nobody has said otherwise.
FIELDS: Final[Mapping[str, str]] = {
    "offer_kind": OfferKind.NONE.value,
    "offer_text_fr": "",
    "offer_text_en": "",
    "offer_url": "",
}


def kind_of(stored: Mapping[str, Any]) -> OfferKind:
    """Return what is offered; a kind of a later release is none."""
    found = stored.get("offer_kind", "")
    return OfferKind(found) if found in tuple(OfferKind) else OfferKind.NONE


def text_of(stored: Mapping[str, Any], language: str) -> tuple[str, str]:
    """Return its text and the language of that: the other one's where there is none in this one; or both empty."""
    order = (language, *(other for other in LANGUAGES if other != language))
    return next(((text, one) for one in order if (text := stored.get(f"offer_text_{one}", ""))), ("", ""))


def with_answer(stored: Mapping[str, Any], name: str, value: str) -> dict[str, Any]:
    """Return the offer with one of its answers; the usual ones are not stored."""
    others = {key: old for key, old in stored.items() if key != name}
    return others if value == FIELDS[name] else {**others, name: value}


def is_admitted(country: Country) -> bool:
    """Say whether the law of the merchant's own country has a place for an offer at all."""
    return country not in NEVER_UNDER
