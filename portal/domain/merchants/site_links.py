"""What a merchant puts on its own site: links to the functions that the law asks for, and sentences that tell of them.

Labels and sentences are data, not translations: they are pasted on the merchant's pages in these very words (law.md
R-FR-1, R-FR-3, R-FR-40, R-FR-45, R-EU-7, R-DE-1, R-DE-20).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from html import escape
from typing import Any, Final

from portal.domain.law.countries import Country, Function, strategy


class Place(StrEnum):
    """What is to stand on the merchant's site, by the word under which a merchant says that it does."""

    CANCELLATION = "cancellation"  # the link that ends a contract
    WITHDRAWAL = "withdrawal"  # the link that undoes it
    NOTICE = "notice"  # the sentence of the model withdrawal form
    TERMS = "terms"  # the paragraphs of the terms of sale
    ACCESSIBILITY = "accessibility"


FUNCTIONS: Final = {Place.CANCELLATION: Function.CANCELLATION, Place.WITHDRAWAL: Function.WITHDRAWAL}
OF_LANGUAGE: Final = {"fr": Country.FR, "de": Country.DE}  # any other language has the home country's functions
WORDS: Final[Mapping[str, Mapping[Place, str]]] = {
    "fr": {
        Place.NOTICE: (
            "Vous pouvez également exercer votre droit de rétractation en ligne sur {withdrawal}. Si vous utilisez"
            " cette fonctionnalité en ligne, nous vous enverrons, dans les meilleurs délais, un accusé de réception de"
            " la rétractation sur un support durable (par exemple, par courriel), y compris son contenu ainsi que la"
            " date et l’heure de sa soumission."
        ),
        Place.TERMS: (
            "Résiliation en ligne. Vous pouvez notifier la résiliation de votre contrat à tout moment, gratuitement et"
            " sans créer de compte, par la fonction « {cancellation_label} » : {cancellation}. Rétractation en"
            " ligne. Pendant le délai de rétractation, vous pouvez exercer votre droit par la fonction"
            " « {withdrawal_label} » : {withdrawal}. Ces deux fonctions sont accessibles depuis chaque page de notre"
            " site."
            " Nous accusons réception de votre déclaration sur un support durable, avec son contenu, sa date et son"
            " heure."
        ),
        Place.ACCESSIBILITY: (
            "Nos pages de résiliation, de rétractation et d’espace client sont conçues selon les règles d’accessibilité"
            " WCAG 2.2, niveau AA. Leur état de conformité, les contenus qui ne sont pas accessibles, un contact et les"
            " voies de recours sont indiqués ici : {accessibility}."
        ),
    },
    "en": {
        Place.NOTICE: (
            "You may also exercise your right of withdrawal online at {withdrawal}. If you use this online function, we"
            " will send you an acknowledgement of receipt of the withdrawal on a durable medium (for example by"
            " e-mail) without undue delay, including its content and the date and time of its submission."
        ),
        Place.TERMS: (
            "Cancelling online. You can give notice to end your contract at any time, free of charge and without an"
            " account, by the function “{cancellation_label}”: {cancellation}. Withdrawing online. During the"
            " withdrawal period you can exercise your right by the function “{withdrawal_label}”:"
            " {withdrawal}. Both can be reached from every page of our site. We acknowledge your declaration on a"
            " durable medium, with its content, date and time."
        ),
        Place.ACCESSIBILITY: (
            "Our pages for cancelling, withdrawing and the customer account are built to WCAG 2.2, level AA. How far"
            " they conform, what is not accessible, a contact and the ways of appeal are told here: {accessibility}."
        ),
    },
    "de": {
        Place.NOTICE: (
            "Sie können Ihr Widerrufsrecht auch online unter {withdrawal} ausüben. Wenn Sie diese Online-Funktion"
            " nutzen, übermitteln wir Ihnen auf einem dauerhaften Datenträger (z. B. per E-Mail) unverzüglich eine"
            " Eingangsbestätigung, einschließlich des Inhalts sowie des Datums und der Uhrzeit ihrer Übermittlung."
        ),
        Place.TERMS: (
            "Kündigung online. Sie können Ihren Vertrag jederzeit kostenlos und ohne Kundenkonto über die Funktion"
            " „{cancellation_label}“ kündigen: {cancellation}. Widerruf online. Während der Widerrufsfrist können"
            " Sie Ihr Recht über die Funktion „{withdrawal_label}“ ausüben: {withdrawal}. Beide Funktionen sind von"
            " jeder Seite unserer Website aus erreichbar. Wir bestätigen den Eingang Ihrer Erklärung auf einem"
            " dauerhaften Datenträger, mit Inhalt, Datum und Uhrzeit."
        ),
        Place.ACCESSIBILITY: (
            "Unsere Seiten für Kündigung, Widerruf und Kundenkonto sind nach den Regeln der WCAG 2.2, Stufe AA,"
            " gestaltet. Wie weit sie ihnen entsprechen, was nicht barrierefrei ist und an wen Sie sich wenden können,"
            " steht hier: {accessibility}."
        ),
    },
}


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """One thing to paste: as text, and as HTML."""

    place: Place
    text: str
    html: str


def snippets(base_url: str, slug: str, language: str, home: Country) -> list[Snippet]:
    """Return what to paste on pages in that language, its addresses filled in."""
    base = f"{base_url.rstrip('/')}/{slug}"
    entries = {place: _entry(function, language, home) for place, function in FUNCTIONS.items()}
    urls = {place.value: f"{base}/{path}" for place, (_label, path) in entries.items()}
    linked = [
        Snippet(place=place, text=f"{label}\n{urls[place.value]}", html=_link(urls[place.value], label))
        for place, (label, _path) in entries.items()
    ]
    urls[Place.ACCESSIBILITY.value] = f"{base}/accessibility"
    labels = {f"{place.value}_label": label for place, (label, _path) in entries.items()}
    return [*linked, *(_sentence(place, words, urls, labels) for place, words in WORDS[language].items())]


def online_withdrawal(base_url: str, slug: str, home: Country, countries: Iterable[Country]) -> dict[str, str]:
    """Return, by language, the model notice's sentence on the function with its address: what an order says of it.

    Where the merchant sells to nobody of a language's country the address is that of the page in English.
    """
    sold = {*countries, home}
    page = {language: language if OF_LANGUAGE.get(language, home) in sold else "en" for language in WORDS}
    entries = {one: _entry(Function.WITHDRAWAL, page[one], home) for one in WORDS}
    return {
        language: words[Place.NOTICE].format(withdrawal=f"{base_url.rstrip('/')}/{slug}/{entries[language][1]}")
        for language, words in WORDS.items()
    }


def languages(countries: Iterable[Country]) -> tuple[str, ...]:
    """Return the languages of a merchant who sells under the law of these countries."""
    sold = set(countries)
    return tuple(one for one in WORDS if OF_LANGUAGE.get(one) is None or OF_LANGUAGE[one] in sold)


def _entry(function: Function, language: str, home: Country) -> tuple[str, str]:
    """Return the words and the last part of the address of a function's link."""
    one = strategy(OF_LANGUAGE.get(language, home), function)
    return one.said(language).entry, one.paths[language]


def _sentence(place: Place, words: str, urls: Mapping[str, str], labels: Mapping[str, str]) -> Snippet:
    linked = {name: _link(url, url) for name, url in urls.items()}
    html = escape(words, quote=False).format(**linked, **{name: escape(label) for name, label in labels.items()})
    return Snippet(place=place, text=words.format(**urls, **labels), html=f"<p>{html}</p>")


def _link(url: str, words: str) -> str:
    return f'<a href="{escape(url)}">{escape(words)}</a>'


def placed_with(placed: Mapping[str, Any], place: Place, *, on: date, is_placed: bool) -> dict[str, str]:
    """Return what the merchant says stands on its site, by the day it said so; said again, the first day stays."""
    others = {name: day for name, day in placed.items() if name != place.value}
    return {**others, place.value: placed.get(place.value, on.isoformat())} if is_placed else others


def missing(placed: Mapping[str, Any]) -> list[Place]:
    """Return what nobody has said to stand on the merchant's site."""
    return [place for place in Place if place.value not in placed]
