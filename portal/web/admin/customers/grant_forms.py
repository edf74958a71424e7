"""What staff fill in to give access by hand, to change it, and to withdraw it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, Final

from flask import g
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Row
from wtforms import BooleanField, HiddenField, SelectChoice, SelectField, SubmitField
from wtforms.validators import InputRequired, Optional

from portal.domain.access.grants import GrantProblem
from portal.domain.ends.pauses import start_of_day
from portal.services.grants import Gift
from portal.web.admin.forms import internal_note
from portal.web.csrf import BaseForm
from portal.web.day_field import DayField
from portal.web.local_days import end_of, local_day, today
from portal.web.typed_text import as_id

FARTHEST: Final = 365 * 100  # days, either way: what lies beyond was mistyped


class GrantForm(BaseForm):
    """A product, from one day to another. What a page has not shown is shown first, and nothing is done meanwhile."""

    product = SelectField(_l("Product"), choices=[], validate_choice=False)
    since = DayField(_l("First day"), validators=[InputRequired(_l("Enter the first day of access."))])
    until = DayField(_l("Last day"), description=_l("Leave it empty to give access for good."), validators=[Optional()])
    note = internal_note()
    is_told = BooleanField(_l("Tell the customer by email"))
    shown_for = HiddenField()
    submit = SubmitField(_l("Continue"))
    asks: tuple[str, ...] = ()  # what the page says when something else was shown

    def offer(self, products: Iterable[Row[Any]]) -> None:
        """Offer the merchant's products (rows of id and name)."""
        self.product.choices = [
            SelectChoice("", _l("Choose a product")),
            *(SelectChoice(str(row.id), row.name) for row in products),
        ]

    def gift(self, *, kept: Gift | None = None) -> Gift | None:
        """Return what is wished; None when a day or the product is none, and the field says so.

        `kept`: what stands, whose moments stay as they are where their days do.
        """
        product_id = kept.product_id if kept is not None else as_id(self.product.data)
        if product_id is None:
            self.product.errors = [_("Choose a product.")]
        if product_id is None or not all(map(_is_near, (self.since, self.until))):
            return None
        first, last = self.since.data, self.until.data
        since = start_of_day(first, zone=g.merchant.time_zone)
        until = end_of(last) if last is not None else None
        if kept is not None and first == local_day(kept.since):
            since = kept.since
        if kept is not None and last == last_day_of(kept.until):
            until = kept.until
        return Gift(
            product_id=product_id,
            since=since,
            until=until,
            note=self.note.data or "",
            is_told=self.is_told.data,
        )

    def refuse(self, why: GrantProblem) -> None:
        """Say beside its field why it cannot be given so."""
        field, sentence = PROBLEM[why]
        self[field].errors = [str(sentence)]

    def is_confirmed(self, gift: Gift) -> bool:
        """Whether the page that was sent had shown this very gift."""
        shown, wished = self.shown_for.data or "", shown_for(gift)
        self.shown_for.data = wished
        if shown and shown != wished:
            self.asks = (_("You changed something. This page now shows what it does: check it and confirm again."),)
        return shown == wished


class WithdrawalForm(BaseForm):
    """The page says what stops; this is whether it is told."""

    is_told = BooleanField(_l("Tell the customer by email"))


PROBLEM: Final = {
    GrantProblem.ENDS_BEFORE_START: ("until", _l("The last day is before the first day.")),
    GrantProblem.OVER_ALREADY: ("until", _l("This access would be over already. Choose a last day from today on.")),
    GrantProblem.OVERLAPS: (
        "since",
        _l(
            "This customer already has this product by hand during those days. Change that access, or choose other "
            "days."
        ),
    ),
}


def shown_for(gift: Gift) -> str:
    """Return what of a gift a page shows, in one word."""
    until = gift.until.isoformat() if gift.until else ""
    return f"{gift.product_id}|{gift.since.isoformat()}|{until}|{int(gift.is_told)}"


def last_day_of(until: datetime | None) -> date | None:
    """Return the last day of a time that ends at a moment; None for good."""
    return local_day(until - timedelta(microseconds=1)) if until is not None else None


def _is_near(field: DayField) -> bool:
    if field.data is None:
        return True
    return field.is_within(today() - timedelta(days=FARTHEST), today() + timedelta(days=FARTHEST))
