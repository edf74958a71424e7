"""The forms of logging in. They shape and check what is typed, nothing else."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import EmailField, PasswordField, StringField, SubmitField
from wtforms.validators import InputRequired, Length, Regexp

from portal.domain import typed_codes
from portal.web.csrf import BaseForm

LONGEST = 2000  # of a whole mail that was pasted; what comes after is not looked at
EMAIL = r"\s*[^@\s]+@[^@\s]+\.[^@\s]+\s*"  # only the slips of a hand: the mail itself is the check
_email_rules = [
    InputRequired(_l("Enter your email address.")),
    Length(max=254, message=_l("This address is too long.")),
    Regexp(EMAIL + r"\Z", message=_l("Enter an address like name@example.com.")),
]


class EmailForm(BaseForm):
    """Where to send the code and the link."""

    email = EmailField(_l("Your email address"), validators=_email_rules)
    submit = SubmitField(_l("Send me a code"))


class CodeForm(BaseForm):
    """The six digits of the mail, also where more of the mail was pasted with them."""

    code = StringField(
        _l("6-digit code"),
        filters=[lambda text: typed_codes.six_digits((text or "")[:LONGEST])],
        validators=[
            InputRequired(_l("Enter the code from the email.")),
            Regexp(r"[0-9]{6}\Z", message=_l("The code has six digits.")),
        ],
    )
    submit = SubmitField(_l("Log in"))


class PasswordForm(BaseForm):
    """A staff member’s first factor."""

    email = EmailField(_l("Your email address"), validators=_email_rules)
    password = PasswordField(_l("Your password"), validators=[InputRequired(_l("Enter your password."))])
    submit = SubmitField(_l("Continue"))


class UnlockForm(BaseForm):
    """Where to send the link that opens the desk's log-in page."""

    email = EmailField(_l("Your email address"), validators=_email_rules)
    submit = SubmitField(_l("Send me the link"))


class SecondFactorForm(BaseForm):
    """A staff member’s second factor, or a recovery code in its place."""

    code = StringField(
        _l("The code of your app, or a recovery code"),
        validators=[
            InputRequired(_l("Enter a code.")),
            Length(max=LONGEST, message=_l("This is too long for a code.")),
        ],
    )
    submit = SubmitField(_l("Log in"))
