"""The card of a change of address that its former mailbox contests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import url_for
from flask_babel import gettext as _

from portal.domain.ends import duties
from portal.domain.ends.duties import Duty
from portal.domain.people.email_addresses import shown
from portal.domain.policies import Role
from portal.queries.inbox import Item
from portal.web.admin import presenting
from portal.web.admin.inbox.card_parts import Card, Way

if TYPE_CHECKING:
    from portal.models import AddressHold, Customer


def of_hold(item: Item, role: Role) -> Card:
    """Return it; deciding has a page of its own, which says what each answer does."""
    hold: AddressHold
    customer: Customer
    hold, customer = item.about
    decide = url_for(".customer_address_hold", customer_id=customer.id, hold_id=hold.id)
    return Card(
        title=_(
            "%(customer)s – change of email address",
            customer=presenting.customer_name(customer.name, customer.email),
        ),
        url=url_for(".customer", customer_id=customer.id),
        label=_("Contested"),
        happened=_(
            "The customer’s address was changed from their account page. From the former mailbox somebody said: this "
            "was not me."
        ),
        todo=_("Reach the customer another way, then keep the address or restore the former one."),
        rows=[
            (_("Former address"), shown(hold.former_email)),
            (_("Address now"), shown(customer.email or hold.email)),
            (_("Changed on"), presenting.short(hold.created_at)),
            (_("Contested on"), presenting.short(hold.held_at)),
        ],
        ways=[Way(label=_("Decide…"), url=decide)] if duties.may(role, Duty.CUSTOMERS) else [],
    )
