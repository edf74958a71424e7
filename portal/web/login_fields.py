"""Fields that more than one face asks for: an address of e-mail, a code of six digits."""

from __future__ import annotations

from typing import Final

from flask_babel import lazy_gettext as _l
from wtforms import StringField, SubmitField
from wtforms.validators import InputRequired, Length, Regexp

from portal.domain import typed_codes
from portal.web.csrf import BaseForm

LONGEST: Final = 2000  # of a whole mail that was pasted; what comes after is not looked at
EMAIL: Final = r"\s*[^@\s]+@[^@\s]+\.[^@\s]+\s*"  # only the slips of a hand: the mail itself is the check
EMAIL_RULES: Final = (
    InputRequired(_l("Enter your email address.")),
    Length(max=254, message=_l("This address is too long.")),
    Regexp(EMAIL + r"\Z", message=_l("Enter an address like name@example.com.")),
)


class CodeForm(BaseForm):
    """The six digits of the mail or the app, also where more of the mail was pasted with them."""

    code = StringField(
        _l("6-digit code"),
        filters=[lambda text: typed_codes.six_digits((text or "")[:LONGEST])],
        validators=[
            InputRequired(_l("Enter the code from the email.")),
            Regexp(r"[0-9]{6}\Z", message=_l("The code has six digits.")),
        ],
    )
    submit = SubmitField(_l("Log in"))


class AppCodeForm(BaseForm):
    """The first code of an authenticator app that has just been given its key."""

    code = StringField(
        _l("6-digit code"),
        filters=[lambda text: typed_codes.six_digits((text or "")[:LONGEST])],
        validators=[
            InputRequired(_l("Enter the code of your app.")),
            Regexp(r"[0-9]{6}\Z", message=_l("The code has six digits.")),
        ],
    )
