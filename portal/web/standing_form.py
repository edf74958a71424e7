"""A form of answers that others may change too: what somebody has not touched is not written back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar

from wtforms import HiddenField
from wtforms.validators import Length, Optional

from portal.web.csrf import BaseForm


class StandingForm(BaseForm):
    """It carries what its page showed first (`show`), and says which of its `answers` still are so."""

    answers: ClassVar[tuple[str, ...]] = ()

    shown = HiddenField(validators=[Optional(), Length(max=6000)])

    def show(self, standing: Mapping[str, object]) -> None:
        """Carry what the page shows first."""
        self.shown.data = json.dumps(standing)

    @property
    def untouched(self) -> frozenset[str]:
        """The answers that are still as the page showed them; none, where it does not say."""
        try:
            first = json.loads(self.shown.data or "{}")
        except ValueError:
            first = {}
        if not isinstance(first, dict):
            return frozenset()
        return frozenset(name for name in first if name in self.answers and getattr(self, name).data == first[name])
