"""What WTForms says of a field by itself, in our words: its own are English, or a machine's French.

A field with a message of its own never comes here. A sentence that is missing below stays English: a test finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from wtforms import Form

WORDS: Final[Mapping[str, LazyString]] = {
    "Not a valid integer value.": _l("Enter a whole number, for example 30."),
    "Not a valid choice.": _l("Choose one of the answers offered."),
    "Invalid Choice: could not coerce.": _l("Choose one of the answers offered."),
    "Invalid input.": _l("Check this answer: something in it is wrong."),
    "This field is required.": _l("This answer is missing."),
}


class FormWords:
    """The translations object that WTForms asks for the sentences of its own fields and validators."""

    def gettext(self, string: str) -> str:
        """Return our sentence for one of WTForms' own, in the reader's language."""
        return str(WORDS.get(string, string))

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """Return a counted sentence; none is ours, since every length has a message of its own."""
        return singular if number == 1 else plural


class PlainForm(Form):
    """A form without a token, for what an address says; it speaks our words as every other (csrf.BaseForm)."""

    class Meta(Form.Meta):
        def get_translations(self, _form: Form) -> FormWords:
            """Say what is wrong with a field in our own words."""
            return FormWords()
