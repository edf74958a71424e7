"""What staff enter about requests that came by other ways."""

from __future__ import annotations

from datetime import date
from typing import Final

from flask_babel import lazy_gettext as _l
from wtforms import EmailField, RadioField, SelectField, StringField, SubmitField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from portal.domain.ends.received_requests import STAFF_WAYS
from portal.domain.law.countries import Function
from portal.web.admin.forms import AN_ADDRESS, choices
from portal.web.csrf import BaseForm, DrawnForm
from portal.web.day_field import DayField
from portal.web.labels import WAY
from portal.web.local_days import today
from portal.web.typed_text import one_line, plain

FUNCTION: Final = {
    Function.CANCELLATION: _l("A cancellation: the contract ends for the future"),
    Function.WITHDRAWAL: _l("A withdrawal: the contract is undone, within its period"),
}
PAYPAL_BEGAN: Final = date(1998, 12, 1)


class ReceivedForm(BaseForm):
    """What somebody declared, and how and when it came."""

    function = RadioField(
        _l("What they declare"),
        choices=choices(FUNCTION),
        default=Function.CANCELLATION.value,
        validators=[InputRequired()],
    )
    way = SelectField(_l("How it arrived"), choices=choices({way: WAY[way] for way in STAFF_WAYS}))
    received_on = DayField(
        _l("Received on"),
        description=_l("The day you received it: the customer’s notice period counts from it."),
        validators=[InputRequired(_l("Enter the day on which you received it."))],
    )
    name = StringField(
        _l("Name"),
        filters=[one_line],
        validators=[
            DataRequired(_l("Enter the name as it was given.")),
            Length(max=200, message=_l("Write at most 200 characters.")),
        ],
    )
    email = EmailField(
        _l("Email address"),
        description=_l("An acknowledgement is sent there at once."),
        filters=[one_line],
        validators=[Optional(), *AN_ADDRESS],
    )
    contract = StringField(
        _l("Contract details"),
        description=_l("Product, customer number, PayPal subscription ID (I-…), as they wrote it."),
        filters=[one_line],
        validators=[Optional(), Length(max=500, message=_l("Write at most 500 characters."))],
    )
    wished_on = DayField(_l("Chosen end date"), validators=[Optional()])
    sent_on = DayField(
        _l("Sent on"),
        description=_l("Of a withdrawal: the day on the postmark or of the email. It counts, not the day it arrived."),
        validators=[Optional()],
    )
    message = TextAreaField(
        _l("Customer’s comment"),
        filters=[plain],
        validators=[Optional(), Length(max=5000, message=_l("Write at most 5000 characters."))],
    )
    submit = SubmitField(_l("Record it"))

    def validate_received_on(self, field: DayField) -> None:
        """Nothing is received tomorrow, nor before there was PayPal."""
        if field.data is not None and field.data > today():
            raise ValidationError(str(_l("This day is in the future.")))
        if field.data is not None and not field.is_within(PAYPAL_BEGAN, today()):
            raise ValidationError(field.errors[0])

    def validate_sent_on(self, field: DayField) -> None:
        """Nothing is sent after it was received, nor before there was PayPal."""
        if field.data is None:
            return
        last = self.received_on.data or today()
        if not field.is_within(PAYPAL_BEGAN, max(last, PAYPAL_BEGAN)):
            raise ValidationError(field.errors[0])

    def validate_way(self, field: SelectField) -> None:
        """Take only the ways that staff may record."""
        if field.data not in set(STAFF_WAYS):
            raise ValidationError(str(_l("Choose how it arrived.")))


class DismissalForm(DrawnForm):
    """Why there is nothing to end."""

    reason = TextAreaField(
        _l("Why there is nothing to end"),
        description=_l(
            "It stays with the request: for example “subscribed with another seller”. If they gave an address, "
            "they are told that it is closed, but not why."
        ),
        filters=[plain],
        validators=[
            DataRequired(_l("Say why: somebody may look for the reason later.")),
            Length(max=1000, message=_l("Write at most 1000 characters.")),
        ],
    )
    submit = SubmitField(_l("Close without ending anything"))


class WordDismissalForm(DismissalForm):
    """What became of the message of somebody who could not log in: it asks for no end by itself."""

    reason = TextAreaField(
        _l("What you answered, or why there is nothing to do"),
        description=_l("It stays with the message. The person is told that it is closed, but not this."),
        filters=[plain],
        validators=DismissalForm.reason.kwargs["validators"],
    )
    submit = SubmitField(_l("Close the message"))
