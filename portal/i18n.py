"""Languages without Flask: which exist, and the catalogue of each, read from the `.po` files themselves.

English is the source: its texts are the message ids.  A catalogue is compiled in memory, so that no
build step can be forgotten and no binary file is kept; the web's translations come from here too.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

SOURCE: Final = "en"
LOCALES: Final = ("fr", "en")  # of every page and every mail
GERMAN: Final = "de"
DECLARED: Final = (*LOCALES, GERMAN)  # of the public declarations, their mails and proofs alone (decisions/0041)
DEFAULT: Final = "fr"
FOLDER: Final = Path(__file__).resolve().parent / "translations"


def pick_locale(*wishes: str | None, among: tuple[str, ...] = LOCALES) -> str:
    """Return the first wish that is among the languages (`en-GB` and `en_GB` are English), else French."""
    for wish in wishes:
        language = (wish or "").replace("-", "_").partition("_")[0].lower()
        if language in among:
            return language
    return DEFAULT


@cache
def catalogue(locale: str) -> NullTranslations:
    """Return the translations of a supported locale; raise ValueError for another one.

    Fuzzy entries are left out: a text that nobody checked is shown in English rather than wrong.
    """
    if locale not in DECLARED:
        raise ValueError(f"no language is named {locale!r}")
    if locale == SOURCE:
        return NullTranslations()
    with (FOLDER / locale / "LC_MESSAGES" / "messages.po").open("rb") as source:
        messages = read_po(source, locale=locale)
    compiled = io.BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Translations(compiled)


class Translator:
    """gettext for one language, with the signatures of Flask-Babel: for mails and the command line."""

    def __init__(self, locale: str) -> None:
        self.locale = pick_locale(locale, among=DECLARED)
        self._messages = catalogue(self.locale)

    def gettext(self, string: str, /, **variables: object) -> str:
        """Return the text in this language, with `%(name)s` filled in when variables are given."""
        text = self._messages.gettext(string)
        return text % variables if variables else text

    def ngettext(self, singular: str, plural: str, num: int, /, **variables: object) -> str:
        """Return the form for `num`, which is also `%(num)d` in the text."""
        return self._messages.ngettext(singular, plural, num) % {"num": num, **variables}

    def plain_ngettext(self, singular: str, plural: str, num: int, /) -> str:
        """Return the form for `num` with its placeholders untouched: Jinja fills them, escaped."""
        return self._messages.ngettext(singular, plural, num)
