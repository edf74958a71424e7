"""A subscription resumes: on a day, or now. Two acts with a button each, for customers and for the desk.

PayPal then takes payments on its own next billing date: the day is not that of a payment.

Which one is meant is said by the button alone, and none of them is a default: Enter in the field presses the one
of the day, and a day that was typed is never answered by « now » (deciding test 26).
"""

from __future__ import annotations

from datetime import date

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SubmitField

from portal.web.csrf import BaseForm
from portal.web.day_field import DayField
from portal.web.formatting import formatter


class ResumeForm(BaseForm):
    """The day, shown as it is planned so far, and the two buttons."""

    day = DayField(_l("Payments start again on"))  # needed by the one button, and by the other not
    on_day = SubmitField(_l("Resume on this day"))
    at_once = SubmitField(_l("Resume now"))

    @property
    def chosen(self) -> date | None:
        """The day that is asked for, None for now."""
        return None if self.at_once.data else self.day.data

    def is_within(self, first: date, last: date) -> bool:
        """Say whether it can be done so; if not, the field says why."""
        typed = self.day.data
        if self.at_once.data:
            if typed in (None, self.day.object_data):  # empty, or as it was shown
                return True
            self.day.errors = [
                _(
                    "You chose %(day)s and pressed “Resume now”. Press “Resume on this day”, or empty the day to "
                    "resume now.",
                    day=formatter().date(typed),
                )
            ]
            return False
        return self.day.is_within(first, last)
