"""Coming back: what it means, the way to PayPal's page, and what is known afterwards (docs/decisions/0010).

What PayPal, or a stranger, puts into the addresses of the two pages that PayPal leads back to is not read: only a
read at PayPal says that something was approved.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.documents.orders import EXPRESS_VERSION, express_request, order_words
from portal.domain.ends.comebacks import ComebackState, check, start_at
from portal.domain.errors import Denial, NotAllowed
from portal.domain.law.orders import order_button
from portal.mail.facts import OrderWords
from portal.mail.letterhead import one_line
from portal.queries import holdings, subscriptions
from portal.queries.access import products
from portal.queries.ends import comebacks
from portal.queries.holdings import Holding
from portal.services.carrying import comeback_calls, comeback_watching
from portal.services.carrying.comeback_calls import VISITOR
from portal.services.carrying.comeback_watching import Looked
from portal.services.comebacks import Wish, give_up, has_outdated_link, is_offered, start
from portal.services.orders import ordered_by
from portal.services.people.acting import by_person, channel_of
from portal.services.rules import access_left
from portal.web import labels, locale
from portal.web.csrf import EmptyForm
from portal.web.customer import bp, presenting
from portal.web.customer.forms import ComebackForm
from portal.web.customer.presenting import Row
from portal.web.first_tries import try_now
from portal.web.formatting import formatter
from portal.web.identity import context, person

SAID: Final = {
    Looked.APPROVED: (_l("PayPal shows your approval."), "success"),
    Looked.NOT_YET: (_l("PayPal does not show your approval yet. Nothing is charged without it."), "info"),
    Looked.GONE: (_l("PayPal no longer recognises this link. Nothing was charged."), "warning"),
    Looked.UNKNOWN: (
        _l("PayPal is not answering at the moment, so we have nothing new to tell you. We will keep checking."),
        "warning",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Where an attempt stands, in plain values."""

    id: uuid.UUID
    state: ComebackState
    trouble: LazyString | None
    rows: tuple[Row, ...]
    starts: str | None  # the day, when it lies ahead
    price: str
    approval_url: str | None  # only while it may be used
    is_outdated: bool  # more is paid by now than its start allows for
    may_come_back: bool
    old_id: uuid.UUID
    new_id: uuid.UUID | None
    new_starts: str | None
    approved_at: str | None
    order: OrderWords | None
    order_button: str  # what the law wants written on it


@bp.route("/subscriptions/<uuid:subscription_id>/comeback", methods=["GET", "POST"])
def comeback_start(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Say what coming back means; on the button have it prepared at PayPal, and show the way there."""
    who, now = person(), utc_now()
    with context().db.read() as session:
        held = holdings.of_customer(session, who.merchant_id, who.id, subscription_id)
        product = _bought(session, held)
    form = ComebackForm()
    form.begins_early.label.text = express_request(formatter().words, g.merchant.name)
    if form.validate_on_submit():
        return _to(_start(subscription_id, begins_early=form.begins_early.data))
    newest = held.prospect.newest if held.prospect is not None else None
    stands = newest is not None and (newest.is_open or newest.state is ComebackState.APPROVED)
    if newest is not None and stands and not has_outdated_link(newest, held.prospect, now=now):
        return _to(newest.id, code=303 if form.is_submitted() else 302)
    if held.prospect is None:
        raise NotAllowed(Denial.NO_COMEBACK)
    if held.prospect.elsewhere is not None:
        return _to(held.prospect.elsewhere.id, code=302)
    check(held.prospect.standing)
    starts = start_at(held.prospect.paid_until, now=now)
    page = render_template(
        "customer/comeback_start.html",
        form=form,
        subscription_id=subscription_id,
        product=product,
        price=presenting.price(held),
        starts=formatter().day(starts) if starts else None,
        without_gap=_is_without_gap(held),
        keeps_all=_keeps_all(held),
        may_come_back=is_offered(held.prospect, g.merchant),
    )
    return page, 422 if form.errors else 200


@bp.get("/comebacks/<uuid:comeback_id>")
def comeback(comeback_id: uuid.UUID) -> ResponseReturnValue:
    """Show where an attempt stands; while PayPal waits for the approval, the way there."""
    return render_template("customer/comeback.html", shown=_shown(comeback_id, now=utc_now()), came="")


@bp.get("/comebacks/<uuid:comeback_id>/return")
def comeback_return(comeback_id: uuid.UUID) -> ResponseReturnValue:
    """PayPal leads here after the approval. It is believed when a read shows it."""
    return render_template("customer/comeback.html", shown=_shown(comeback_id, now=utc_now()), came="return")


@bp.get("/comebacks/<uuid:comeback_id>/cancelled")
def comeback_cancelled(comeback_id: uuid.UUID) -> ResponseReturnValue:
    """PayPal leads here when the buyer turned back. Nothing is dropped by that."""
    return render_template("customer/comeback.html", shown=_shown(comeback_id, now=utc_now()), came="cancelled")


@bp.post("/comebacks/<uuid:comeback_id>/reading")
def comeback_reading(comeback_id: uuid.UUID) -> ResponseReturnValue:
    """Look at PayPal now whether the approval is there."""
    who = person()
    with context().db.read() as session:
        comebacks.of_customer(session, who.merchant_id, who.id, comeback_id)
    if EmptyForm().validate_on_submit():
        looked = comeback_watching.look(context(), who.merchant_id, comeback_id, patience=VISITOR, insist=True)
        flash(*SAID[looked])
    return _to(comeback_id)


@bp.post("/comebacks/<uuid:comeback_id>/withdrawal")
def comeback_withdrawal(comeback_id: uuid.UUID) -> ResponseReturnValue:
    """Drop an attempt that nobody has approved."""
    who = person()
    if EmptyForm().validate_on_submit():
        give_up(context(), who.merchant_id, who.id, comeback_id, by=by_person(who), now=utc_now())
    return _to(comeback_id)


def _start(subscription_id: uuid.UUID, *, begins_early: bool) -> uuid.UUID:
    """Record the wish, then try PayPal while the customer waits. Return the attempt that now stands."""
    who = person()
    wish = Wish(
        merchant_id=who.merchant_id,
        customer_id=who.id,
        customer_name=who.signature,
        member_id=who.member.id if who.member is not None else None,
        subscription_id=subscription_id,
        language=locale.current(),
        channel=channel_of(who),
        express_version=EXPRESS_VERSION if begins_early else "",
    )
    started = start(context(), wish, now=utc_now())
    if started.is_new:
        try_now(comeback_calls.create, started.comeback_id, insist=True)
    return started.comeback_id


def _shown(comeback_id: uuid.UUID, *, now: datetime) -> Shown:
    who, fmt = person(), formatter()
    with context().db.read() as session:
        found = comebacks.of_customer(session, who.merchant_id, who.id, comeback_id)
        held = holdings.of_customer(session, who.merchant_id, who.id, found.subscription_id)
        product = _bought(session, held)
        arrived = (
            subscriptions.by_provider_id(
                session, who.merchant_id, environment=found.environment, provider_id=found.provider_id
            )
            if found.provider_id and found.state is ComebackState.APPROVED
            else None
        )
    offered = is_offered(held.prospect, g.merchant)
    outdated = offered and has_outdated_link(found, held.prospect, now=now)
    begins = arrived.started_at if arrived is not None else None
    ordered = ordered_by(found, product=product, merchant=g.merchant, base_url=context().base_url)
    starts = fmt.day(found.start_at) if found.start_at is not None else None
    price = fmt.price(found.price, found.interval_unit, found.interval_count)
    return Shown(
        id=found.id,
        state=found.state,
        trouble=labels.COMEBACK_TROUBLE[found.trouble] if found.trouble is not None else None,
        rows=(
            *(() if ordered is not None else ((_("Subscription"), product), (_("Price"), price))),
            (_("Status"), str(labels.COMEBACK_STATE[found.state])),
            *(() if ordered is not None else ((_("Starts on"), starts or _("the day of your approval")),)),
            (_("PayPal subscription ID"), found.provider_id or _("not yet")),
        ),
        starts=starts,
        price=price,
        approval_url=(
            found.approval_url
            if offered and not outdated and found.state is ComebackState.WAITING and who.may_change
            else None
        ),
        is_outdated=outdated,
        may_come_back=offered,
        old_id=found.subscription_id,
        new_id=arrived.id if arrived is not None else None,
        new_starts=fmt.day(begins) if begins is not None and begins > now else None,
        approved_at=presenting.known_moment(found.approved_at),
        order=order_words(ordered, fmt) if ordered is not None else None,
        order_button=order_button(locale.current()),
    )


def _sells_another(held: Holding) -> bool:
    """Say whether the plan was moved since: it sells another product than the one that has ended."""
    plan = held.subscription.plan
    return plan is not None and plan.product_id != held.subscription.product_id


def _bought(session: Session, held: Holding) -> str:
    """Return the name of what coming back buys."""
    plan = held.subscription.plan
    if plan is None or not _sells_another(held):
        return presenting.product_name(held)
    (product,) = products.some(session, {plan.product_id})
    return one_line(product.name) or presenting.product_name(held)


def _is_without_gap(held: Holding) -> bool:
    """Say whether what the old one opened stays open until the new one starts, which opens the same."""
    if _sells_another(held):
        return False
    left = access_left(held.subscription, held.grants)
    paid_until = held.prospect.paid_until if held.prospect is not None else None
    return left.until is not None and paid_until is not None and left.until >= paid_until


def _keeps_all(held: Holding) -> bool:
    """Say whether all that the old one opened stays open for good: then nothing starts again with the new one."""
    left = access_left(held.subscription, held.grants)
    return bool(left.kept) and left.until is None and not left.is_unknown and not _sells_another(held)


def _to(comeback_id: uuid.UUID, *, code: int = 303) -> ResponseReturnValue:
    return redirect(url_for(".comeback", merchant_slug=g.merchant.slug, comeback_id=comeback_id), code)
