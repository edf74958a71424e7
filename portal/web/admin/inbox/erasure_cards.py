"""The card of an erasure that PayPal holds up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import url_for
from flask_babel import gettext as _

from portal.domain.policies import Role
from portal.queries.inbox import Item
from portal.web.admin import presenting
from portal.web.admin.inbox.card_parts import Card, Way

if TYPE_CHECKING:
    from portal.models import Customer, CustomerErasure


def of_waiting(item: Item, role: Role) -> Card:
    """Return it: nothing is decided here, the end at PayPal is what is missing."""
    erasure: CustomerErasure
    customer: Customer
    erasure, customer = item.about
    page = url_for(".customer", customer_id=customer.id)
    return Card(
        title=_("%(customer)s – erasure of data", customer=presenting.customer_name(customer.name, customer.email)),
        url=page,
        label=_("Erasure held up"),
        state="warn",
        happened=_(
            "The customer asked to be erased. PayPal has not confirmed the end of a subscription for two weeks, and "
            "nothing is erased before that. The law gives one month to answer."
        ),
        todo=_(
            "Cancel the subscription in your PayPal account, then check it again at the desk. The erasure follows by "
            "itself."
        ),
        rows=[(_("Requested on"), presenting.short(erasure.created_at)), (_("Reference"), erasure.reference)],
        ways=[Way(label=_("See the customer"), url=page)],
    )
