"""A password is chosen: the fields of every form that asks for one, and why one is not taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from wtforms import PasswordField
from wtforms.validators import EqualTo, InputRequired

from portal.services.people.staff_passwords import LONGEST, SHORTEST, Weakness, WeakPassword
from portal.web.csrf import BaseForm

WEAKNESS: Final[Mapping[Weakness, LazyString]] = {
    Weakness.TOO_SHORT: _l("Choose at least %(num)s characters: a short sentence is easy to remember.", num=SHORTEST),
    Weakness.TOO_LONG: _l("Choose at most %(num)s characters.", num=LONGEST),
    Weakness.STOLEN: _l(
        "This password stands in a public list of stolen passwords: choose another one, used nowhere else."
    ),
    Weakness.GUESSABLE: _l(
        "This password is easily guessed: it is made of common words or keys, or of your name or address. "
        "Choose four or five words that have nothing to do with each other."
    ),
}


class NewPasswordForm(BaseForm):
    """A new password, typed twice since nobody sees it."""

    new_password = PasswordField(_l("New password"), validators=[InputRequired(_l("Choose a password."))])
    repeated = PasswordField(
        _l("The same password once more"),
        validators=[
            InputRequired(_l("Type the password once more.")),
            EqualTo("new_password", _l("The two passwords differ. Type both again.")),
        ],
    )

    def refuse(self, refusal: WeakPassword) -> None:
        """Say at the field why the password is not taken."""
        self.new_password.errors = [str(WEAKNESS[refusal.weakness])]
