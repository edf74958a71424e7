"""The forms of logging in. They shape and check what is typed, nothing else."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import EmailField, PasswordField, StringField, SubmitField
from wtforms.validators import InputRequired, Length

from portal.web.csrf import BaseForm
from portal.web.login_fields import EMAIL_RULES, LONGEST


class EmailForm(BaseForm):
    """Where to send the code and the link."""

    email = EmailField(_l("Your email address"), validators=EMAIL_RULES)
    submit = SubmitField(_l("Send me a code"))


class PasswordForm(BaseForm):
    """A staff member’s first factor."""

    email = EmailField(_l("Your email address"), validators=EMAIL_RULES)
    password = PasswordField(_l("Your password"), validators=[InputRequired(_l("Enter your password."))])
    submit = SubmitField(_l("Continue"))


class UnlockForm(BaseForm):
    """Where to send the link that opens the desk's log-in page."""

    email = EmailField(_l("Your email address"), validators=EMAIL_RULES)
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
