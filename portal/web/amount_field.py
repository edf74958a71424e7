"""The field of a sum, as people write it: 12, 12.50 or 12,50."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from babel.numbers import format_decimal
from flask_babel import get_locale
from flask_babel import gettext as _
from wtforms import StringField

WRITTEN: Final = re.compile(r"(\d{1,9})(?:[.,](\d{1,4}))?", re.ASCII)
SPACES: Final = re.compile(r"\s")


class AmountField(StringField):
    """A sum, asked for again by an example when it is none; `data` is a Decimal, None for nothing."""

    data: Any

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the sum. Raises ValueError with the sentence for the page."""
        self.data, typed = None, SPACES.sub("", " ".join(valuelist))
        found = WRITTEN.fullmatch(typed)
        if found is not None:
            self.data = Decimal(f"{found[1]}.{found[2] or 0}")
        elif typed:
            raise ValueError(_("Enter an amount in figures, for example 12.50."))

    def _value(self) -> str:
        """Return what the field shows: what was typed, else the sum as the page's language writes it."""
        if self.raw_data:
            return " ".join(self.raw_data)
        return format_decimal(self.data, format="0.00", locale=get_locale()) if self.data is not None else ""
