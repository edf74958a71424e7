"""From the inbox's items to cards: title, what happened, what to do, the buttons, the facts, the history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from flask_babel import gettext as _

from portal.domain.policies import Role
from portal.queries.inbox import Item, Kind
from portal.web.admin import presenting
from portal.web.admin.inbox import (
    address_cards,
    asked_cards,
    erasure_cards,
    found_cards,
    mail_cards,
    renewal_cards,
    withdrawal_cards,
)
from portal.web.admin.inbox.card_parts import Card

AT_RISK: Final = frozenset({Kind.REQUEST, Kind.RECEIVED, Kind.DIFFERENCE, Kind.PAUSE})
CARDS: Final[Mapping[Kind, Callable[[Item, Role], Card]]] = {
    Kind.REQUEST: asked_cards.of_request,
    Kind.KEY: asked_cards.of_key,
    Kind.RECEIVED: asked_cards.of_letter,
    Kind.LOST: asked_cards.of_lost,
    Kind.DATE: asked_cards.of_missing_date,
    Kind.DIFFERENCE: found_cards.of_difference,
    Kind.END_SEEN: found_cards.of_end_seen,
    Kind.EVENT: found_cards.of_event,
    Kind.MAIL: mail_cards.of_refused,
    Kind.MAIL_RETURNED: mail_cards.of_returned,
    Kind.LATE_PAYMENT: found_cards.of_late_payment,
    Kind.REFUND: found_cards.of_refund,
    Kind.SETTLEMENT: found_cards.of_settlement,
    Kind.PAUSE: asked_cards.of_pause,
    Kind.ADDRESS: address_cards.of_hold,
    Kind.ERASURE: erasure_cards.of_waiting,
    Kind.RENEWAL: renewal_cards.of_reminder,
    Kind.RENEWAL_REFUND: renewal_cards.of_refund,
    Kind.WITHDRAWAL: withdrawal_cards.of_waiting,
}


def cards(items: Iterable[Item], *, role: Role | None) -> list[Card]:
    """Return each item as a card; buttons that the role may not press are left out."""
    return [_whole(CARDS[item.kind](item, role or Role.READER), item) for item in items]


def _whole(card: Card, item: Item) -> Card:
    """Add what a card of any kind has: its day, for the margin, and the history."""
    day_of, day = _day(item)
    history = presenting.timeline(list(item.history))
    return replace(card, kind=item.kind.value, day=day, day_of=day_of, history=history)


def _day(item: Item) -> tuple[str, str]:
    """Return the day that counts, after what it is the day of: the payment at risk, if there may be one."""
    if item.kind is Kind.LATE_PAYMENT:
        return _("Already taken"), presenting.day(item.about.late.payment.paid_at) or ""
    if item.kind is Kind.RENEWAL_REFUND:
        return _("Due by"), presenting.day(item.about.due_at) or ""
    if item.kind is Kind.WITHDRAWAL:
        return _("To be refunded by"), presenting.day(item.about.refund_due_at) or ""
    if item.kind is Kind.RECEIVED and item.over_since is not None:  # nothing of it is paid any more
        return _("Here since"), presenting.day(item.since) or ""
    if item.at_risk_at is not None:
        return _("Next payment"), presenting.day(item.at_risk_at) or ""
    if item.kind in AT_RISK:
        return _("Next payment"), _("unknown")
    return _("Here since"), presenting.day(item.since) or ""
