"""Access given by hand: what it opens, or stops, is shown with the customer's mail before anything is done."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.access.grants import CannotGive, is_over
from portal.queries.access import grants as queries
from portal.queries.access import products
from portal.queries.people import customers
from portal.services import grants
from portal.services.grants import Gift, Preview
from portal.web.admin import bp, presenting, showing
from portal.web.admin.customers.grant_forms import GrantForm, WithdrawalForm, last_day_of
from portal.web.identity import by, context, person
from portal.web.local_days import local_day, today

if TYPE_CHECKING:
    from portal.models import Customer, Grant


@bp.route("/customers/<uuid:customer_id>/grants/new", methods=["GET", "POST"], endpoint="grant_new")
def give(customer_id: uuid.UUID) -> ResponseReturnValue:
    """Ask for product and days, show what that opens and what the customer reads, then give it."""
    merchant_id, now = person().merchant_id, utc_now()
    with context().db.read() as session:
        found = customers.of_merchant(session, merchant_id, customer_id)
        offered = products.names(session, merchant_id)
        form = GrantForm(data={"since": today(), "is_told": found.email is not None})
        form.offer(offered)
        gift = form.gift() if form.validate_on_submit() else None
        seen = _preview(session, found, form, gift, now=now)
    if gift is not None and seen is not None and form.is_confirmed(gift):
        try:
            grants.give(context(), merchant_id, customer_id, gift, by=by(), now=now)
        except CannotGive as error:
            form.refuse(error.why)
        else:
            flash(_("Access given.") + _told(gift, found), "success")
            return _back(customer_id)
    return _page(form, found, seen, products=offered)


@bp.route("/customers/<uuid:customer_id>/grants/<uuid:grant_id>", methods=["GET", "POST"], endpoint="grant")
def change(customer_id: uuid.UUID, grant_id: uuid.UUID) -> ResponseReturnValue:
    """Change the days or the note, shown first as a new one is."""
    merchant_id, now = person().merchant_id, utc_now()
    with context().db.read() as session:
        found = customers.of_merchant(session, merchant_id, customer_id)
        grant = _running(session, merchant_id, customer_id, grant_id, now=now)
        product = products.of_merchant(session, merchant_id, grant.product_id)
        kept = Gift(product_id=grant.product_id, since=grant.since, until=grant.until, note=grant.note, is_told=False)
        form = GrantForm(data=_standing(found, kept))
        gift = form.gift(kept=kept) if form.validate_on_submit() else None
        seen = _preview(session, found, form, gift, grant_id=grant_id, now=now)
    if gift is not None and seen is not None and (_are_days_kept(gift, kept) or form.is_confirmed(gift)):
        try:
            done = grants.change(context(), merchant_id, customer_id, grant_id, gift, by=by(), now=now)
        except CannotGive as error:
            form.refuse(error.why)
        else:
            told = "" if _are_days_kept(gift, kept) else _told(gift, found)
            flash(_("Access changed.") + told if done else _("Nothing was changed."), "success" if done else "info")
            return _back(customer_id)
    return _page(form, found, seen, grant=grant, product=product)


@bp.route(
    "/customers/<uuid:customer_id>/grants/<uuid:grant_id>/withdrawal",
    methods=["GET", "POST"],
    endpoint="grant_withdrawal",
)
def withdraw(customer_id: uuid.UUID, grant_id: uuid.UUID) -> ResponseReturnValue:
    """Say what stops and what stays; on confirmation withdraw it."""
    merchant_id, now = person().merchant_id, utc_now()
    with context().db.read() as session:
        found = customers.of_merchant(session, merchant_id, customer_id)
        grant = _running(session, merchant_id, customer_id, grant_id, now=now)
        product = products.of_merchant(session, merchant_id, grant.product_id)
        seen = grants.preview_withdrawal(context(), session, found, grant, now=now)
    form = WithdrawalForm(data={"is_told": found.email is not None})
    if form.validate_on_submit():
        is_told = form.is_told.data
        grants.withdraw(context(), merchant_id, customer_id, grant_id, is_told=is_told, by=by(), now=now)
        flash(_("Access withdrawn.") + (_mail(found) if is_told else ""), "success")
        return _back(customer_id)
    page = showing.page(
        "grant_withdrawal.html",
        form=form,
        customer=found,
        customer_name=presenting.name_of(found),
        product=product,
        is_ahead=grant.since > now,
        stops=[window.title for window in seen.stops],
        stays=[presenting.closing(window) for window in seen.stays],
        letter=seen,
    )
    return page, 422 if form.errors else 200


def _running(
    session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, grant_id: uuid.UUID, *, now: datetime
) -> Grant:
    """Return a gift that is not over; raise NoResultFound for any other."""
    found = queries.of_merchant(session, merchant_id, customer_id, grant_id)
    if is_over(found, now):
        raise NoResultFound
    return found


def _standing(found: Customer, kept: Gift) -> dict[str, object]:
    return {
        "since": local_day(kept.since),
        "until": last_day_of(kept.until),
        "note": kept.note,
        "is_told": found.email is not None,
    }


def _are_days_kept(gift: Gift, kept: Gift) -> bool:
    """Say whether only the note is another one: nothing opens or closes, and nobody is told."""
    return (gift.since, gift.until) == (kept.since, kept.until)


def _preview(
    session: Session,
    found: Customer,
    form: GrantForm,
    gift: Gift | None,
    *,
    grant_id: uuid.UUID | None = None,
    now: datetime,
) -> Preview | None:
    """Return what it does; None when it cannot be done, and the form says why."""
    if gift is None:
        return None
    try:
        return grants.preview(context(), session, found, gift, grant_id=grant_id, now=now)
    except CannotGive as error:
        form.refuse(error.why)
    except NoResultFound:
        form.product.errors = [_("Choose a product.")]
    return None


def _page(form: GrantForm, found: Customer, seen: Preview | None, **more: object) -> ResponseReturnValue:
    page = showing.page(
        "grant.html",
        form=form,
        customer=found,
        customer_name=presenting.name_of(found),
        opens=[presenting.opening(window, utc_now()) for window in seen.opens] if seen and not form.errors else [],
        letter=seen,
        **{"grant": None, "product": None, "products": None, **more},
    )
    return page, 422 if form.errors else 200


def _told(gift: Gift, found: Customer) -> str:
    return _mail(found) if gift.is_told else ""


def _mail(found: Customer) -> str:
    """Return, after another sentence, that the customer gets a mail."""
    return " " + _("An email goes to %(address)s.", address=found.email) if found.email else ""


def _back(customer_id: uuid.UUID) -> ResponseReturnValue:
    return redirect(url_for(".customer", customer_id=customer_id), 303)
