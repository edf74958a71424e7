"""What staff fill in. Forms shape and check input; they decide nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from sqlalchemy import Row
from wtforms import (
    BooleanField,
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
)
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, Regexp

from portal.domain.policies import Override
from portal.web.admin.edits import VersionedForm
from portal.web.admin.words import OVERRIDE
from portal.web.form_words import PlainForm
from portal.web.labels import STATUS
from portal.web.typed_text import one_line, plain

Code = TypeVar("Code", bound=str)

SPARE_ROWS: Final = 3  # empty lines for new contents
MOST_CONTENTS: Final = 300

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


class ProductForm(VersionedForm):
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
    contents = FieldList(FormField(ContentRow), _l("Contents"), max_entries=MOST_CONTENTS)
    submit = SubmitField(_l("Save the product"))

    def refill(self, values: Mapping[str, Any]) -> None:
        """Show these answers; contents are [id, title, days], as versions hold them."""
        names = ("id", "title", "unlock_after_days")
        contents = [dict(zip(names, one, strict=True)) for one in values["contents"]]
        self.contents.last_index = -1  # lines are counted anew
        super().refill({**values, "contents": contents})

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

    status = SelectField(_l("Status"), validate_choice=False)
    product = SelectField(_l("Product"), validate_choice=False)

    def offer(self, products: Iterable[Row[Any]]) -> None:
        """Offer every state, and the merchant's products (rows of id and name)."""
        self.status.choices = [SelectChoice("", _l("All")), *choices(STATUS)]
        self.product.choices = [SelectChoice("", _l("All")), *(SelectChoice(str(row.id), row.name) for row in products)]
