"""What customers fill in. Labels and messages are lazy: the reader's language is known only at the request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from flask import g
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext
from markupsafe import Markup
from wtforms import BooleanField, RadioField, SelectChoice, StringField, SubmitField, TextAreaField, ValidationError
from wtforms.validators import InputRequired, Length, Optional

from portal.domain import typed_codes
from portal.domain.merchants.leaving_reasons import Reason, asked, find, read
from portal.web import day_form, labels
from portal.web.csrf import BaseForm
from portal.web.day_field import DayField
from portal.web.ending_form import EndingForm
from portal.web.local_days import today
from portal.web.locale import current
from portal.web.login_fields import LONGEST
from portal.web.typed_text import plain

LONGEST_COMMENT: Final = 500


class ComebackForm(BaseForm):
    """Asked beside what coming back means: one button, and a box that nobody has to tick (law.md R-FR-34)."""

    begins_early = BooleanField(_l("Begin at once"))  # the view says it whole, with who sells
    submit = SubmitField(_l("See the order"))


class NotificationForm(BaseForm):
    """Asked beside what the customer confirms. Nothing is required (law.md R-FR-6, R-FR-7)."""

    wished_on = DayField(
        lazy_pgettext("to the customer", "End date"),  # what they declare: elsewhere staff may choose it too
        description=_l("Leave it empty to end as soon as possible."),
        validators=[Optional()],
    )
    message = TextAreaField(
        _l("Your comment"),
        description=_l("At most 1000 characters."),
        filters=[plain],
        validators=[Optional(), Length(max=1000, message=_l("Write at most 1000 characters."))],
    )
    submit = SubmitField(_l("Send cancellation notice"))

    def validate_wished_on(self, field: DayField) -> None:
        """A day that is past cannot be wished for any more; today is as soon as possible."""
        if field.data is not None and field.data < today():
            raise ValidationError(str(_l("This day has passed. Choose a later one, or leave it empty.")))


def _reasons() -> Sequence[Reason]:
    return read(g.merchant.leaving_reasons)


def _choices() -> list[SelectChoice]:
    return [_choice(one) for one in asked(_reasons())]


def _choice(one: Reason) -> SelectChoice:
    """Return a reason as it is asked; written in another language than the page's, it says in which (RGAA 8.7)."""
    page = current()
    words, language = one.said(page)
    if words and language != page:
        return SelectChoice(one.code, Markup('<span lang="{}">{}</span>').format(language, words))
    return SelectChoice(one.code, labels.reason(one.code))


class ReasonField(RadioField):
    """One reason of the merchant's list, in the page's language, or in the other one where that has no word.

    Nothing that was sent here keeps anybody from cancelling: a reason that was retired while the page was open is
    taken, and what is none is no answer.
    """

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take a code of the list."""
        code = valuelist[0] if valuelist else ""
        self.data = code if any(one.code == code for one in _reasons()) else ""
        if self.data and not any(one.code == code for one in asked(_reasons())):
            self.choices = [*_choices(), _choice(find(_reasons(), code))]


class CancellationForm(EndingForm):
    """Asked beside the recap. Nothing is required: no reason may be demanded (law.md R-DP-4)."""

    beside = day_form.FIELDS

    reason = ReasonField(
        _l("Why are you cancelling?"),
        description=_l("Your answer does not affect your cancellation."),
        choices=_choices,
        validators=[Optional()],
        validate_choice=False,
    )
    comment = TextAreaField(
        _l("Your comment"),
        filters=[plain],
        validators=[Optional(), Length(max=LONGEST_COMMENT, message=_l("Write at most 500 characters."))],
    )
    code = StringField(  # of who came by a link; checked in `task_codes`
        _l("6-digit code"),
        filters=[lambda text: typed_codes.six_digits((text or "")[:LONGEST])],
    )
    submit = SubmitField(_l("Cancel now"))


class PauseForm(BaseForm):
    """The day on which a pause ends; asked beside its recap."""

    until = DayField(_l("Payments start again on"), validators=[InputRequired(_l("Choose a day."))])
    submit = SubmitField(_l("Pause subscription"))

    def is_within(self, first: date, last: date) -> bool:
        """Say whether the day is one of those offered; if not, the field says between which it must be."""
        return self.until.is_within(first, last)
