"""What staff fill in about PayPal's messages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from wtforms import SelectChoice, SelectField, SubmitField, ValidationError
from wtforms.validators import InputRequired

from portal.services.dates.end_schedules import beginning_of
from portal.services.messages.missed_events import LONGEST
from portal.web.admin.forms import choices
from portal.web.csrf import BaseForm
from portal.web.day_field import DayField
from portal.web.form_words import PlainForm
from portal.web.formatting import formatter
from portal.web.local_days import today

DAYS: Final = LONGEST.days
TOO_OLD: Final = _l("At most 30 days back: what is older is covered by the nightly comparison.")


class FetchForm(BaseForm):
    """The days for which PayPal is asked again, both included, in the merchant's time zone."""

    start = DayField(_l("First day"), validators=[InputRequired(_l("Enter the first day, for example 03/04/2026."))])
    end = DayField(_l("Last day"), validators=[InputRequired(_l("Enter the last day, for example 05/04/2026."))])
    submit = SubmitField(_l("Fetch what was missed"))

    def validate_start(self, field: DayField) -> None:
        """PayPal is asked for thirty days at most."""
        _has_come(field)
        if field.data and field.data < today() - timedelta(days=DAYS):
            raise ValidationError(str(TOO_OLD))

    def validate_end(self, field: DayField) -> None:
        """A span has to begin before it ends."""
        _has_come(field)
        if field.data and self.start.data and field.data < self.start.data:
            raise ValidationError(str(_l("The last day comes before the first.")))

    @property
    def span(self) -> tuple[datetime, datetime]:
        """From the first midnight to the one after the last day, in UTC."""
        return midnight(self.start.data), midnight(self.end.data + timedelta(days=1))


class EventFilter(PlainForm):
    """What the list of messages is narrowed by; a GET form without token."""

    status = SelectField(_l("State"), validate_choice=False)

    def offer(self, states: Mapping[str, LazyString]) -> None:
        """Offer all messages, and those in one of the states."""
        self.status.choices = [
            SelectChoice("", _l("All")),
            *choices(states),
        ]


def _has_come(field: DayField) -> None:
    if field.data and field.data > today():
        raise ValidationError(str(_l("This day is in the future.")))


def midnight(day: date) -> datetime:
    """Return when a day begins for the merchant, in UTC."""
    return beginning_of(day, formatter().time_zone)
