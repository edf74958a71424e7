"""The field of a day: the only one, so that every form takes a day as people write it."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from wtforms import DateField

from portal.domain import typed_days


class DayField(DateField):
    """A day, asked for again by an example when it is none."""

    data: Any  # as WTForms has it: a form's validators have seen to what its view reads

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the day; nothing typed is none. Raises ValueError with the sentence for the page."""
        typed = " ".join(valuelist)
        self.data = typed_days.read(typed)
        if self.data is None and typed.strip():
            raise ValueError(_("Enter a date, for example 28/11/2026."))

    def _value(self) -> str:
        """Return what the field shows: the day as browsers want it, else what was typed."""
        return self.data.isoformat() if self.data else " ".join(self.raw_data or ())
