"""What owners fill in about PayPal keys. A secret is never shown again, not even to the person who typed it."""

from __future__ import annotations

import re
from typing import Final

from flask_babel import lazy_gettext as _l
from wtforms import PasswordField, RadioField, StringField, SubmitField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, InputRequired, Length, Optional, Regexp

from portal.web.admin.forms import choices, one_line, plain
from portal.web.admin.words import ENVIRONMENT
from portal.web.csrf import BaseForm

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
            "PayPal’s notifications (IPN) name the account they are for. Write every email address and merchant id of "
            "this PayPal account, one a line. The address in the API user name counts by itself."
        ),
        filters=[plain],
        validators=[Optional(), Length(max=4000, message=_l("This is too long."))],
    )


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
                    "“%(line)s” is neither an email address nor a merchant id of 13 letters and digits.", line=line
                )
                raise ValidationError(str(told))

    def receivers_named(self) -> tuple[str, ...]:
        """Return the lines in lower case, each once, in their order."""
        lines = ("".join(line.split()).lower() for line in (self.receivers.data or "").splitlines())
        return tuple(dict.fromkeys(filter(None, lines)))


class KeyForm(BaseForm):
    """A REST key."""

    environment = _environment()
    client_id = StringField(
        _l("Client id"),
        filters=[one_line],
        validators=[
            DataRequired(_l("Enter the client id.")),
            Length(max=256, message=_l("This is too long for a client id.")),
            Regexp(TYPED, message=_l("A client id has neither spaces nor accents: copy it again.")),
        ],
    )
    client_secret = PasswordField(
        _l("Secret"),
        description=NEVER_SHOWN,
        filters=[one_line],
        validators=[
            DataRequired(_l("Enter the secret. For your safety a page never shows it again, so it has to be typed.")),
            Length(min=8, max=256, message=_l("This does not look like a secret of PayPal: copy it again.")),
            Regexp(TYPED, message=_l("A secret has neither spaces nor accents: copy it again.")),
        ],
    )
    submit = SubmitField(_l("Test and save the key"))


class ClassicKeyForm(_WithReceivers):
    """A classic key: the three strings of an API signature (FACTS.md 3.1)."""

    environment = _environment()
    api_user = StringField(
        _l("API user name"),
        filters=[one_line],
        validators=[
            DataRequired(_l("Enter the API user name.")),
            Length(max=256, message=_l("This is too long for an API user name.")),
            Regexp(TYPED, message=_l("An API user name has neither spaces nor accents: copy it again.")),
        ],
    )
    api_password = PasswordField(
        _l("API password"),
        description=NEVER_SHOWN,
        filters=[one_line],
        validators=[
            DataRequired(_l("Enter the API password. A page never shows it again, so it has to be typed.")),
            Length(min=8, max=128, message=_l("This does not look like an API password of PayPal: copy it again.")),
            Regexp(TYPED, message=_l("An API password has neither spaces nor accents: copy it again.")),
        ],
    )
    api_signature = PasswordField(
        _l("Signature"),
        description=NEVER_SHOWN,
        filters=[one_line],
        validators=[
            DataRequired(_l("Enter the signature. A page never shows it again, so it has to be typed.")),
            Length(min=16, max=256, message=_l("This does not look like a signature of PayPal: copy it again.")),
            Regexp(TYPED, message=_l("A signature has neither spaces nor accents: copy it again.")),
        ],
    )
    submit = SubmitField(_l("Test and save the key"))


class ReceiversForm(_WithReceivers):
    """To whom PayPal's notifications may be addressed."""

    submit = SubmitField(_l("Save"))


class RemovalForm(BaseForm):
    """The wish to forget a key."""

    submit = SubmitField(_l("Remove the key"))
