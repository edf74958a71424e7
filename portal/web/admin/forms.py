"""What staff fill in. Forms shape and check input; they decide nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from sqlalchemy import Row
from wtforms import (
    BooleanField,
    EmailField,
    FieldList,
    FormField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
    SubmitField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, Regexp

from portal.domain.policies import Override
from portal.web.admin.words import LANGUAGE, OVERRIDE
from portal.web.csrf import BaseForm
from portal.web.form_words import PlainForm
from portal.web.labels import STATUS
from portal.web.typed_text import one_line, plain

Code = TypeVar("Code", bound=str)

SPARE_ROWS: Final = 3  # empty lines for new contents
MOST_CONTENTS: Final = 300
COMMON_ZONES: Final = (
    "Europe/Paris",
    "Europe/Brussels",
    "Europe/Zurich",
    "Europe/Luxembourg",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Madrid",
    "Europe/Berlin",
    "America/Guadeloupe",
    "America/Martinique",
    "America/Cayenne",
    "America/Miquelon",
    "Indian/Reunion",
    "Indian/Mayotte",
    "Pacific/Noumea",
    "Pacific/Tahiti",
    "Pacific/Wallis",
    "Africa/Casablanca",
    "Africa/Dakar",
    "America/Montreal",
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Tokyo",
    "Australia/Sydney",
    "UTC",
)

AN_ADDRESS: Final = (
    Length(max=254, message=_l("This address is too long.")),
    Regexp(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z", message=_l("Enter an address like name@example.com.")),
)


def choices(words: Mapping[Code, LazyString]) -> list[SelectChoice]:
    """Return codes and words as a field offers them."""
    return [SelectChoice(code, label) for code, label in words.items()]


def shown_name() -> StringField:
    """Return the field of the name that customers read."""
    return StringField(
        _l("Name your customers see"),
        filters=[one_line],
        validators=[DataRequired(_l("Enter a name.")), Length(max=140, message=_l("Write at most 140 characters."))],
    )


def provider_note() -> StringField:
    """Return the field of what PayPal is told with an act: the payer may read it there."""
    return StringField(
        _l("Note for PayPal"),
        description=_l("The customer may read it at PayPal. 1 to 128 characters, nothing internal."),
        filters=[one_line],
        validators=[
            DataRequired(_l("PayPal requires a note: write at least one word.")),
            Length(max=128, message=_l("PayPal accepts at most 128 characters.")),
        ],
    )


def internal_note() -> TextAreaField:
    """Return the field of what the team alone reads."""
    return TextAreaField(
        _l("Internal note"),
        description=_l("Only your team sees it."),
        filters=[plain],
        validators=[Optional(), Length(max=1000, message=_l("Write at most 1000 characters."))],
    )


class SettingsForm(BaseForm):
    """What the merchant decides for all products."""

    self_cancellation = BooleanField(
        _l("Customers can cancel themselves"),
        description=_l("A button on their account page. Each product can have its own setting."),
    )
    cancellation_text = TextAreaField(
        _l("What customers read when they cannot cancel themselves"),
        description=_l("Say how to cancel: an address, a form, a telephone number."),
        filters=[plain],
        validators=[Optional(), Length(max=2000, message=_l("Write at most 2000 characters."))],
    )
    name = shown_name()
    support_email = EmailField(
        _l("Email address for your customers’ questions"),
        description=_l("Your to-do emails are sent there too."),
        filters=[one_line],
        validators=[
            DataRequired(_l("Enter an address: without one, nobody is emailed about what needs your attention.")),
            *AN_ADDRESS,
        ],
    )
    time_zone = SelectField(
        _l("Time zone"), description=_l("Dates and times are shown in this zone."), validate_choice=False
    )
    locale = SelectField(_l("Language of your pages and emails"), choices=choices(LANGUAGE))
    submit = SubmitField(_l("Save the settings"))

    def offer_zone(self, current: str) -> None:
        """Offer the usual zones, and the one that is set."""
        zones = COMMON_ZONES if current in COMMON_ZONES else (current, *COMMON_ZONES)
        self.time_zone.choices = [SelectChoice(zone, zone.replace("_", " ")) for zone in zones]

    def validate_time_zone(self, field: SelectField) -> None:
        """Take any zone that this machine knows."""
        if field.data not in available_timezones():
            raise ValidationError(str(_l("Choose a time zone from the list.")))
        ZoneInfo(field.data)


class ContentRow(PlainForm):
    """One thing a product opens; without a title it is not there."""

    id = HiddenField(validators=[Optional(), Length(max=36)])
    title = StringField(
        _l("Title"), filters=[one_line], validators=[Length(max=140, message=_l("Write at most 140 characters."))]
    )
    unlock_after_days = IntegerField(
        _l("Opens after (days)"),
        default=0,
        validators=[
            Optional(),
            NumberRange(min=0, max=3650, message=_l("Enter a number of days from 0 to 3650.")),
        ],
    )


class ProductForm(BaseForm):
    """A product's name, access rule and contents."""

    name = shown_name()
    keep_after_completion = BooleanField(
        _l("Keep access after completion"),
        description=_l("Customers who completed the commitment keep everything for good."),
    )
    keep_after_cancellation = BooleanField(
        _l("Keep what is already open after a cancellation"),
        description=_l("What is unlocked on the end date stays open for good. The rest never opens."),
    )
    stops_at_once = BooleanField(
        _l("Stop access immediately on cancellation"),
        description=_l("Otherwise access lasts until the end of the paid time."),
    )
    kept_while_paused = BooleanField(
        _l("Keep access during a pause"),
        description=_l("Otherwise it stops at the end of the paid time."),
    )
    grace_days = IntegerField(
        _l("Days of access after a payment failed"),
        validators=[
            InputRequired(_l("Enter a number of days; 0 stops access at once.")),
            NumberRange(min=0, max=365, message=_l("Enter a number of days from 0 to 365.")),
        ],
    )
    commitment_months = IntegerField(
        _l("Months of commitment"),
        description=_l("Leave empty for none; a PayPal plan with a last payment then sets the length."),
        validators=[Optional(), NumberRange(min=1, max=120, message=_l("Enter a number of months from 1 to 120."))],
    )
    commitment_binds = BooleanField(
        _l("A customer’s cancellation waits for the end of the commitment"),
        description=_l("It is recorded at once and sent to PayPal after the last payment owed."),
    )
    notice_days = IntegerField(
        _l("Days of notice"),
        description=_l(
            "Payments due within this many days of a customer’s cancellation are still taken. 0: it ends as soon "
            "as possible."
        ),
        default=0,
        validators=[Optional(), NumberRange(min=0, max=365, message=_l("Enter a number of days from 0 to 365."))],
    )
    pause_offered = BooleanField(
        _l("Customers can pause and resume themselves"),
        description=_l("Not during a binding commitment."),
    )
    pause_longest_days = IntegerField(
        _l("Longest pause (days)"),
        description=_l("For pauses made by customers."),
        validators=[
            InputRequired(_l("Enter a number of days from 1 to 365.")),
            NumberRange(min=1, max=365, message=_l("Enter a number of days from 1 to 365.")),
        ],
    )
    self_cancellation = RadioField(
        _l("Can customers cancel this product themselves?"), choices=choices(OVERRIDE), coerce=Override
    )
    contents = FieldList(FormField(ContentRow), max_entries=MOST_CONTENTS)
    submit = SubmitField(_l("Save the product"))

    def add_rows(self, number: int = SPARE_ROWS) -> None:
        """Leave empty lines at the end for new contents."""
        empty = sum(1 for row in self.contents if not row.form.title.data)
        for _number in range(min(number - empty, MOST_CONTENTS - len(self.contents))):
            self.contents.append_entry()


class CustomerFilter(PlainForm):
    """What a list of customers is narrowed by; a GET form without token, since it changes nothing."""

    q = StringField(
        _l("Search"),
        filters=[one_line],
        render_kw={"type": "search", "maxlength": 100, "autocomplete": "off", "spellcheck": "false"},
    )


class SubscriptionFilter(CustomerFilter):
    """What a list of subscriptions is narrowed by."""

    status = SelectField(_l("State"), validate_choice=False)
    product = SelectField(_l("Product"), validate_choice=False)

    def offer(self, products: Iterable[Row[Any]]) -> None:
        """Offer every state, and the merchant's products (rows of id and name)."""
        self.status.choices = [SelectChoice("", _l("All")), *choices(STATUS)]
        self.product.choices = [SelectChoice("", _l("All")), *(SelectChoice(str(row.id), row.name) for row in products)]
