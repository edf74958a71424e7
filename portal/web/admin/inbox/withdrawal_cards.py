"""The card of a withdrawal whose refund is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import url_for
from flask_babel import gettext as _

from portal.domain.policies import Role
from portal.queries.inbox import Item
from portal.web.admin import presenting
from portal.web.admin.inbox.card_parts import Card, Way, whose
from portal.web.admin.withdrawals import withdrawal_words

if TYPE_CHECKING:
    from portal.models import Withdrawal


def of_waiting(item: Item, role: Role) -> Card:
    """Return it: what happened, the sum, and the day by which the law wants it back."""
    found: Withdrawal = item.about
    page = url_for(".withdrawal", withdrawal_id=found.id)
    return Card(
        title=whose(item),
        url=page,
        label=_("Withdrawal from the contract"),
        state="warn",
        happened=withdrawal_words.happened(found),
        todo=withdrawal_words.todo(found),
        rows=[
            (_("Reference"), found.reference),
            (_("Declared on"), presenting.declared_on(found)),
            (_("To be refunded by"), presenting.day(found.refund_due_at)),
        ],
        ways=[Way(label=_("See the withdrawal"), url=page, kind="primary")],
    )
