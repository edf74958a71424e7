"""What was declared on a public page, in words: the page, the acknowledgement and the file to keep say the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, Final

from portal.documents.printing import File, Legible, paper, printable
from portal.documents.words import N_, NOT_PRINTED_NAME
from portal.domain.law.countries import EXTRAORDINARY, ORDINARY, Country, Field, Function, is_for_a_reason
from portal.formatting import Formatter
from portal.i18n import Translator
from portal.mail.letterhead import Clean

PARTICULAR: Final[Mapping[str, str]] = {  # how what else was declared is called
    Field.GROUND.value: N_("Legitimate ground"),
    Field.KIND.value: N_("Kind of cancellation"),
}
SAID: Final[Mapping[str, str]] = {ORDINARY: N_("ordinary"), EXTRAORDINARY: N_("extraordinary, for a reason")}
STEM: Final[Mapping[str, str]] = {"fr": "declaration", "en": "declaration", "de": "erklaerung"}


@dataclass(frozen=True, kw_only=True)
class DeclaredFacts(Clean):
    """A declaration as it was made. `heading`, `confirm`: the labels that were read; `particulars`: by their word."""

    function: Function
    country: Country
    language: str
    heading: str
    confirm: str
    text_version: str
    reference: str
    declared_at: datetime
    name: str
    email: str
    contract: str
    wished_on: date | None
    particulars: tuple[tuple[str, str], ...]
    path: str  # of its page
    is_own: bool = False  # who declared it was logged in
    is_repeated: bool = False  # beyond a limit: nobody is written to, and it is the merchant's to carry out
    is_erased: bool = False  # whose it was asked that what is kept of them goes: no word of theirs is said any more

    @property
    def is_cancellation(self) -> bool:
        """Whether the contract ends for the future."""
        return self.function is Function.CANCELLATION

    @property
    def is_for_a_reason(self) -> bool:
        """Whether somebody has to read why: nobody is then asked by mail to confirm it."""
        return is_for_a_reason(dict(self.particulars))


def declared_rows(facts: DeclaredFacts, translator: Translator, fmt: Formatter) -> list[tuple[str, str]]:
    """Return what was declared, as labels and values; what was left empty is said where it has a meaning."""
    _ = translator.gettext
    rows = [] if facts.is_erased else [(_("Name"), facts.name), (_("Email address"), facts.email)]
    if facts.contract:
        rows.append((_("Contract"), facts.contract))
    for name, said in facts.particulars:
        rows.append((_(PARTICULAR.get(name, name)), _(SAID[said]) if said in SAID else said))
    if facts.is_cancellation:
        rows.append(
            (_("Requested end date"), fmt.date(facts.wished_on) if facts.wished_on else _("as soon as possible"))
        )
    return rows


def moment_rows(facts: DeclaredFacts, translator: Translator, fmt: Formatter) -> list[tuple[str, str]]:
    """Return under which reference and when it was declared."""
    _ = translator.gettext
    return [(_("Reference"), facts.reference), (_("Declared on"), fmt.with_zone(fmt.moment(facts.declared_at)))]


def declaration_file(facts: DeclaredFacts, *, merchant_name: str, locale: str, time_zone: str) -> File:
    """Return the declaration as an A4 document, with what was read and pressed."""
    name = f"{STEM.get(locale, 'declaration')}-{facts.reference}.pdf"
    compose = partial(_said, facts, merchant_name, locale, time_zone)
    return paper(name, "declaration.typ", compose, locale=locale, at=facts.declared_at)


def _said(facts: DeclaredFacts, merchant_name: str, locale: str, time_zone: str, legible: Legible) -> dict[str, Any]:
    translator = Translator(locale)
    _, fmt = translator.gettext, Formatter(translator.locale, time_zone, translator)
    merchant = legible(merchant_name, NOT_PRINTED_NAME)
    at = fmt.with_zone(fmt.moment(facts.declared_at))
    printed = {
        "merchant": merchant,
        "heading": facts.heading,
        "lede": _(
            "Declared to %(merchant)s on %(date)s, reference %(reference)s.",
            merchant=merchant,
            date=at,
            reference=facts.reference,
        ),
        "rows": declared_rows(facts, translator, fmt),
        "read-heading": _("What was read and pressed"),
        "read": [
            (_("Title of the page"), facts.heading),
            (_("Button"), facts.confirm),
            (_("Version of the text"), facts.text_version),
        ],
        "note": _(
            "This is the declaration as it was made. %(merchant)s tells you separately when the contract ends and what "
            "follows from it.",
            merchant=merchant,
        ),
        "foot": _("Reference: %(reference)s", reference=facts.reference),
        "page": _("page %(page)s of %(pages)s", page="{page}", pages="{pages}"),
    }
    return printable(printed, legible) | {
        "title": f"{facts.heading} – {facts.reference}",
        "author": merchant_name,
        "language": locale,
    }
