"""The field of a day: the only one, so that every form takes a day as people write it."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext as _
from wtforms import DateField

from portal.domain.dates import typed_days
from portal.web.formatting import formatter


class DayField(DateField):
    """A day, asked for again by an example when it is none."""

    data: Any  # as WTForms has it: a form's validators have seen to what its view reads

    def process_data(self, value: Any) -> None:
        """Take a day, also as a kept edit has it."""
        super().process_data(date.fromisoformat(value) if isinstance(value, str) else value)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the day; nothing typed is none. Raises ValueError with the sentence for the page."""
        typed = " ".join(valuelist)
        self.data = typed_days.read(typed)
        if self.data is None and typed.strip():
            raise ValueError(_("Enter a date, for example 28/11/2026."))

    def is_within(self, first: date, last: date) -> bool:
        """Say whether the day is one of those offered; if not, the field says between which it must be."""
        if self.data is not None and first <= self.data <= last:
            return True
        fmt = formatter()
        self.errors = [_("Choose a day from %(first)s to %(last)s.", first=fmt.date(first), last=fmt.date(last))]
        return False

    def _value(self) -> str:
        """Return what the field shows: the day as browsers want it, else what was typed."""
        return self.data.isoformat() if self.data else " ".join(self.raw_data or ())
