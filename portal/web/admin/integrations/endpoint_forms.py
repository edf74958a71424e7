"""What owners fill in about endpoints for events."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    RadioField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    SubmitField,
    ValidationError,
)
from wtforms.validators import DataRequired, InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput

from portal.domain.integrations.outgoing_events import (
    CHOSEN,
    LONGEST_DESCRIPTION,
    BadAddress,
    EventType,
)
from portal.services.outgoing.event_endpoints import Wish
from portal.web.admin.forms import choices
from portal.web.admin.integrations import endpoint_words as words
from portal.web.admin.messages.event_forms import midnight
from portal.web.csrf import BaseForm
from portal.web.day_field import DayField
from portal.web.form_words import PlainForm
from portal.web.local_days import today
from portal.web.standing_form import StandingForm
from portal.web.typed_text import one_line

if TYPE_CHECKING:
    from portal.models import EventEndpoint

DAYS: Final = 30  # that the log is kept


COLUMNS: Final = {"content": "is_full", "world": "environment"}  # of the answers that are named otherwise there


class EndpointForm(StandingForm):
    """Where events are sent, which ones, and how much they say."""

    answers = ("address", "description", "content", "world", "types")

    address = StringField(
        _l("Address"),
        description=_l("A public https address of your system, for example https://www.example.com/events."),
        filters=[one_line],
        validators=[DataRequired(_l("Enter the address."))],
        render_kw={"inputmode": "url", "spellcheck": "false", "autocapitalize": "none"},
    )
    description = StringField(
        _l("What it is for"),
        filters=[one_line],
        validators=[Optional(), Length(max=LONGEST_DESCRIPTION, message=_l("Write at most 200 characters."))],
    )
    content = RadioField(
        _l("What an event says"),
        choices=choices(words.CONTENT),
        default="thin",
        validators=[InputRequired(_l("Choose what an event says."))],
    )
    world = RadioField(
        _l("Of which subscriptions"),
        choices=choices(words.WORLD),
        default="both",
        validators=[InputRequired(_l("Choose of which subscriptions it is told."))],
    )
    types = SelectMultipleField(
        _l("Which events"),
        description=_l("Tick none to receive all of them, also those that come later."),
        choices=[SelectChoice(one.value, one.value) for one in CHOSEN],
        option_widget=CheckboxInput(),
        validators=[Optional()],
    )
    submit = SubmitField(_l("Save"))

    @classmethod
    def of(cls, endpoint: EventEndpoint) -> Self:
        """Return the form as an endpoint stands, or as it was sent."""
        return cls(data=standing_of(endpoint))

    @property
    def columns_left(self) -> frozenset[str]:
        """The columns that whoever sends this has not touched."""
        return frozenset(COLUMNS.get(name, name) for name in self.untouched)

    @property
    def wish(self) -> Wish:
        """What was filled in."""
        return Wish(
            address=self.address.data,
            description=self.description.data or "",
            types=[EventType(one) for one in self.types.data or ()],
            is_full=self.content.data == "full",
            environment=None if self.world.data == "both" else self.world.data,
        )

    def refuse(self, bad: BadAddress) -> None:
        """Say at the field why the address cannot be one."""
        self.address.errors = [words.BAD_ADDRESS[str(bad)]]


def standing_of(endpoint: EventEndpoint) -> dict[str, object]:
    """Return what the form of an endpoint shows first, ticks in the order in which they are offered."""
    return {
        "address": endpoint.address,
        "description": endpoint.description,
        "types": [one.value for one in CHOSEN if one.value in endpoint.types],
        "content": "full" if endpoint.is_full else "thin",
        "world": endpoint.environment or "both",
    }


class ReplayForm(BaseForm):
    """The days whose events are sent again, both included, in the merchant's time zone."""

    start = DayField(_l("First day"), validators=[InputRequired(_l("Enter the first day, for example 03/04/2026."))])
    end = DayField(_l("Last day"), validators=[InputRequired(_l("Enter the last day, for example 05/04/2026."))])
    only_failed = BooleanField(_l("Only those that were not delivered"), default=True)
    submit = SubmitField(_l("Send again"))

    @classmethod
    def usual(cls) -> Self:
        """Return it for the days of late, or as it was sent."""
        return cls(start=today() - timedelta(days=3), end=today())

    def validate_end(self, field: DayField) -> None:
        """A span has to begin before it ends, and not before the log does."""
        if field.data and self.start.data and field.data < self.start.data:
            raise ValidationError(str(_l("The last day comes before the first.")))

    def validate_start(self, field: DayField) -> None:
        """Nothing older is known."""
        if field.data and field.data < today() - timedelta(days=DAYS):
            raise ValidationError(str(_l("At most 30 days back: older events are deleted.")))

    @property
    def span(self) -> tuple[datetime, datetime]:
        """From the first midnight to the one after the last day, in UTC; nothing was written on days to come."""
        last: date = min(self.end.data, today())
        return midnight(self.start.data), midnight(last + timedelta(days=1))


class DeliveryFilter(PlainForm):
    """What the log is narrowed by; a GET form without token."""

    state = SelectField(_l("Status"), validate_choice=False)

    def offer(self) -> None:
        """Offer all, and those in one of the states."""
        self.state.choices = [SelectChoice("", _l("All")), *choices(words.DELIVERY)]


class RemovalForm(BaseForm):
    """The wish to forget an endpoint."""

    submit = SubmitField(_l("Remove the endpoint"))


class SecretForm(BaseForm):
    """The wish for a new secret."""

    submit = SubmitField(_l("Create a new secret"))
