"""What staff fill in to pause and to resume."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField, SubmitField
from wtforms.validators import DataRequired, Length, Optional

from portal.web.admin.forms import one_line
from portal.web.csrf import BaseForm
from portal.web.day_field import DayField
from portal.web.formatting import formatter
from portal.web.resume_form import ResumeForm


class PauseForm(BaseForm):
    """A pause: on which day the subscription resumes, and the note that the payer may read."""

    until = DayField(
        _l("The subscription resumes on"),
        description=_l("Empty: no day is set."),
        validators=[Optional()],
    )
    provider_note = StringField(
        _l("Note for PayPal"),
        description=_l("The customer may read it at PayPal. 1 to 128 characters, nothing internal."),
        filters=[one_line],
        validators=[
            DataRequired(_l("PayPal wants a note: write at least one word.")),
            Length(max=128, message=_l("PayPal takes at most 128 characters.")),
        ],
    )
    submit = SubmitField(_l("Confirm"))

    @property
    def chosen(self) -> date | None:
        """The day on which the pause ends, if one is set."""
        return self.until.data

    def is_within(self, first: date, last: date) -> bool:
        """Say whether the day may be chosen; none may be, too."""
        if self.until.data is None or first <= self.until.data <= last:
            return True
        fmt = formatter()
        self.until.errors = [_("Choose a day from %(first)s to %(last)s.", first=fmt.date(first), last=fmt.date(last))]
        return False


class StaffResumeForm(ResumeForm):
    """The same two acts as a customer's, with the note that the payer may read."""

    provider_note = PauseForm.provider_note
