"""The day on which an end is wished, for both faces: part of the address, so that the page shows what it changes."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import g, request
from flask_babel import lazy_gettext as _l
from wtforms import DateField, ValidationError
from wtforms import Form as PlainForm
from wtforms.validators import Optional

LONGEST_WAIT: Final = timedelta(days=730)  # a day that somebody wishes lies within two years


class DayForm(PlainForm):
    """The day on which an end is wished: part of the address, so that the page shows what that day changes."""

    on = DateField(
        _l("The day on which it is to end"),
        description=_l("Payments due before that day are still taken. Leave it empty to end as soon as possible."),
        validators=[Optional()],
    )
    today: date

    @property
    def day(self) -> date | None:
        """The day that was chosen; None for none, or one that cannot be."""
        return None if self.errors else self.on.data

    def validate_on(self, field: Any) -> None:
        """Take a day that lies ahead, within two years."""
        if field.data and not self.today < field.data <= self.today + LONGEST_WAIT:
            raise ValidationError(str(_l("Choose a day from tomorrow on, within two years.")))


def chosen_day(now: datetime) -> DayForm:
    """Return the validated form of the address's day; nothing is chosen while it is empty."""
    form = DayForm(request.args)
    form.today = now.astimezone(ZoneInfo(g.merchant.time_zone)).date()
    form.validate()
    return form
