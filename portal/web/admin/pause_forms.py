"""What staff fill in to pause and to resume."""

from __future__ import annotations

from datetime import date

from flask_babel import lazy_gettext as _l
from wtforms import SubmitField
from wtforms.validators import Optional

from portal.web.admin.forms import provider_note
from portal.web.csrf import BaseForm
from portal.web.day_field import DayField
from portal.web.resume_form import ResumeForm


class PauseForm(BaseForm):
    """A pause: on which day the subscription resumes, and the note that the payer may read."""

    until = DayField(
        _l("Payments start again on"),
        description=_l("Leave empty for no set day."),
        validators=[Optional()],
    )
    provider_note = provider_note()
    submit = SubmitField(_l("Confirm"))

    @property
    def chosen(self) -> date | None:
        """The day on which the pause ends, if one is set."""
        return self.until.data

    def is_within(self, first: date, last: date) -> bool:
        """Say whether the day may be chosen; none may be, too."""
        return self.until.data is None or self.until.is_within(first, last)


class StaffResumeForm(ResumeForm):
    """The same two acts as a customer's, with the note that the payer may read."""

    provider_note = provider_note()
