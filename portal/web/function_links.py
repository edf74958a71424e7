"""The links to a merchant's public functions, by their exact labels: in the footer of its pages (law.md R-FR-1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from flask import Flask, url_for

from portal.domain.law.countries import Country, Function, known, strategy
from portal.queries.people.people import MerchantFacts
from portal.web import locale
from portal.web.formatting import formatter

# A function stands in the footer once its page exists.
SHOWN: Final = {
    Function.CANCELLATION: "declarations.cancellation",
    Function.WITHDRAWAL: "declarations.withdrawal",
}


@dataclass(frozen=True, kw_only=True)
class FunctionLink:
    """A link. `language` is the label's own, where it is not the page's; else empty.

    `country`: whose law it follows, said where links of several countries stand side by side; else empty.
    """

    function: Function
    label: str
    url: str
    language: str
    country: str = ""


def install(app: Flask) -> None:
    """Let the frame of every page name them: `public_functions(merchant)`."""
    app.jinja_env.globals["public_functions"] = of_merchant


def of_merchant(merchant: MerchantFacts) -> list[FunctionLink]:
    """Return the links of each country to whose consumers the merchant sells."""
    return links(known(merchant.sells_to), merchant.country, merchant_slug=merchant.slug)


def every(countries: Iterable[Country], home: Country | None, *, merchant_slug: str) -> list[FunctionLink]:
    """Return them in each language in which they exist, for the merchant to put on its own site."""
    return [
        FunctionLink(
            function=function,
            label=one.said(language).entry,
            url=url_for(endpoint, merchant_slug=merchant_slug, page=path),
            language=language,
        )
        for function, endpoint in SHOWN.items()
        for country in countries
        for one in (strategy(country, function),)
        for language, path in one.paths.items()
        if language == one.language or country is home
    ]


def links(
    countries: Iterable[Country],
    home: Country | None,
    *,
    merchant_slug: str,
    functions: Iterable[Function] = SHOWN,
) -> list[FunctionLink]:
    """Return them in the language of the page; a label that the law binds stays in its own where there is no other."""
    page_language, found = locale.current(), []
    countries = tuple(countries)
    for function in functions:
        endpoint = SHOWN[function]
        for country in countries:
            one = strategy(country, function)
            is_said = page_language == one.language or (page_language == "en" and country is home)
            language = page_language if is_said else one.language
            found.append(
                FunctionLink(
                    function=function,
                    label=one.said(language).entry,
                    url=url_for(endpoint, merchant_slug=merchant_slug, page=one.paths[language]),
                    language="" if language == page_language else language,
                    country=formatter().country(country) if len(countries) > 1 else "",
                )
            )
    return found
