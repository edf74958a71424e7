"""What owners fill in about PayPal keys. A secret is never shown again, not even to the person who typed it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, PasswordField, RadioField, StringField, SubmitField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, InputRequired, Length, Optional, Regexp

from portal.web.admin.forms import choices
from portal.web.admin.words import ENVIRONMENT
from portal.web.csrf import BaseForm
from portal.web.standing_form import StandingForm
from portal.web.typed_text import one_line, plain

MOST_RECEIVERS: Final = 20
RECEIVER: Final = re.compile(
    r"[^@\s]+@[^@\s]+\.[^@\s]+|[2-9a-hj-np-z]{13}"
)  # an address, or a merchant id (FACTS.md 1.3)
TYPED: Final = r"[\x21-\x7e]+\Z"
NEVER_SHOWN: Final = _l("It is kept encrypted and never shown again.")


def _environment() -> RadioField:
    return RadioField(
        _l("Which PayPal?"),
        choices=choices(ENVIRONMENT),
        validators=[InputRequired(_l("Choose the environment of the key."))],
    )


def _receivers() -> TextAreaField:
    return TextAreaField(
        _l("Your addresses at PayPal"),
        description=_l(
            "PayPal’s notifications (IPN) name the account they are for. Enter every email address and merchant "
            "ID of this PayPal account, one per line. The address in the API user name is already included."
        ),
        filters=[plain],
        validators=[Optional(), Length(max=4000, message=_l("This is too long."))],
    )


def _name(label: LazyString, *, missing: LazyString, too_long: LazyString, mistyped: LazyString) -> StringField:
    """Return the field of a key’s part that pages show."""
    sane = [Length(max=256, message=too_long), Regexp(TYPED, message=mistyped)]
    return StringField(label, filters=[one_line], validators=[DataRequired(missing), *sane])


def _secret(
    label: LazyString,
    *,
    least: int = 8,
    most: int = 256,
    missing: LazyString,
    unlike: LazyString,
    mistyped: LazyString,
) -> PasswordField:
    """Return the field of a key’s part that no page shows again."""
    sane = [Length(min=least, max=most, message=unlike), Regexp(TYPED, message=mistyped)]
    return PasswordField(label, description=NEVER_SHOWN, filters=[one_line], validators=[DataRequired(missing), *sane])


class _WithReceivers(BaseForm):
    receivers = _receivers()

    def validate_receivers(self, field: TextAreaField) -> None:
        """Take addresses and merchant ids, one a line; name the first line that is neither."""
        named = self.receivers_named()
        if len(named) > MOST_RECEIVERS:
            raise ValidationError(str(_l("Write at most 20 lines.")))
        for line in named:
            if not RECEIVER.fullmatch(line):
                told = _l(
                    "“%(line)s” is neither an email address nor a merchant ID of 13 letters and digits.", line=line
                )
                raise ValidationError(str(told))

    def receivers_named(self) -> tuple[str, ...]:
        """Return the lines in lower case, each once, in their order."""
        lines = ("".join(line.split()).lower() for line in (self.receivers.data or "").splitlines())
        return tuple(dict.fromkeys(filter(None, lines)))


class KeyForm(BaseForm):
    """A REST key."""

    environment = _environment()
    client_id = _name(
        _l("Client ID"),
        missing=_l("Enter the client ID."),
        too_long=_l("This is too long for a client ID."),
        mistyped=_l("A client ID has neither spaces nor accents: copy it again."),
    )
    client_secret = _secret(
        _l("Secret"),
        missing=_l("Enter the secret. For your safety it is never shown again, so it has to be typed in."),
        unlike=_l("This does not look like a PayPal secret: copy it again."),
        mistyped=_l("A secret has neither spaces nor accents: copy it again."),
    )
    submit = SubmitField(_l("Test and save the key"))


class ClassicKeyForm(_WithReceivers):
    """A classic key: the three strings of an API signature (FACTS.md 3.1)."""

    environment = _environment()
    api_user = _name(
        _l("API user name"),
        missing=_l("Enter the API user name."),
        too_long=_l("This is too long for an API user name."),
        mistyped=_l("An API user name has neither spaces nor accents: copy it again."),
    )
    api_password = _secret(
        _l("API password"),
        most=128,
        missing=_l("Enter the API password. It is never shown again, so it has to be typed in."),
        unlike=_l("This does not look like a PayPal API password: copy it again."),
        mistyped=_l("An API password has neither spaces nor accents: copy it again."),
    )
    api_signature = _secret(
        _l("Signature"),
        least=16,
        missing=_l("Enter the signature. It is never shown again, so it has to be typed in."),
        unlike=_l("This does not look like a PayPal signature: copy it again."),
        mistyped=_l("A signature has neither spaces nor accents: copy it again."),
    )
    submit = SubmitField(_l("Test and save the key"))


class ReceiversForm(StandingForm, _WithReceivers):
    """To whom PayPal's notifications may be addressed."""

    answers = ("receivers",)

    submit = SubmitField(_l("Save"))


class RemovalForm(BaseForm):
    """The wish to forget a key: the one that its page is about."""

    entered = HiddenField()  # when; not named after the key, since what sounds like a secret is not carried on
    submit = SubmitField(_l("Remove the key"))

    def show(self, set_at: datetime) -> None:
        """Carry which key the page is about."""
        self.entered.data = set_at.isoformat()

    @property
    def set_at(self) -> datetime | None:
        """When the key was entered that the page showed; None where nothing says so."""
        try:
            return datetime.fromisoformat(self.entered.data or "")
        except ValueError:
            return None
