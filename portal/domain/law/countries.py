"""What each country's law wants of the two public functions: one table, and a new country is a row of it (law.md 1–3).

A strategy is not a language: the page of the German one can be read in English.  Labels that the law binds are data
here; every other word is a translation.  Each text has a version, so that a proof can say what was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final


class Country(StrEnum):
    """Whose consumers' law a merchant follows: ISO 3166, and a state of the US that has a law of its own."""

    FR = "FR"
    DE = "DE"
    BE = "BE"
    LU = "LU"
    CH = "CH"
    NL = "NL"
    IT = "IT"
    ES = "ES"
    UK = "UK"
    US_CA = "US-CA"


class Function(StrEnum):
    """What anybody can do without an account."""

    CANCELLATION = "cancellation"  # the contract ends for the future
    WITHDRAWAL = "withdrawal"  # it is undone


class Step(StrEnum):
    """A page of the way, in the order in which they come."""

    FORM = "form"
    SUMMARY = "summary"  # everything once more, to check and to change
    DONE = "done"


class Field(StrEnum):
    """What a declaration holds."""

    NAME = "name"  # first and last name, or that of a company
    EMAIL = "email"  # where receipt is confirmed
    CONTRACT = "contract"  # a number that the merchant gave, or words that say which contract
    DAY = "day"  # on which it is to end
    GROUND = "ground"  # of an end before its time; shown where a commitment binds
    KIND = "kind"  # ordinary or extraordinary


ORDINARY, EXTRAORDINARY = "ordinary", "extraordinary"  # the kinds of a cancellation, where a law tells them apart


def is_for_a_reason(particulars: Mapping[str, object]) -> bool:
    """Whether somebody has to read why: an extraordinary one, or one with a ground where there are no two kinds."""
    kind = particulars.get(Field.KIND.value)
    return kind == EXTRAORDINARY if kind is not None else Field.GROUND.value in particulars


class Default(StrEnum):
    """The day that counts where none was wished."""

    EARLIEST = "earliest"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A field of the form: nothing is compulsory that the law does not name (R-FR-7, R-DE-4)."""

    field: Field
    is_required: bool = False


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The words that the law binds, in one language: of the link, of the page, of the button that declares."""

    entry: str
    heading: str
    confirm: str


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """One function as one country's law wants it. `paths`: the page's name in addresses, by language."""

    country: Country
    function: Function
    steps: tuple[Step, ...]
    fields: tuple[Asked, ...]
    labels: Mapping[str, Labels]
    paths: Mapping[str, str]
    language: str  # its own, in which the labels are the law's
    default_day: Default = Default.EARLIEST
    version: str

    @property
    def has_summary(self) -> bool:
        """Whether what was typed is shown once more before it is declared."""
        return Step.SUMMARY in self.steps

    def asks(self, field: Field) -> bool:
        """Say whether the form has that field."""
        return any(one.field is field for one in self.fields)

    def requires(self, field: Field) -> bool:
        """Say whether the form is not taken without it."""
        return any(one.field is field and one.is_required for one in self.fields)

    def said(self, language: str) -> Labels:
        """Return the labels in a language, in the law's own where there are none in that."""
        return self.labels.get(language, self.labels[self.language])


@dataclass(frozen=True, kw_only=True)
class Law:
    """A country's row. Without strategies it is a place kept for it: nobody may sell under it here yet.

    `is_dated`: it is made, and begins on a day that is a setting, since nobody knows it yet (R-UK-1, R-UK-4).
    """

    source: str
    cancellation: Strategy | None = None
    withdrawal: Strategy | None = None
    is_dated: bool = False

    @property
    def is_filled_in(self) -> bool:
        """Whether both functions exist."""
        return self.cancellation is not None and self.withdrawal is not None

    def strategy(self, function: Function) -> Strategy | None:
        """Return what it says of a function."""
        return self.cancellation if function is Function.CANCELLATION else self.withdrawal


ENGLISH_CANCELLATION: Final = "cancel-contract"  # the merchant's home country's strategy, in English
ENGLISH_WITHDRAWAL: Final = "withdraw-from-contract"

_FRANCE: Final = Law(
    source="L215-1-1, D215-1 to D215-3, L221-14, L221-21, D221-5 C. conso.",
    cancellation=Strategy(
        country=Country.FR,
        function=Function.CANCELLATION,
        steps=(Step.FORM, Step.SUMMARY, Step.DONE),
        fields=(
            Asked(field=Field.NAME, is_required=True),
            Asked(field=Field.EMAIL, is_required=True),
            Asked(field=Field.CONTRACT),
            Asked(field=Field.DAY),
            Asked(field=Field.GROUND),
        ),
        labels={
            "fr": Labels(
                entry="Résilier votre contrat",
                heading="Résilier votre contrat",
                confirm="Notification de la résiliation",
            ),
            "en": Labels(
                entry="Cancel your contract", heading="Cancel your contract", confirm="Notify the cancellation"
            ),
        },
        paths={"fr": "resilier", "en": ENGLISH_CANCELLATION},
        language="fr",
        version="FR-2026-11",
    ),
    withdrawal=Strategy(
        country=Country.FR,
        function=Function.WITHDRAWAL,
        steps=(Step.FORM, Step.DONE),  # R-FR-43, R-DE-20: the declaration, then the button that confirms it
        fields=(
            Asked(field=Field.NAME, is_required=True),
            Asked(field=Field.CONTRACT),
            Asked(field=Field.EMAIL, is_required=True),
        ),
        labels={
            "fr": Labels(
                entry="Renoncer au contrat ici",
                heading="Renoncer au contrat ici",
                confirm="Confirmer la rétractation",
            ),
            "en": Labels(
                entry="Withdraw from contract here",
                heading="Withdraw from contract here",
                confirm="Confirm withdrawal",
            ),
        },
        paths={"fr": "renoncer", "en": ENGLISH_WITHDRAWAL},
        language="fr",
        version="FR-2026-11",
    ),
)

_GERMANY: Final = Law(
    source="§ 312j (3), § 312k and § 356a BGB",
    cancellation=Strategy(
        country=Country.DE,
        function=Function.CANCELLATION,
        steps=(Step.FORM, Step.DONE),  # R-DE-2, R-DE-5: one page holds everything, and nothing stands between
        fields=(
            Asked(field=Field.KIND, is_required=True),
            Asked(field=Field.GROUND),  # of an extraordinary one
            Asked(field=Field.NAME, is_required=True),
            Asked(field=Field.CONTRACT),
            Asked(field=Field.DAY),
            Asked(field=Field.EMAIL, is_required=True),
        ),
        labels={
            "de": Labels(entry="Verträge hier kündigen", heading="Verträge hier kündigen", confirm="jetzt kündigen"),
            "en": Labels(entry="Cancel contracts here", heading="Cancel contracts here", confirm="cancel now"),
        },
        paths={"de": "kuendigen", "en": ENGLISH_CANCELLATION},
        language="de",
        version="DE-2026-11",
    ),
    withdrawal=Strategy(
        country=Country.DE,
        function=Function.WITHDRAWAL,
        steps=(Step.FORM, Step.DONE),  # R-FR-43, R-DE-20: the declaration, then the button that confirms it
        fields=(
            Asked(field=Field.NAME, is_required=True),
            Asked(field=Field.CONTRACT),
            Asked(field=Field.EMAIL, is_required=True),
        ),
        labels={
            "de": Labels(entry="Vertrag widerrufen", heading="Vertrag widerrufen", confirm="Widerruf bestätigen"),
            "en": Labels(
                entry="Withdraw from contract here",
                heading="Withdraw from contract here",
                confirm="Confirm withdrawal",
            ),
        },
        paths={"de": "widerrufen", "en": ENGLISH_WITHDRAWAL},
        language="de",
        version="DE-2026-11",
    ),
)

LAWS: Final[Mapping[Country, Law]] = {
    Country.FR: _FRANCE,
    Country.DE: _GERMANY,
    Country.BE: Law(source="Code de droit économique, livre VI"),
    Country.LU: Law(source="Code de la consommation, L. 213"),
    Country.CH: Law(source="OR Art. 266; no right of withdrawal for online contracts"),
    Country.NL: Law(source="art. 6:230oa BW (R-NL-1)"),
    Country.IT: Law(source="Codice del consumo, art. 52 ff."),
    Country.ES: Law(source="RDL 1/2007, art. 102 ff."),
    Country.UK: Law(source="DMCC Act 2024, part 4 chapter 2 (R-UK-1 ff.)", is_dated=True),
    Country.US_CA: Law(source="Cal. B&P § 17600 ff. (R-CA-1 ff.)"),
}
FILLED_IN: Final = tuple(country for country, law in LAWS.items() if law.is_filled_in)


def strategy(country: Country, function: Function) -> Strategy:
    """Return a filled-in strategy; raise KeyError where the row is empty."""
    found = LAWS[country].strategy(function)
    if found is None:
        raise KeyError(country)
    return found


def pages(function: Function) -> tuple[str, ...]:
    """Return the names that a function's page has in addresses, each once."""
    found = (LAWS[country].strategy(function) for country in FILLED_IN)
    return tuple(dict.fromkeys(path for one in found if one is not None for path in one.paths.values()))


def of_page(function: Function, page: str, *, home: Country) -> tuple[Strategy, str]:
    """Return the strategy of a page's name, and its language; the English name is the home country's.

    Raises KeyError for a name of nobody's.
    """
    if page in (ENGLISH_CANCELLATION, ENGLISH_WITHDRAWAL):
        return strategy(home, function), "en"
    for country in FILLED_IN:
        one = strategy(country, function)
        for language, path in one.paths.items():
            if path == page:
                return one, language
    raise KeyError(page)


def may_be_chosen(country: Country, today: date, *, begins: date | None) -> bool:
    """Say whether a merchant may sell under that law today.

    `begins`: the setting that a dated law waits for (PORTAL_UK_REGIME_FROM); without it such a law never begins.
    """
    law = LAWS[country]
    return law.is_filled_in and (not law.is_dated or (begins is not None and begins <= today))


def known(words: Iterable[str]) -> tuple[Country, ...]:
    """Return the countries of stored words that are filled in; a word of a later release is left out."""
    named = set(words)
    return tuple(country for country in FILLED_IN if country.value in named)
