"""The time zones that a form offers: those of the portal's countries first thought of, and any other that is set."""

from __future__ import annotations

from typing import Final
from zoneinfo import available_timezones

from flask_babel import gettext as _
from wtforms import SelectChoice, SelectField, ValidationError

from portal.web.formatting import formatter

COMMON_ZONES: Final = (
    "Europe/Paris",
    "Europe/Brussels",
    "Europe/Zurich",
    "Europe/Luxembourg",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Madrid",
    "Europe/Berlin",
    "America/Guadeloupe",
    "America/Martinique",
    "America/Cayenne",
    "America/Miquelon",
    "Indian/Reunion",
    "Indian/Mayotte",
    "Pacific/Noumea",
    "Pacific/Tahiti",
    "Pacific/Wallis",
    "Africa/Casablanca",
    "Africa/Dakar",
    "America/Montreal",
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Tokyo",
    "Australia/Sydney",
    "UTC",
)


def choices(current: str = "") -> list[SelectChoice]:
    """Return the usual zones by their cities in the reader's language, and before them the one that is set."""
    zones = COMMON_ZONES if current in ("", *COMMON_ZONES) else (current, *COMMON_ZONES)
    return [SelectChoice(zone, formatter().city(zone)) for zone in zones]


def check(field: SelectField) -> None:
    """Raise ValidationError for a zone that this machine does not know."""
    if field.data not in available_timezones():
        raise ValidationError(_("Choose a time zone from the list."))
