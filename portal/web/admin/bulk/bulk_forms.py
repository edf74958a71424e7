"""The forms of acts on many subscriptions."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectChoice, SelectField, StringField, SubmitField, ValidationError

from portal.domain.ends.bulk_acts import ONE_CONFIRMATION
from portal.domain.subscriptions import Action
from portal.web.admin.bulk import bulk_words
from portal.web.admin.ends.end_forms import EndForm, LocalEndForm
from portal.web.admin.forms import choices
from portal.web.csrf import BaseForm
from portal.web.form_words import PlainForm
from portal.web.formatting import formatter
from portal.web.typed_text import one_line


class ChoiceForm(BaseForm):
    """What to do with the ticked subscriptions, or with all that match; the boxes stand in the table."""

    action = SelectField(_l("With these subscriptions"), choices=choices(bulk_words.ACTION), coerce=Action)
    submit = SubmitField(_l("Preview"))


class _Typed(BaseForm):
    """The number of subscriptions, typed by hand above the cap of one confirmation."""

    total = 0
    number = StringField(
        _l("Number of subscriptions"),
        description=_l("Type the number of subscriptions shown above: what PayPal ends cannot be undone."),
        filters=[one_line],
    )

    def require(self, total: int) -> None:
        """Ask for this number, unless one confirmation is enough."""
        self.total = total
        if total <= ONE_CONFIRMATION:
            del self.number

    def validate_number(self, field: StringField) -> None:
        """Take the exact number, whatever spaces or marks stand between its thousands."""
        digits = "".join(sign for sign in field.data or "" if sign.isalnum())
        if digits != str(self.total):
            raise ValidationError(
                _("Type exactly the number of subscriptions: %(number)s.", number=formatter().number(self.total))
            )


class BulkEndForm(_Typed, EndForm):
    """Confirm ends that PayPal is told of."""


class BulkLocalForm(_Typed, LocalEndForm):
    """Confirm changes that PayPal is not told of."""

    number = StringField(
        _l("Number of subscriptions"),
        description=_l("Type the number of subscriptions shown above."),
        filters=[one_line],
    )


class ResultFilter(PlainForm):
    """Which rows of an act are shown."""

    result = SelectField(_l("Result"), validate_choice=False)

    def offer(self) -> None:
        """Offer every result."""
        self.result.choices = [SelectChoice("", _l("All")), *choices(bulk_words.RESULT)]
