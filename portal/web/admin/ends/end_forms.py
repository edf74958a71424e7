"""What staff fill in to end, and where PayPal does not say until when an ended one is paid."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from flask import g
from flask_babel import lazy_gettext as _l
from wtforms import RadioField, SubmitField, ValidationError
from wtforms.validators import InputRequired

from portal.i18n import Translator
from portal.web import day_form
from portal.web.admin.forms import internal_note, provider_note
from portal.web.csrf import BaseForm
from portal.web.day_field import DayField
from portal.web.ending_form import EndingForm
from portal.web.local_days import today

LONGEST: Final = timedelta(days=10 * 366)  # a paid time beyond this is a slip of the pen


def neutral_note() -> str:
    """Return the note proposed for PayPal, in the merchant's language: its customers read it."""
    return Translator(g.merchant.locale).gettext("Subscription ended")


class LocalEndForm(BaseForm):
    """An end that PayPal is not told of."""

    internal_note = internal_note()
    submit = SubmitField(_l("Confirm"))


class EndForm(EndingForm):
    """An end that PayPal is told of, with the note that the payer may read there."""

    beside = day_form.FIELDS

    when = RadioField(_l("When does it end?"), validate_choice=False)
    refund = RadioField(_l("Refund"), validate_choice=False)
    provider_note = provider_note()
    internal_note = internal_note()
    submit = SubmitField(_l("Confirm"))


class PaidUntilForm(BaseForm):
    """Until when an ended subscription is paid."""

    last_day = DayField(_l("Last paid day"), validators=[InputRequired(_l("Enter the last paid day."))])
    submit = SubmitField(_l("Save the date and tell the customer"))
    started_on: date | None = None

    def validate_last_day(self, field: DayField) -> None:
        """Not before it began, and not in a time that nobody pays for ahead."""
        if field.data is None:
            return
        if self.started_on is not None and field.data < self.started_on:
            raise ValidationError(str(_l("This is before the subscription started.")))
        if field.data > today() + LONGEST or field.data.year < 1998:  # PayPal began in 1998
            raise ValidationError(str(_l("This date is too far away: check the year.")))
