"""The forms of logging in. They shape and check what is typed, nothing else."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import EmailField, PasswordField, StringField, SubmitField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from portal.web.csrf import BaseForm
from portal.web.login_fields import EMAIL_RULES, LONGEST
from portal.web.typed_text import one_line, plain


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


class NumberForm(BaseForm):
    """A number from a receipt, in place of the address."""

    number = StringField(
        _l("Number from a receipt or an email"),
        filters=[one_line],
        validators=[
            InputRequired(_l("Enter a number.")),
            Length(max=60, message=_l("This is too long for a number.")),
        ],
        render_kw={"autocapitalize": "characters", "spellcheck": "false"},
    )
    submit = SubmitField(_l("Send me a code"))


class HelpForm(BaseForm):
    """What somebody leaves who cannot log in."""

    name = StringField(
        _l("Your name"),
        filters=[one_line],
        validators=[DataRequired(_l("Enter your name.")), Length(max=140, message=_l("This name is too long."))],
    )
    email = EmailField(_l("Email address to answer you at"), validators=EMAIL_RULES)
    number = StringField(
        _l("Number from a PayPal receipt"),
        filters=[one_line],
        validators=[Optional(), Length(max=60, message=_l("This is too long for a number."))],
        render_kw={"autocapitalize": "characters", "spellcheck": "false"},
    )
    message = TextAreaField(
        _l("Your message"),
        description=_l("For example: “I can no longer read my old address”."),
        filters=[plain],
        validators=[
            DataRequired(_l("Write what you need.")),
            Length(max=1000, message=_l("Write at most 1000 characters.")),
        ],
    )
    submit = SubmitField(_l("Send to the team"))
