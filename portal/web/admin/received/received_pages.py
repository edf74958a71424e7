"""What the pages of an end know of a request that came by another way: its id travels in the address, checked here."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.documents.declarations import PARTICULAR, SAID
from portal.domain.ends.received_requests import Way
from portal.domain.law.countries import Field, Function
from portal.domain.people.names import reads_alike
from portal.queries.ends import received_requests
from portal.queries.ends.received_requests import ReceivedRequest
from portal.queries.law import likely_subscriptions, withdrawals
from portal.web import labels
from portal.web.admin import presenting
from portal.web.admin.presenting import Row
from portal.web.formatting import formatter
from portal.web.typed_text import as_id

if TYPE_CHECKING:
    from portal.models import Customer, Subscription


def answered(session: Session, merchant_id: uuid.UUID) -> ReceivedRequest | None:
    """Return the request that the page's address says is answered by what it does; 404 for another merchant's."""
    word = request.args.get("received", "")
    if not word:
        return None
    return received_requests.of_merchant(session, merchant_id, as_id(word) or abort(404))


def waiting(session: Session, subscription: Subscription) -> ReceivedRequest | None:
    """Return what the subscription's customer notified and waits for: any end of it is the answer."""
    return None if subscription.is_over else received_requests.open_of(session, subscription.id)


def not_this_one(received: ReceivedRequest) -> ResponseReturnValue:
    """Send whoever chose another subscription than the one that it names to the page of the request."""
    flash(_("This notice names its subscription: only ending that one answers it."), "warning")
    return redirect(url_for(".received", received_id=received.id), 303)


def sorted_out(
    received: ReceivedRequest, likely: Sequence[Subscription]
) -> tuple[list[Subscription], list[Subscription]]:
    """Return those that it may be about, the product that it names first; and whom only the name speaks for.

    A name alone sets nobody aside: the second ones stand apart only where another one has the request's address.
    """
    if not any(_has_its_address(received, row) for row in likely):
        return list(likely), []
    found, numbers = received.suggested_subscription_id, likely_subscriptions.numbers(received)
    meant = [row for row in likely if row.id == found or row.provider_id in numbers or _has_its_address(received, row)]
    near = sorted(
        meant,
        key=lambda row: (
            row.id != found,
            not _has_its_address(received, row),
            row.is_over,
            not _names_product(received, row),
        ),
    )
    return near, [row for row in likely if row not in meant]


def _has_its_address(received: ReceivedRequest, subscription: Subscription) -> bool:
    return bool(received.email) and subscription.customer.email == received.email


def _names_product(received: ReceivedRequest, subscription: Subscription) -> bool:
    """Say whether the product's name stands in what they say of the contract, whatever the case."""
    return subscription.product.name.casefold() in received.contract.casefold()


def hints(session: Session, received: ReceivedRequest, rows: Sequence[Subscription]) -> dict[uuid.UUID, str]:
    """Return what is said beside the subscriptions among which staff choose."""
    said = strangers(session, received, rows) | _marks(received, rows)
    if (found := received.suggested_subscription_id) is not None:
        before = (
            _("The number in the message belongs to this one.")
            if received.way is Way.NO_LOGIN
            else _("The number or the address that was given is this customer’s.")
            if received.way is Way.PUBLIC_FORM
            else _("It was matched to this one before. The end planned then was taken back.")
        )
        said[found] = " ".join(filter(None, [before, said.get(found, "")]))
    for one in withdrawals.of_several(session, [row.id for row in rows if row.withdrawn_at is not None]):
        gone = _(
            "Withdrawn from on %(date)s: %(reference)s.", date=presenting.day(one.declared_at), reference=one.reference
        )
        said[one.subscription_id] = " ".join(filter(None, [gone, said.get(one.subscription_id, "")]))
    return said


def _marks(received: ReceivedRequest, rows: Sequence[Subscription]) -> dict[uuid.UUID, str]:
    """Return what tells those of its address from their namesakes; of one that it names nobody has to choose."""
    if received.subscription_id is not None:
        return {}
    return {
        row.id: _("Same address, same product") if _names_product(received, row) else _("Same address")
        for row in rows
        if _has_its_address(received, row)
    }


def strangers(session: Session, received: ReceivedRequest | None, rows: Iterable[Subscription]) -> dict[uuid.UUID, str]:
    """Return the warning beside each subscription of somebody else than the customer whose address it bears."""
    owners = received_requests.owners(session, received) if received is not None else ()
    theirs = {owner.id for owner in owners}
    return {row.id: _stranger(owners[0], row) for row in rows if theirs and row.customer_id not in theirs}


def _stranger(owner: Customer, subscription: Subscription) -> str:
    """Return the warning; of two who are called alike their names tell nothing."""
    if reads_alike(presenting.name_of(owner), presenting.name_of(subscription.customer)):
        return _("Another address than the request’s: probably somebody else.")
    return _(
        "This request has %(owner)s’s address. This subscription belongs to %(customer)s, who would see the "
        "reference of the request.",
        owner=presenting.name_of(owner),
        customer=presenting.name_of(subscription.customer),
    )


def product_of(received: ReceivedRequest) -> str:
    """Return the name of the subscription that it names, or whose end answers it; empty while that is not known."""
    ended = received.end_request.subscription if received.end_request is not None else None
    known = received.subscription or ended
    return known.product.name if known is not None else ""


def title(received: ReceivedRequest, product: str) -> str:
    """Return who wants what to end: a notice of the customer's own form, or what staff recorded from elsewhere."""
    if received.way is Way.ACCOUNT_PAGE:
        return _("%(name)s has sent a cancellation notice for “%(product)s”", name=received.name, product=product)
    if received.way is Way.NO_LOGIN:
        return _("%(name)s could not log in", name=received.name)
    if received.function is Function.WITHDRAWAL:
        return _("%(name)s withdraws from a contract", name=received.name)
    if product:
        return _("%(name)s asks to cancel “%(product)s”", name=received.name, product=product)
    return _("%(name)s asks to cancel a subscription", name=received.name)


def particular_rows(received: ReceivedRequest) -> list[Row]:
    """Return what a public page asked beside, as its kind; a ground stands as the customer's own words already."""
    said = received.declaration.particulars if received.declaration is not None else {}
    shown = {name: value for name, value in said.items() if name != Field.GROUND.value}
    return [(_(PARTICULAR[name]), _(SAID.get(value, value))) for name, value in shown.items()]


def received_rows(received: ReceivedRequest) -> list[Row]:
    """Return what was declared, for a summary."""
    rows: list[Row] = [
        (_("Reference"), received.reference),
        (_("Received on"), presenting.asked_on(received.received_at, received.way)),
        (_("By"), str(labels.WAY[received.way])),
        (_("Email address"), received.email or _("none given: nothing was sent to them")),
    ]
    if received.contract:
        is_number = received.way is Way.NO_LOGIN
        rows.append((_("Number from a receipt") if is_number else _("Contract details"), received.contract))
    if received.sent_on is not None:
        rows.append((_("Sent on"), formatter().short_date(received.sent_on)))
    if received.wished_on is not None:
        rows.append((_("Chosen end date"), formatter().short_date(received.wished_on)))
    if received.message:
        rows.append((_("Message") if received.way is Way.NO_LOGIN else _("Customer’s comment"), received.message))
    if received.recorded_by:
        rows.append((_("Recorded by"), received.recorded_by))
    return rows
