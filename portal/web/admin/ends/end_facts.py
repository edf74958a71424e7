"""From requests to end to plain words: where one stands, what holds it up, between which payments it lies."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from flask import g
from flask_babel import gettext as _

from portal.domain import policies
from portal.domain.ends.end_requests import Basis, Channel, RequestState
from portal.domain.money.refunds import WithEndState
from portal.domain.policies import Actor
from portal.domain.subscriptions import ENDINGS, Action, actions_from
from portal.services.dates.end_schedules import payments_around
from portal.services.rules import settings_of
from portal.web import labels, payments
from portal.web.admin import words
from portal.web.admin.late_payment_words import REFUND_STATE
from portal.web.admin.presenting import Row, acted, asked_on, by_key, day, name_of, short
from portal.web.formatting import formatter
from portal.web.identity import person

if TYPE_CHECKING:
    from portal.models import Customer, EndRefund, EndRequest, Subscription


def request_rows(
    request: EndRequest, subscription: Subscription, now: datetime, decided: EndRefund | None = None
) -> list[Row]:
    """Return what is known of a request to end, for its summary; `decided`: the refund that goes with it."""
    answer = request.answer or {}
    rows: list[Row] = [
        (_("Reference"), request.reference),
        (_("Type of end"), str(labels.STATUS[request.outcome])),
        *_asked(request, subscription.customer),
    ]
    if request.wished_on is not None:
        rows.append((_("Chosen end date"), formatter().short_date(request.wished_on)))
    if request.confirmed_at is not None:
        never_started = request.basis is Basis.NEVER_STARTED
        label = _("Checked at PayPal on") if never_started else _("Confirmed on")
        rows.append((label, short(request.confirmed_at)))
    if request.trouble is not None:
        rows.append((_("What happened"), str(labels.TROUBLE[request.trouble])))
    if answer.get("debug_id"):
        rows.append((_("PayPal debug ID"), str(answer["debug_id"])))
    if request.is_open and request.due_at is not None:
        by = _("PayPal will be told on") if request.awaited_at is None else _("PayPal will be told by")
        rows.append((by, short(request.due_at)))
        rows += _both_payments(request, subscription, now)
    if request.is_open and request.next_try_at is not None and not request.is_planned(now):
        rows.append((_("Next try"), short(request.next_try_at)))
    if decided is not None:
        rows.append((_("Refund"), _refund(decided)))
    if reason := labels.reason(request.reason_code):
        rows.append((_("Reason given"), reason))
    if request.reason_text:
        by_staff = request.actor is Actor.STAFF
        rows.append((_("Internal note") if by_staff else _("Customer’s comment"), request.reason_text))
    return rows


def is_in_the_way(request: EndRequest, now: datetime) -> bool:
    """Say whether an open request keeps staff from ending: not one that only waits for a later day."""
    return bool(request.is_open and not request.is_planned(now))


def replaced(requests: Iterable[EndRequest]) -> set[uuid.UUID]:
    """Return the ids of those that nobody took back: one transaction withdrew each and wrote another in its place."""
    rows = list(requests)
    made = {(one.subscription_id, one.created_at) for one in rows}
    return {one.id for one in rows if (one.subscription_id, one.withdrawn_at) in made}


def possible(subscription: Subscription, *, notified: bool, now: datetime) -> list[Action]:
    """Return the ends that the state allows and this person may ask for; `notified`: the customer waits for one."""
    settings, role = settings_of(g.merchant, subscription, now=now, notified=notified), person().role
    ends = (action for action in actions_from(subscription.status) if action in ENDINGS)
    return [action for action in ends if policies.may(Actor.STAFF, action, settings, role=role)]


def todo(request: EndRequest) -> str:
    """Return what the merchant can do about a request, in words; nothing while the portal goes on by itself."""
    if request.state is RequestState.NEEDS_MERCHANT:
        return str(words.TODO[request.trouble]) if request.trouble is not None else ""
    return str(words.LATE_TODO) if _is_late(request) else ""


def trouble(request: EndRequest) -> str:
    """Return what holds up a request to end: a planned time that was missed, then what PayPal said."""
    missed = (
        _(
            "The time planned for telling PayPal, %(date)s, has passed and PayPal has not confirmed the end.",
            date=short(request.due_at),
        )
        if _is_late(request)
        else ""
    )
    said = str(labels.TROUBLE[request.trouble]) if request.trouble is not None else ""
    return " ".join(filter(None, [missed, f"{said}." if missed and said else said]))


def _refund(decided: EndRefund) -> str:
    """Return how much goes back with an end, and where that stands."""
    amount = formatter().money(decided)
    if decided.refund is not None:
        return f"{amount} – {REFUND_STATE[decided.refund.state]}"
    if decided.state is WithEndState.NOTHING_LEFT:
        return _("%(amount)s – nothing of the payment was left to refund", amount=amount)
    return _("%(amount)s – requested as soon as PayPal confirms the end", amount=amount)


def _asked(request: EndRequest, customer: Customer) -> list[Row]:
    """Return who asked and when; of an end that answers a customer, who carried it out too."""
    way = request.notified_way if request.answers else None
    if way is None:
        return [
            (_("Requested by"), acted(request.actor, request.actor_name, request.channel)),
            (_("Requested on"), short(request.created_at)),
        ]
    who = name_of(customer)
    return [
        (_("Requested by"), _("%(who)s (%(channel)s)", who=who, channel=labels.WAY[way])),
        (_("Requested on"), asked_on(request.asked_at, way)),
        (_("Reference of the customer’s notice"), request.notified_reference),
        (_("Carried out by"), _carrier(request)),
        (_("Carried out on"), short(request.created_at)),
    ]


def _carrier(request: EndRequest) -> str:
    if request.channel is Channel.API:
        return by_key(request.actor_name)
    return request.actor_name or str(labels.ACTOR[request.actor])


def _both_payments(request: EndRequest, subscription: Subscription, now: datetime) -> list[Row]:
    """Return between which payments a planned end lies, and why it waits."""
    around = payments_around(request, subscription, now=now)
    last = payments.still_taken(around.last, now=now)
    why = str(words.WAIT_REASON[request.wait_reason]) if request.wait_reason is not None else None
    if around.runs_out is not None:
        after = (_("Expires by itself on"), day(around.runs_out))
    else:
        after = (_("First payment not taken"), payments.spared(subscription, around.prevented))
    return [(_("Reason for this date"), why), (_("Last payment still taken"), last), after]


def _is_late(request: EndRequest) -> bool:
    return bool(request.is_open and request.late_told_at is not None)
