"""A form beside which stands how a subscription would end: at once, or on a day of its own."""

from __future__ import annotations

from typing import Final

from wtforms import HiddenField
from wtforms.validators import AnyOf, Optional

from portal.web.csrf import DrawnForm

PLANNED, AT_ONCE = "planned", "at_once"
MEANS: Final = {PLANNED: True, AT_ONCE: False}


class EndingForm(DrawnForm):
    """Whoever read « on a day, and it can be undone » confirms no end at once: PayPal's dates may have changed."""

    shows = HiddenField(validators=[Optional(), AnyOf(list(MEANS))])

    def show(self, *, is_planned: bool) -> None:
        """Note what the page shows that is being drawn."""
        self.shows.data = PLANNED if is_planned else AT_ONCE

    @property
    def showed_planned(self) -> bool | None:
        """Whether the page that was sent showed an end that waits; None where it does not say."""
        return MEANS.get(self.shows.data or "")
