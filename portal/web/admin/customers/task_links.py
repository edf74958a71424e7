"""« A link for this customer »: it opens one task, and is shown once or mailed to the address on file."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import flash, g, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectField, StringField, SubmitField, ValidationError
from wtforms.validators import Length, Optional

from portal.clock import utc_now
from portal.domain import policies
from portal.domain.integrations.return_addresses import LONGEST, is_allowed
from portal.domain.integrations.task_links import OFFERED, TASKS, TaskKind, page_of
from portal.domain.merchants.sections import Section
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action, Status, actions_from
from portal.queries import subscriptions
from portal.queries.people import customers
from portal.queries.people import task_links as stored
from portal.services.people import task_offers
from portal.services.people.task_offers import Offer
from portal.services.rules import settings_of
from portal.web import addresses
from portal.web.admin import bp, presenting, showing
from portal.web.csrf import BaseForm
from portal.web.identity import by, context, customers_address, person
from portal.web.typed_text import one_line

if TYPE_CHECKING:
    from portal.models import Customer, Subscription


class LinkForm(BaseForm):
    """What the link opens, where it leads back to, and how it reaches the customer."""

    task = SelectField(_l("What the link opens"), choices=[])
    return_to = StringField(
        _l("Where it leads back to"),
        filters=[one_line],
        validators=[Optional(), Length(max=LONGEST, message=_l("This address is too long."))],
        render_kw={"inputmode": "url", "spellcheck": "false", "autocapitalize": "none"},
    )
    is_mailed = BooleanField(_l("Email it to the customer instead of showing it here"))
    submit = SubmitField(_l("Make the link"))
    named: Sequence[str] = ()  # the merchant's list of return addresses

    def validate_return_to(self, field: StringField) -> None:
        """Take only what the merchant has named, or what lies below it."""
        if field.data and not is_allowed(field.data, self.named):
            raise ValidationError(_("This address is not on your list of return addresses, or below one of them."))

    def offer(self) -> Offer:
        """Return what was chosen."""
        kind, _colon, subscription_id = self.task.data.partition(":")
        return Offer(
            kind=TaskKind(kind),
            subscription_id=uuid.UUID(subscription_id) if subscription_id else None,
            return_to=self.return_to.data or "",
            is_mailed=bool(self.is_mailed.data),
        )


@bp.route("/customers/<uuid:customer_id>/link", methods=["GET", "POST"], endpoint="customer_link")
def make(customer_id: uuid.UUID) -> ResponseReturnValue:
    """Ask what it opens; then show it, this once, or mail it."""
    merchant_id, now = person().merchant_id, utc_now()
    with context().db.read() as session:
        found = customers.of_merchant(session, merchant_id, customer_id)
        held = subscriptions.all_of_customer(session, merchant_id, customer_id)
        open_ones = stored.open_by_hand(session, merchant_id, customer_id, now=now)
    form = LinkForm()
    form.task.choices, form.named = _choices(found, held), g.merchant.return_addresses
    if not found.email:
        del form.is_mailed
    if form.task.choices and form.validate_on_submit():
        offer = form.offer()
        made = task_offers.make(context(), merchant_id, customer_id, offer, by=by(), now=now)
        if not offer.is_mailed:
            url = customers_address(made.path)
            return showing.page("customer_link_made.html", customer=found, url=url, until=made.expires_at)
        flash(_("The link is on its way to the customer. It is good for two days."), "success")
        return redirect(url_for(".customer", customer_id=customer_id), 303)
    page = showing.page(
        "customer_link.html",
        form=form,
        customer=found,
        customer_name=presenting.customer_name(found.name, found.email),
        named=form.named,
        links=[(link, _words(link.kind, _product(held, link.subscription_id))) for link in open_ones],
    )
    return page, 422 if form.errors else 200


@bp.post("/customers/<uuid:customer_id>/link/<uuid:link_id>/withdrawal", endpoint="customer_link_withdrawal")
def withdraw(customer_id: uuid.UUID, link_id: uuid.UUID) -> ResponseReturnValue:
    """Let a link open nothing any more."""
    is_done = task_offers.withdraw(context(), person().merchant_id, customer_id, link_id, by=by(), now=utc_now())
    if is_done:
        flash(_("This link now opens nothing."), "success")
    else:
        flash(_("This link had been used or withdrawn already."), "info")
    return redirect(url_for(".customer_link", customer_id=customer_id), 303)


def _choices(found: Customer, held: list[Subscription]) -> list[tuple[str, str]]:
    """Return the tasks that make sense for the customer now; what acts needs an address for its code."""
    about = [(kind, one) for one in held for kind in OFFERED if _makes_sense(kind, one, found)]
    whole = [kind for kind in OFFERED if not TASKS[kind].is_about_subscription and _has_page(kind)]
    return [
        *((f"{kind.value}:{one.id}", _words(kind, one.product.name)) for kind, one in about),
        *((kind.value, _words(kind, "")) for kind in whole),
    ]


def _makes_sense(kind: TaskKind, one: Subscription, found: Customer) -> bool:
    if kind is TaskKind.CANCEL:
        may = policies.may(Actor.CUSTOMER, Action.CANCEL, settings_of(g.merchant, one, now=utc_now()))
        return bool(found.email) and may and Action.CANCEL in actions_from(one.status)
    return kind is TaskKind.LATE and one.status in (Status.PAST_DUE, Status.PAUSED)


def _has_page(kind: TaskKind) -> bool:
    """Say whether the page is there; the merchant may have left it out of the customers' space."""
    if kind is TaskKind.PAYMENTS and not g.merchant.shows(Section.PAYMENTS):
        return False
    return addresses.safe_path(f"/account/{g.merchant.slug}/{page_of(kind, None)}") is not None


def _product(held: list[Subscription], subscription_id: uuid.UUID | None) -> str:
    return next((one.product.name for one in held if one.id == subscription_id), "")


def _words(kind: TaskKind, product: str) -> str:
    match kind:
        case TaskKind.CANCEL:
            return _("Cancel “%(product)s”", product=product)
        case TaskKind.LATE:
            return _("A late payment of “%(product)s”", product=product)
        case TaskKind.ACCESS:
            return _("See what is open")
        case TaskKind.PAYMENTS:
            return _("See payments and receipts")
        case TaskKind.NONE:  # no link of the desk's opens it
            return _("The whole account")
