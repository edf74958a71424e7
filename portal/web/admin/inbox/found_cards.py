"""Cards of what was found: differences, ends seen at PayPal, PayPal’s messages not handled, money after an end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import url_for
from flask_babel import gettext as _

from portal.domain.ends import duties
from portal.domain.ends.duties import Duty
from portal.domain.money.money import Money
from portal.domain.money.refunds import RefundState
from portal.domain.policies import Role
from portal.queries.inbox import Item
from portal.queries.merchants.paypal_accounts import Provider
from portal.queries.money.late_payments import Alarm
from portal.queries.money.settlements import Settlement
from portal.web.admin import comparison_words, late_payment_words, presenting, settlements
from portal.web.admin.inbox.card_parts import Card, Way, key_page, may, record, whose
from portal.web.admin.messages import event_words
from portal.web.admin.presenting import Row
from portal.web.formatting import formatter

if TYPE_CHECKING:
    from portal.models import ComparisonDifference, PayPalEvent


def of_difference(item: Item, role: Role) -> Card:
    """Return the card of what a comparison could not correct."""
    different: ComparisonDifference = item.about
    ways = [_seen(different)]
    found = _("The comparison found a difference at PayPal and could not correct it here.")
    if item.subscription is not None:
        read = url_for(".subscription_reading", subscription_id=item.subscription.id)
        ways.insert(0, Way(label=_("Refresh from PayPal"), url=read, posts=True))
    return Card(
        title=whose(item, different.provider_id),
        url=record(item),
        label=_("Differs from PayPal"),
        happened=f"{found} {comparison_words.outcome(different)}.",
        todo=_("Refresh it from PayPal. If that does not help, look at it in your PayPal account."),
        rows=_found(different),
        ways=may(role, Role.SUPPORT, *ways),
    )


def of_end_seen(item: Item, role: Role) -> Card:
    """Return the card of an end found at PayPal."""
    different: ComparisonDifference = item.about
    seen, said = _("It ended at PayPal, without a request here."), _("The customer was told.")
    told = presenting.told(item.subscription.customer, said) if item.subscription is not None else ""
    return Card(
        title=whose(item, different.provider_id),
        url=record(item),
        label=_("For your information"),
        state="info",
        happened=f"{seen} {told}" if told else seen,
        todo=_("Nothing, if you expected it."),
        rows=_found(different),
        ways=may(role, Role.SUPPORT, _seen(different)),
    )


def of_event(item: Item, role: Role) -> Card:
    """Return the card of a message from PayPal that was given up."""
    event: PayPalEvent = item.about
    reason, debug_id = event_words.reason_of(event.error)
    replay = Way(label=_("Process it again"), url=url_for(".paypal_event_replay", event_id=event.id), posts=True)
    seen = Way(label=_("Understood"), url=url_for(".paypal_event_seen", event_id=event.id), posts=True)
    return Card(
        title=event_words.type_of(event.event_type),
        url=url_for(".paypal_event", event_id=event.id),
        label=event_words.STATE[event.state],
        state="stop",
        happened=_("A message from PayPal could not be processed for days: %(reason)s", reason=reason),
        todo=_("Process it again. It is safe: a message only makes the portal read PayPal."),
        rows=[
            (_("PayPal ID"), event.subject or None),
            (_("Received on"), presenting.short(event.received_at)),
            *([(_("PayPal debug ID"), debug_id)] if debug_id else []),
        ],
        ways=may(role, Role.SUPPORT, replay, seen),
    )


def of_late_payment(item: Item, role: Role) -> Card:
    """Return the card of money that came after an end."""
    alarm: Alarm = item.about
    page = url_for(".late_payment", late_id=alarm.late.id)
    asked = alarm.refund
    rows: list[Row] = [
        (_("Amount"), formatter().money(alarm.amount)),
        *([(_("Still open"), formatter().money(alarm.left))] if alarm.is_partly_back else []),
        (_("Taken on"), presenting.short(alarm.late.payment.paid_at)),
        (
            _("Refund"),
            str(late_payment_words.REFUND_STATE[asked.state]) if asked is not None else _("not requested yet"),
        ),
    ]
    if alarm.debug_id:
        rows.append((_("PayPal debug ID"), alarm.debug_id))
    again = asked is not None and asked.state is not RefundState.FAILED
    refund = Way(
        label=_("Try the refund again now") if again else _("Refund %(amount)s…", amount=formatter().money(alarm.left)),
        url=url_for(".late_payment_refund", late_id=alarm.late.id),
        posts=again,
        kind="primary",
    )
    is_classic = alarm.late.subscription.provider is Provider.PAYPAL_CLASSIC
    ways = [
        Way(label=_("See this payment"), url=page),
        *key_page(item, asked.trouble if asked is not None else None, role),
    ]
    return Card(
        title=whose(item),
        url=page,
        label=_("Payment after the end"),
        state="stop",
        happened=late_payment_words.happened(alarm),
        todo=late_payment_words.todo(alarm),
        rows=rows,
        ways=[refund, *ways] if not is_classic and duties.may(role, Duty.REFUNDS) else ways,
    )


def of_refund(item: Item, role: Role) -> Card:
    """Return the card of a refund that PayPal did not do."""
    refund, payment = item.about
    page = url_for(".payment", payment_id=payment.id)
    say, is_over = formatter(), refund.state is RefundState.FAILED
    said = late_payment_words.REFUND_TROUBLE.get(refund.trouble) if refund.trouble is not None else None
    amount = Money(refund.amount, refund.currency).figures if is_over else None
    again = Way(
        label=_("Try the refund again…") if is_over else _("Try the refund again now"),
        url=url_for(".payment_refund", payment_id=payment.id, amount=amount),
        posts=not is_over,
        kind="primary",
    )
    ways = [Way(label=_("See this payment"), url=page), *key_page(item, refund.trouble, role)]
    return Card(
        title=whose(item),
        url=page,
        label=_("Refund"),
        state="stop",
        happened=_(
            "The refund of %(amount)s requested by %(who)s was not made.",
            amount=say.money(refund),
            who=refund.actor_name,
        ),
        todo=str(said or _("Look at the payment, then try the refund again, or return the money another way.")),
        rows=[
            (_("Refund"), str(late_payment_words.REFUND_STATE[refund.state])),
            (_("Requested on"), presenting.short(refund.created_at)),
            *([(_("PayPal debug ID"), refund.debug_id)] if refund.debug_id else []),
        ],
        ways=[again, *ways] if duties.may(role, Duty.REFUNDS) else ways,
    )


def of_settlement(item: Item, role: Role) -> Card:
    """Return the card of what a customer let PayPal take, and nobody knows whether it did."""
    found: Settlement = item.about
    page = url_for(".subscription", subscription_id=found.subscription_id)
    return Card(
        title=whose(item),
        url=page,
        label=_("Unpaid amount"),
        state="warn",
        happened=f"{settlements.happened(found)}.",
        todo=settlements.todo(found),
        rows=settlements.rows(found),
        ways=[Way(label=_("See the subscription"), url=page), *key_page(item, found.trouble, role)],
    )


def _seen(different: ComparisonDifference) -> Way:
    return Way(label=_("Understood"), url=url_for(".difference_seen", difference_id=different.id), posts=True)


def _found(different: ComparisonDifference) -> list[Row]:
    return [(_("PayPal subscription ID"), different.provider_id), (_("Found on"), presenting.short(different.at))]
