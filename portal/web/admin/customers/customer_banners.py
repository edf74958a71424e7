"""What of a customer's subscriptions matters now, first on the record; each leads to where it is acted upon."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import Row

from portal.domain.ends.end_requests import Basis, RequestState
from portal.domain.ends.pauses import PauseKind, PauseState
from portal.domain.money.money import Money
from portal.domain.people.email_addresses import shown
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.mail.facts import PlannedWords
from portal.queries.people.customer_records import OpenPause, PlainHold, Record
from portal.web.admin import words
from portal.web.formatting import formatter

if TYPE_CHECKING:
    from portal.models import EndRequest, Subscription

MOST: Final = 6  # shown above the record; the lists below it have all
ORDER: Final = ("stop", "warn", "info", "plan")


@dataclass(frozen=True, kw_only=True)
class Banner:
    """One fact. `withdrawable`: the request to end that the team can take back here."""

    kind: str
    title: str
    text: str
    url: str
    label: str
    withdrawable: uuid.UUID | None = None


def banners(
    record: Record,
    held: Sequence[Subscription],
    requests: Sequence[EndRequest],
    plans: Mapping[uuid.UUID, PlannedWords],
    mails: Sequence[Row[Any]],
    *,
    may_act: bool,
    now: datetime,
) -> list[Banner]:
    """Return what matters, money first; nothing where nothing does."""
    products = {one.id: one.product.name for one in held}
    found = [
        *(_of_hold(one) for one in record.holds),
        *_late(record, products),
        *_received(record, products),
        *(_of_request(one, plans.get(one.subscription_id), now=now) for one in requests if one.is_open),
        *_undated(held, requests),
        *_returned(record, mails, may_act=may_act),
        *(_past_due(one) for one in held if one.status is Status.PAST_DUE),
        *(_of_pause(one, products[one.subscription_id], now=now) for one in record.pauses),
    ]
    return sorted(found, key=lambda one: ORDER.index(one.kind))


def _of_hold(held: PlainHold) -> Banner:
    return Banner(
        kind="stop",
        title=_("The change of email address is contested"),
        text=_("From %(address)s somebody said: this was not me. It waits for you.", address=shown(held.former_email)),
        url=url_for(".customer_address_hold", customer_id=held.customer_id, hold_id=held.id),
        label=_("Decide…"),
    )


def _late(record: Record, products: Mapping[uuid.UUID, str]) -> Iterator[Banner]:
    for late in record.late:
        paid = Money(late.payment.amount, late.payment.currency)
        yield Banner(
            kind="stop",
            title=_about(products[late.subscription_id], _("payment after the end")),
            text=_(
                "%(amount)s was taken on %(date)s. Refund it, or say why it was owed.",
                amount=formatter().money(paid),
                date=formatter().short_day(late.payment.paid_at),
            ),
            url=url_for(".late_payment", late_id=late.id),
            label=_("See this payment"),
        )


def _received(record: Record, products: Mapping[uuid.UUID, str]) -> Iterator[Banner]:
    for received in record.received:
        yield Banner(
            kind="warn",
            title=_about(products[received.subscription_id], _("a cancellation notice waits for you")),
            text=_(
                "It came on %(date)s, reference %(reference)s. Nothing ends by itself.",
                date=formatter().short_day(received.received_at),
                reference=received.reference,
            ),
            url=url_for(".received", received_id=received.id),
            label=_("See the cancellation notice"),
        )


def _of_request(request: EndRequest, planned: PlannedWords | None, *, now: datetime) -> Banner:
    """Return the banner of an end that was asked for: planned, stuck, or not confirmed yet."""
    product = request.subscription.product.name
    url = url_for(".subscription", subscription_id=request.subscription_id, _anchor="requests")
    label = _("See the request %(reference)s", reference=request.reference)
    if planned is not None and request.is_planned(now):
        by_staff = request.actor is Actor.STAFF
        text = planned.told if by_staff else planned.told + " " + _("The customer can withdraw it until then.")
        return Banner(
            kind="plan",
            title=_about(product, planned.heading),
            text=text,
            url=url,
            label=label,
            withdrawable=request.id if by_staff else None,
        )
    if request.state is RequestState.NEEDS_MERCHANT:
        return Banner(
            kind="warn",
            title=_about(product, _("PayPal has not confirmed the end")),
            text=_("The portal cannot finish it alone: it needs your attention."),
            url=url,
            label=label,
        )
    return Banner(
        kind="info",
        title=_about(product, _("PayPal has not confirmed the end yet")),
        text=_("The portal keeps trying. There is nothing to do."),
        url=url,
        label=label,
    )


def _undated(held: Sequence[Subscription], requests: Sequence[EndRequest]) -> Iterator[Banner]:
    """Yield one for each end whose customer waits to be told until when it is paid (`queries.inbox.asked.dates`)."""
    began = {
        one.subscription_id
        for one in requests
        if one.state is RequestState.CONFIRMED and one.basis is not Basis.NEVER_STARTED
    }
    for one in held:
        if one.id in began and one.ended_at is not None and one.paid_until is None and one.access_until is None:
            yield Banner(
                kind="warn",
                title=_about(one.product.name, _("the end of the paid time is unknown")),
                text=_("Access stays open until you enter the date."),
                url=url_for(".subscription_paid_until", subscription_id=one.id),
                label=_("Enter the date"),
            )


def _returned(record: Record, mails: Sequence[Row[Any]], *, may_act: bool) -> Iterator[Banner]:
    """Yield one for all that came back from the address that the customer has now: the newest says why."""
    address = record.customer.email
    back = [one for one in mails if one.state.value == "returned" and one.recipient == address]
    if back:
        yield Banner(
            kind="warn",
            title=_("Emails to %(address)s come back", address=shown(back[0].recipient)),
            text=_(
                "“%(message)s” could not be delivered on %(date)s: %(reason)s. Correct the address; confirmations are "
                "then sent again automatically.",
                message=words.MAIL_KIND.get(back[0].kind, back[0].kind),
                date=formatter().short_day(back[0].reported_at),
                reason=words.returned_for(back[0].report_code),
            ),
            url=url_for(".customer_identity", customer_id=record.customer.id) if may_act else "#mails",
            label=_("Correct the address") if may_act else _("See the emails"),
        )


def _of_pause(pause: OpenPause, product: str, *, now: datetime) -> Banner:
    """Return the banner of a pause, or of its end, that is under way or has its day."""
    is_pause, kind, text = pause.kind is PauseKind.PAUSE, "info", _("The portal keeps trying. There is nothing to do.")
    fact = _("PayPal has not confirmed the pause yet") if is_pause else _("PayPal has not confirmed its restart yet")
    if pause.state is PauseState.NEEDS_MERCHANT:
        kind, text = "warn", _("The portal cannot finish it alone: it needs your attention.")
    elif pause.due_at is not None and pause.due_at > now:
        kind, text = "plan", _("Payments then start again.")
        fact = _("the pause ends on %(date)s", date=formatter().short_day(pause.due_at))
    return Banner(
        kind=kind,
        title=_about(product, fact),
        text=text,
        url=url_for(".subscription", subscription_id=pause.subscription_id),
        label=_("Open the subscription"),
    )


def _past_due(subscription: Subscription) -> Banner:
    since = subscription.past_due_since
    return Banner(
        kind="warn",
        title=_about(subscription.product.name, _("a payment failed")),
        text=_("Past due since %(date)s.", date=formatter().short_day(since)) if since is not None else "",
        url=url_for(".subscription", subscription_id=subscription.id),
        label=_("Open the subscription"),
    )


def _about(product: str, fact: str) -> str:
    return _("%(label)s: %(value)s", label=product, value=fact)
