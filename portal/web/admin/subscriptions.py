"""The merchant's subscriptions: a list to search, and each one's record."""

from __future__ import annotations

import uuid

from flask import request
from flask.typing import ResponseReturnValue

from portal.clock import utc_now
from portal.domain import policies
from portal.domain.policies import Actor
from portal.domain.subscriptions import ENDINGS, Action, Status, actions_from
from portal.queries import desk, end_requests, products, subscriptions, timelines
from portal.queries.desk import Place
from portal.web.admin import bp, presenting, showing
from portal.web.admin.forms import SubscriptionFilter
from portal.web.admin.lists import place, search_words, turn
from portal.web.identity import context, person


@bp.get("/subscriptions", endpoint="subscriptions")
def index() -> ResponseReturnValue:
    """List them, newest first, by state, product and what is searched."""
    who, search = person(), search_words()
    status = Status(request.args["status"]) if request.args.get("status") in set(Status) else None
    product_id = _uuid(request.args.get("product"))
    where: Place = place()
    with context().db.read() as session:
        found = desk.subscriptions_page(
            session, who.merchant_id, status=status, product_id=product_id, search=search, place=where
        )
        form = SubscriptionFilter(request.args)
        form.offer(products.names(session, who.merchant_id))
        return showing.page(
            "subscriptions.html",
            session,
            filters=form,
            rows=found.rows,
            is_filtered=bool(status or product_id or search),
            next_url=turn(after=found.next_id),
            previous_url=turn(before=found.previous_id),
        )


@bp.get("/subscriptions/<uuid:subscription_id>", endpoint="subscription")
def show(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Show one: five dates, PayPal's word, requests, timeline, and what may be done."""
    who, now = person(), utc_now()
    with context().db.read() as session:
        found = subscriptions.of_merchant(session, who.merchant_id, subscription_id)
        requests = end_requests.all_of_subscription(session, found.id)
        entries = timelines.of_subscription(session, found.id)
        return showing.page(
            "subscription.html",
            session,
            subscription=found,
            customer_name=presenting.customer_name(found.customer.name, found.customer.email),
            price=presenting.price(found),
            dates=presenting.dates(found),
            requests=requests,
            open_request=next((one for one in requests if one.is_open), None),
            timeline=presenting.timeline(entries),
            possible=_actions(found) if not any(presenting.is_in_the_way(one, now) for one in requests) else [],
        )


def _actions(subscription: object) -> list[Action]:
    """Return the ends that the state allows and this person may ask for."""
    settings, role = presenting.settings_of(subscription), person().role
    possible = actions_from(subscription.status)  # type: ignore[attr-defined]
    return [
        action for action in possible if action in ENDINGS and policies.may(Actor.STAFF, action, settings, role=role)
    ]


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None
