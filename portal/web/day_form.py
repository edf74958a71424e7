"""The day on which an end is wished, for both faces: the page shows what it changes before anybody confirms it.

It stands in the form of the confirmation itself, so that whichever button is pressed, the day that was typed arrives:
one that the page has not shown is shown first, and nothing is done meanwhile (cancellation.md, deciding test 26).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import ValidationError
from wtforms.validators import Optional

from portal.domain.dates.end_dates import may_be_wished
from portal.web import drafts
from portal.web.day_field import DayField
from portal.web.form_words import PlainForm
from portal.web.local_days import local_day

FIELDS: Final = frozenset({"on", "shown_for", "show"})  # what stands of it in the form of the confirmation
TYPED: Final = "1"  # `show` for the day of the field
SOONEST: Final = "soonest"  # `show` for no day at all


class DayForm(PlainForm):
    """The day on which an end is wished: of the form that was sent, else of the address."""

    on = DayField(
        _l("End date"),
        description=_l("Payments due before that day will still be taken. Leave it empty to end as soon as possible."),
        validators=[Optional()],
    )
    today: date
    asks: tuple[str, ...] = ()  # what the page says when the day had not been shown

    @property
    def shown_for(self) -> str:
        """The day whose changes this page shows."""
        return self.on.data.isoformat() if self.on.data and not self.errors else ""

    @property
    def is_confirmed(self) -> bool:
        """Whether the page that was sent had shown this very day, and its sender wants more than to see another one."""
        if "show" in request.form or self.errors:
            return False
        if request.form.get("shown_for", request.args.get("on", "")) == self.shown_for:
            return True
        self.asks = (_("You chose another day. This page now shows what it changes: check it and confirm again."),)
        return False

    @property
    def day(self) -> date | None:
        """The day that was chosen; None for none, or one that cannot be."""
        return None if self.errors else self.on.data

    def validate_on(self, field: DayField) -> None:
        """Take a day that lies ahead, within two years."""
        if field.data and not may_be_wished(field.data, today=self.today):
            raise ValidationError(str(_l("Choose a day from tomorrow on, within two years.")))


def chosen_day(
    now: datetime, *, wished_on: date | None = None, is_stale: bool = False, said: str | None = None
) -> DayForm:
    """Return the validated form of the day sent, of the address, or typed before the session ran out; empty: none.

    A button that shows what another day changes brings that day (`show`), or none for as soon as possible; a day that
    was typed meanwhile goes before it, since Enter in the field presses whichever button comes first.  `wished_on`: the
    day of the notification that the end answers; where nobody has chosen yet, it is proposed.  So it is to whoever
    chose none on a page that may not have known of it (`is_stale`).  `said`: what another field of the form says
    instead of the day's own; empty: no day.
    """
    today = local_day(now)
    given = request.form if "on" in request.form else request.args
    kept = drafts.typed("on") if request.method == "GET" and "on" not in given else None
    is_open = not given.get("on") if is_stale else "on" not in given
    if kept is None and is_open and wished_on is not None and wished_on > today:
        kept = wished_on.isoformat()
    if said is not None and not (is_stale and not said):
        kept = said
    offered = request.form.get("show", TYPED)
    if offered != TYPED and request.form.get("on", "") == request.form.get("shown_for", ""):
        kept = "" if offered == SOONEST else offered
    form = DayForm(MultiDict({"on": kept}) if kept is not None else given)
    form.today = today
    form.validate()
    return form
