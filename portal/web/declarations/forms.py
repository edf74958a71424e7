"""The form of a declaration: the fields of its strategy, and nothing compulsory that the law does not name (R-FR-7)."""

from __future__ import annotations

from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    EmailField,
    HiddenField,
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms import Field as FormField
from wtforms.validators import DataRequired, Length, Optional

from portal.documents.declarations import SAID
from portal.domain.dates.end_dates import LONGEST_WAIT
from portal.domain.law.countries import ORDINARY, Field, Strategy
from portal.web.csrf import BaseForm
from portal.web.day_field import DayField
from portal.web.local_days import today
from portal.web.login_fields import EMAIL_RULES
from portal.web.typed_text import one_line, plain

LONGEST_GROUND: Final = 2000


class DeclarationForm(BaseForm):
    """Every field that a strategy may ask for; those of another one are taken out (`fit`)."""

    kind = RadioField(
        _l("Kind of cancellation"),
        choices=[SelectChoice(code, _l(word)) for code, word in SAID.items()],
        default=ORDINARY,
    )
    name = StringField(
        _l("First and last name, or name of the company"),
        filters=[one_line],
        validators=[DataRequired(_l("Enter your name.")), Length(max=140, message=_l("This name is too long."))],
    )
    email = EmailField(
        _l("Your email address"),
        description=_l("The confirmation that it was received goes there: for example name@example.com."),
        filters=[one_line],
        validators=EMAIL_RULES,
    )
    contract = StringField(
        _l("Contract or customer number"),
        description=_l("If you have one: the subscription ID on a PayPal receipt (I-…), for example."),
        filters=[one_line],
        validators=[Optional(), Length(max=200, message=_l("Write at most 200 characters."))],
        render_kw={"spellcheck": "false"},
    )
    subscription = SelectField(_l("Which contract"), validators=[Optional()], validate_choice=False)
    wished_on = DayField(
        _l("End date you want"),
        description=_l("Leave it empty to end as soon as possible."),
        validators=[Optional()],
    )
    ground = TextAreaField(
        _l("Legitimate ground for ending before the term"),
        filters=[plain],
        validators=[Optional(), Length(max=LONGEST_GROUND, message=_l("Write at most 2000 characters."))],
    )
    seal = HiddenField(validators=[Optional(), Length(max=400)])

    def fit(self, strategy: Strategy, *, has_ground: bool, choices: list[SelectChoice]) -> None:
        """Keep what this strategy asks for, here and now: a ground only where a commitment can bind."""
        kept = {
            "kind": strategy.asks(Field.KIND),
            "ground": strategy.asks(Field.GROUND) and (has_ground or strategy.asks(Field.KIND)),
            "wished_on": strategy.asks(Field.DAY),
            "subscription": bool(choices),
        }
        for name, is_kept in kept.items():
            if not is_kept:
                del self[name]
        if "subscription" in self:
            self.subscription.choices = choices
        if "kind" in self:  # a ground is of an extraordinary one, whether or not a term binds (R-DE-3)
            self.ground.label.text = _l("Reason for the cancellation")
            self.ground.description = _l("Only for an extraordinary cancellation: an ordinary one needs no reason.")

    def validate_wished_on(self, field: DayField) -> None:
        """Take a day within two years, as the other pages do; one that is past means as soon as possible."""
        if field.data is not None and field.data > today() + LONGEST_WAIT:
            raise ValidationError(_("Choose a day within two years, or leave it empty to end as soon as possible."))

    def values(self) -> dict[str, str]:
        """Return what was typed, by field, as the summary's form carries it."""
        return {field.name: _text(field) for field in self if field.name not in ("csrf_token", "seal")}


def _text(field: FormField) -> str:
    value: Any = field.data
    return value.isoformat() if isinstance(field, DayField) and value is not None else str(value or "")
