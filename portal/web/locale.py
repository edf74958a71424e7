"""In which language a page speaks: the visitor's choice in this browser, a portal session's, what their profile says,
the browser's, their record's, the merchant's.

Every merchant's pages exist in both: a browser that wants one of them gets it, before log-in and after. The record
of a person is the last language they chose, maybe elsewhere and long ago: it speaks where the browser names neither,
and in mails, which no browser asks for. German is for the public declarations alone (docs/decisions/0041).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from babel.support import NullTranslations
from flask import Flask, g, has_app_context, request, session
from flask_babel import Babel, Domain, force_locale, get_locale, refresh
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from portal import i18n

if TYPE_CHECKING:
    from portal.queries.people.people import Person

NAMES: Final = {"fr": "Français", "en": "English", "de": "Deutsch"}  # each in its own words


class _Catalogue(Domain):
    """The portal's own catalogue, the one that mails use too (portal/i18n.py)."""

    def get_translations(self) -> NullTranslations:
        return _catalogue()


def _catalogue() -> NullTranslations:
    """Return the catalogue of this answer's language, which does not change once a word of it is said."""
    if not has_app_context():
        return i18n.catalogue(i18n.SOURCE)
    found: NullTranslations | None = g.get("catalogue")
    if found is None:
        locale = get_locale()
        found = g.catalogue = i18n.catalogue(locale.language if locale is not None else i18n.SOURCE)
    return found


@pass_eval_context
def _word(about: EvalContext, said: str, /, **variables: object) -> str:
    """Say a template's word as Jinja's own `_` does, which calls three functions through one another for it."""
    found = _catalogue().ugettext(said)
    text: str = Markup(found) if about.autoescape else found  # noqa: S704 - our own words
    return text % variables


def install(app: Flask) -> None:
    """Give the application its languages; templates know `locale` and `get_locale`."""
    babel = Babel(app, locale_selector=current, default_locale=i18n.DEFAULT)
    babel.domain_instance = _Catalogue()
    app.jinja_env.globals["_"] = _word
    app.jinja_env.globals["get_locale"] = get_locale
    app.jinja_env.filters["own"] = own
    app.context_processor(lambda: {"locale": current(), "page_languages": [(one, NAMES[one]) for one in _offered()]})


def own(text: str | None, unless: str = "") -> Markup:
    """Mark what the merchant wrote with the language it writes in, where the page speaks another (RGAA 8.7).

    A text that holds `unless` is not the merchant's: PayPal's number stands in for a name that nobody gave.
    """
    merchant = g.get("merchant")
    if not text or merchant is None or merchant.locale == current() or (unless and unless in text):
        return escape(text or "")
    return Markup('<span lang="{}">{}</span>').format(merchant.locale, text)


def _offered() -> tuple[str, ...]:
    """Return the languages in which this page exists."""
    offered: tuple[str, ...] = g.get("languages", i18n.LOCALES)
    return offered


def current() -> str:
    """Return the language of the answer: `fr` or `en`, on a public declaration's page also `de`.

    Asks nothing of the database.
    """
    person, merchant = g.get("person"), g.get("merchant")
    return i18n.pick_locale(
        session.get("language"),
        _spoken(person),
        person.own_locale if person else None,
        of_browser(),
        person.locale if person else None,
        merchant.locale if merchant else None,
        among=_offered(),
    )


def _spoken(person: Person | None) -> str | None:
    """Return the language that the merchant's server wants for a portal session, and for the page that opens it."""
    wanted: str | None = g.get("spoken")
    return wanted or (person.vouched.locale if person is not None and person.vouched is not None else None)


def of_browser() -> str | None:
    """Return the language of ours that the browser likes best, if it names one."""
    return _liked(request.headers.get("Accept-Language", ""))


@lru_cache(maxsize=512)
def _liked(header: str) -> str | None:
    return parse_accept_header(header, LanguageAccept).best_match(i18n.LOCALES)


def chosen() -> str | None:
    """Return the language the visitor chose by hand in this browser, if they did."""
    choice = session.get("language")
    return choice if choice in i18n.LOCALES else None


def choose(language: str) -> None:
    """Remember the visitor's choice in their browser; anything that is not a language of ours is ignored."""
    if language in i18n.DECLARED:
        session["language"] = language


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Say what is said meanwhile in that language: for a text that is kept in every one."""
    g.pop("catalogue", None)
    try:
        with force_locale(language):
            yield
    finally:
        g.pop("catalogue", None)


def speak(language: str, among: tuple[str, ...]) -> None:
    """Let this answer speak the language of its address, unless the visitor has chosen another of its own by hand."""
    g.spoken, g.languages = language, among
    refresh()
    g.pop("catalogue", None)


def follow_profile(language: str) -> None:
    """Speak the language that a customer's profile says from now on: what was chosen here before is forgotten."""
    session.pop("language", None)
    g.person = replace(g.person, own_locale=language)
    refresh()
    g.pop("catalogue", None)
