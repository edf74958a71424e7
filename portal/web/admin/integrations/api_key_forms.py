"""What owners fill in about a key of the API.

Mode and secret are chosen once: the first by whoever makes it, the second by chance.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    HiddenField,
    IntegerField,
    RadioField,
    SelectMultipleField,
    StringField,
    SubmitField,
    TextAreaField,
)
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput

from portal.domain.integrations import api_keys
from portal.domain.integrations.api_keys import CannotMakeKey, KeyProblem, Mode, Scope
from portal.services.api.api_keys import Wanted
from portal.web.admin.forms import choices
from portal.web.admin.integrations import api_key_words as words
from portal.web.csrf import BaseForm
from portal.web.standing_form import StandingForm
from portal.web.typed_text import one_line, plain

FIELD: Final[Mapping[KeyProblem, str]] = {
    KeyProblem.NO_NAME: "name",
    KeyProblem.LONG_NAME: "name",
    KeyProblem.NO_SCOPE: "reads",
    KeyProblem.NOT_IN_TEST: "acts",
    KeyProblem.BAD_NETWORK: "networks",
    KeyProblem.MANY_NETWORKS: "networks",
    KeyProblem.BAD_LIMIT: "per_minute",
}
ONCE: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


def _ticks(label: LazyString, offered: Mapping[Scope, LazyString]) -> SelectMultipleField:
    return SelectMultipleField(label, choices=choices(offered), option_widget=CheckboxInput())


class ChangeForm(StandingForm):
    """What may be changed of a key at any time."""

    answers = ("name", "reads", "acts", "networks", "per_minute")

    name = StringField(
        _l("Name"),
        description=_l("What uses it, for example “Course site”. Customers never see it."),
        filters=[one_line],
        validators=[
            DataRequired(words.PROBLEM[KeyProblem.NO_NAME]),
            Length(max=api_keys.LONGEST_NAME, message=words.PROBLEM[KeyProblem.LONG_NAME]),
        ],
        render_kw={"autocomplete": "off"},
    )
    reads = _ticks(_l("It may read"), words.READS)
    acts = _ticks(_l("It may act"), words.ACTS)
    networks = TextAreaField(
        _l("Only from these addresses"),
        description=_l("One address or network a line, for example 203.0.113.7. Empty: from anywhere."),
        filters=[plain],
        validators=[Optional(), Length(max=4000, message=_l("This is too long."))],
        render_kw={"spellcheck": "false"},
    )
    per_minute = IntegerField(
        _l("Calls a minute, at most"),
        validators=[
            InputRequired(words.PROBLEM[KeyProblem.BAD_LIMIT]),
            NumberRange(1, api_keys.MOST_PER_MINUTE, message=words.PROBLEM[KeyProblem.BAD_LIMIT]),
        ],
        render_kw={"inputmode": "numeric"},
    )
    submit = SubmitField(_l("Save"))

    def offer(self, mode: Mode) -> None:
        """Offer what a key of that mode may do."""
        left_out = api_keys.NOT_IN_TEST if mode is Mode.TEST else frozenset()
        self.acts.choices = choices({scope: label for scope, label in words.ACTS.items() if scope not in left_out})

    def wanted(self, mode: Mode) -> Wanted | None:
        """Return what the key is to be; None when that cannot be, with the reason beside its field."""
        scopes = [Scope(one) for one in (*(self.reads.data or ()), *(self.acts.data or ()))]
        try:
            return Wanted.typed(self.name.data, mode, scopes, self.networks.data or "", self.per_minute.data)
        except CannotMakeKey as found:
            self.refuse(found)
            return None

    def refuse(self, found: CannotMakeKey) -> None:
        """Say at its field why the key cannot be so."""
        self[FIELD[found.why]].errors = [words.problem(found)]

    @property
    def left_scopes(self) -> frozenset[Scope]:
        """The scopes that whoever sends this has not touched."""
        groups = {"reads": words.READS, "acts": words.ACTS}
        return frozenset(scope for name in groups.keys() & self.untouched for scope in groups[name])


class NewForm(ChangeForm):
    """A new key."""

    mode = RadioField(
        _l("For what?"), choices=choices(words.MODE), validators=[InputRequired(_l("Choose “Live” or “Test”."))]
    )
    once = HiddenField()  # of this very page: sent twice, it makes one key
    submit = SubmitField(_l("Create the key"))

    def begin(self) -> None:
        """Give the page its number, unless it was sent with one."""
        if not ONCE.fullmatch(self.once.data or ""):
            self.once.data = uuid.uuid4().hex

    def key_id(self, merchant_id: uuid.UUID) -> uuid.UUID:
        """Return the id of the key that this page makes: no other merchant's page comes to the same."""
        return uuid.uuid5(merchant_id, self.once.data)


class RotationForm(BaseForm):
    """When the old key ends, once there is a new one."""

    ends = RadioField(
        _l("When does the old key stop working?"),
        choices=choices({"later": _l("In 24 hours"), "now": _l("Right away")}),
        default="later",
        validators=[InputRequired(_l("Choose one."))],
    )
    submit = SubmitField(_l("Create the new key"))

    @property
    def overlap(self) -> timedelta:
        """How long both are good."""
        return timedelta(0) if self.ends.data == "now" else api_keys.OVERLAP


class RevocationForm(BaseForm):
    """The wish to end a key at once."""

    submit = SubmitField(_l("Revoke the key"))


def hints() -> dict[str, str]:
    """Return what each answer of the radios means."""
    return {
        **{mode.value: str(about) for mode, about in words.ABOUT_MODE.items()},
        "later": _("Both keys work until then: put the new one in place without haste."),
        "now": _("What still uses the old key is refused from the next call on. Choose this if somebody else has it."),
    }
