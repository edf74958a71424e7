"""What customers fill in of themselves."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, EmailField, SelectChoice, SelectField, StringField, SubmitField
from wtforms.validators import Length, Optional

from portal.domain.people.profiles import LONGEST_NAME, Answer
from portal.web import time_zones
from portal.web.csrf import BaseForm
from portal.web.formatting import formatter
from portal.web.labels import LANGUAGE
from portal.web.login_fields import EMAIL_RULES
from portal.web.standing_form import StandingForm
from portal.web.typed_text import one_line

OF_THE_SHOP = ""  # no time zone of their own


class ProfileForm(StandingForm):
    """Name, language, time zone, and the two sorts of mail that can be switched off."""

    answers = tuple(Answer)

    name = StringField(
        _l("Name"),
        description=_l("It is how you are greeted in emails."),
        filters=[one_line],
        validators=[Optional(), Length(max=LONGEST_NAME, message=_l("This name is too long: at most 300 characters."))],
        render_kw={"maxlength": False},  # a browser would cut what is pasted, and say nothing
    )
    locale = SelectField(_l("Language"), choices=[SelectChoice(code, name) for code, name in LANGUAGE.items()])
    time_zone = SelectField(
        _l("Time zone"),
        description=_l("Dates and times are shown in it, here and in emails; proofs keep the shop’s."),
        validate_choice=False,
    )
    reminders_allowed = BooleanField(
        _l("Reminders about your access"),
        description=_l("Three days before it ends, and on the day."),
    )
    contact_allowed = BooleanField(
        _l("Invitations to come back"),
        description=_l("In emails and on this site, after a cancellation."),
    )
    submit = SubmitField(_l("Save"))

    def offer_zones(self, current: str) -> None:
        """Offer the shop's zone, the usual ones, and the one that is set."""
        shops = _("The shop’s (%(zone)s)", zone=formatter().city(g.merchant.time_zone))
        self.time_zone.choices = [SelectChoice(OF_THE_SHOP, shops), *time_zones.choices(current)]

    def validate_time_zone(self, field: SelectField) -> None:
        """Take any zone that this machine knows, or none."""
        if field.data != OF_THE_SHOP:
            time_zones.check(field)

    @property
    def touched(self) -> dict[str, Any]:
        """What was changed, by the name of its column."""
        said = {name: getattr(self, name).data for name in self.answers if name not in self.untouched}
        return {name: None if name == Answer.TIME_ZONE and not value else value for name, value in said.items()}


class AddressForm(BaseForm):
    """Another address."""

    email = EmailField(
        _l("New email address"),
        description=_l("An email with a button goes there. The address changes once the button is pressed."),
        filters=[one_line],
        validators=EMAIL_RULES,
    )
    submit = SubmitField(_l("Send the confirmation email"))
