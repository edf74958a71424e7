"""The figures of a request to end, on its page: five lines for people first, the rest for who unfolds it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from flask_babel import gettext as _

from portal.domain.policies import Actor
from portal.queries.holdings import Holding
from portal.services.dates.end_schedules import payments_around
from portal.web import labels, payments
from portal.web.customer import history, presenting
from portal.web.customer.presenting import Row
from portal.web.formatting import formatter


class Said(StrEnum):
    """Which text of cancellation.md's table the page shows; each has its template."""

    SCHEDULED = "scheduled"
    WAITING = "waiting"
    NEEDS_MERCHANT = "needs_merchant"
    PROVEN = "proven"
    WITHDRAWN = "withdrawn"


def lines(holding: Holding, said: Said, *, now: datetime) -> tuple[Row, ...]:
    """Return what people look for in a request that is not confirmed; None is said to be unknown."""
    request, say = holding.request, formatter()
    assert request is not None  # noqa: S101
    return (
        (
            _("Payment schedule") if holding.subscription.is_schedule else _("Subscription"),
            presenting.product_name(holding),
        ),
        (_("Requested on"), say.moment(request.asked_at) if request.has_hour else say.day(request.asked_at)),
        *_standing(holding, said, now=now),
        (_("Reference"), request.asked_under),
    )


def _standing(holding: Holding, said: Said, *, now: datetime) -> tuple[Row, ...]:
    subscription, request = holding.subscription, holding.request
    assert request is not None  # noqa: S101
    if said is Said.WITHDRAWN:
        label = _("Replaced on") if is_replaced(holding) else _("Withdrawn on")
        return ((label, presenting.known_moment(request.withdrawn_at)),)
    if said is Said.SCHEDULED:
        around = payments_around(request, subscription, now=now)
        return (
            (_("Expires by itself on"), presenting.known_day(around.runs_out))
            if around.runs_out is not None
            else (_("First payment not taken"), payments.spared(subscription, around.prevented)),
            presenting.access_row(holding, now=now),
        )
    return ((_("PayPal’s confirmation"), _("not yet")), (_("Paid until"), presenting.paid_day(holding)))


def as_of_now(rows: Iterable[Row], holding: Holding, *, now: datetime) -> tuple[Row, ...]:
    """Return a proof's rows with the paid time and the access as they are now, as the account page says them."""
    access = label, until = presenting.access_row(holding, now=now)
    yours = _("until %(date)s", date=until) if label == _("Access until") and until is not None else until
    today = {
        _("Your access"): (_("Your access"), yours),
        _("Access"): access,
        _("Access until"): access,
        _("Paid until"): (_("Paid until"), presenting.paid_day(holding)),
    }
    return tuple(today.get(label, (label, value)) for label, value in rows)


def details(holding: Holding, said: Said, *, now: datetime) -> tuple[Row, ...]:
    """Return the rest."""
    subscription, request = holding.subscription, holding.request
    assert request is not None  # noqa: S101
    rows: list[Row] = [
        (_("Status of the request"), state_label(holding)),
        (_("Requested by"), history.asked_by(request)),
        (_("PayPal subscription ID"), subscription.provider_id),
    ]
    if request.answers:
        rows.append((_("Internal reference"), request.reference))
    if request.wished_on is not None:
        rows.append((_("Chosen end date"), formatter().date(request.wished_on)))
    if request.actor is Actor.CUSTOMER and (said_reason := labels.reason(request.reason_code)):
        rows.append((_("Reason given"), said_reason))
    comment = request.reason_text if request.actor is Actor.CUSTOMER else holding.comment
    if comment:
        rows.append((_("Your comment"), comment))
    if said is Said.SCHEDULED:
        last_taken = payments_around(request, subscription, now=now).last
        rows += [
            (_("Last payment still taken"), payments.still_taken(last_taken, now=now)),
            (_("Paid until"), presenting.paid_day(holding)),
        ]
    return tuple(rows)


def state_label(holding: Holding) -> str:
    """Return where the request stands, in a word or two."""
    request = holding.request
    assert request is not None  # noqa: S101
    if is_replaced(holding):
        return _("Replaced")
    return str(presenting.request_label(request))


def is_replaced(holding: Holding) -> bool:
    """A request is replaced in the transaction that writes the other one."""
    request, successor = holding.request, holding.successor
    return request is not None and successor is not None and request.withdrawn_at == successor.created_at
