"""One subscription as its owner sees it, for the account page and its own page."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from flask import g
from flask_babel import LazyString
from flask_babel import gettext as _

from portal.domain import policies
from portal.domain.merchants.sections import Section
from portal.domain.money.money import Money
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action, Status, actions_from
from portal.mail.facts import PlannedWords
from portal.mail.letterhead import one_line
from portal.queries.holdings import AnyMoney, Held
from portal.services.comebacks import is_offered
from portal.services.dates.end_schedules import standing
from portal.services.rules import settings_of
from portal.web import labels, threads
from portal.web.customer import history, presenting, sentences, withdrawal_words
from portal.web.customer.notification_words import Notified, notified, waits_for_end
from portal.web.customer.pause_words import Stand, stand
from portal.web.customer.planned_words import open_windows, planned
from portal.web.customer.presenting import Opened, Row, access_row, known_day, opened
from portal.web.formatting import formatter
from portal.web.identity import person
from portal.web.threads import Thread
from portal.web.timeline_words import Happening


@dataclass(frozen=True, kw_only=True)
class Card:
    """One subscription as its owner sees it."""

    id: uuid.UUID
    product_id: uuid.UUID
    title: str
    status: Status
    label: LazyString
    sentence: str  # what matters first
    about: tuple[str, ...]  # the price first
    thread: Thread | None
    price: str
    committed: tuple[str, str | None] | None  # its last day, beneath the thread, and a note
    rows: tuple[Row, ...]  # what neither says
    open_now: tuple[Opened, ...]
    opening_later: tuple[Opened, ...]
    closed: tuple[Opened, ...]
    timeline: tuple[Happening, ...]
    provider_id: str
    is_over: bool
    is_schedule: bool  # one price paid in instalments: no word of it says « subscription »
    is_withdrawn: bool  # from the declaration on, whether PayPal has confirmed its end or not
    may_cancel: bool
    may_notify: bool  # that they end it, where they cannot cancel by themselves
    notified: Notified | None
    reference: str | None
    request_label: str | None
    has_open_request: bool
    planned: PlannedWords | None  # the open request waits for its day
    can_undo: bool
    pause: Stand
    may_come_back: bool
    opens_until: datetime | None  # of one that is over: what is paid is still open until then
    late_money: tuple[str, ...]  # what came after the end and is not settled
    comeback_id: uuid.UUID | None  # of the attempt that is under way
    withdrawal: withdrawal_words.Offer | None  # while the contract can be withdrawn from

    @property
    def mark(self) -> str:
        """Whose mark the badge has: of one that was withdrawn from and lives, that of what was asked for."""
        return "recorded" if self.label is labels.WITHDRAWAL_RECEIVED else self.status

    @property
    def is_settled(self) -> bool:
        """Whether it is over and nothing goes on about it, no paid time either: it may be folded."""
        waits = self.late_money or self.comeback_id or self.has_open_request or self.opens_until
        return self.is_over and not waits


def card(holding: Held, *, now: datetime) -> Card:
    """Return one subscription for the account page and its own page; a reader of the account is offered no act."""
    shown = _card(holding, now=now)
    return shown if person().may_change else _read_only(shown)


def _read_only(shown: Card) -> Card:
    rest = replace(shown.pause, may_pause=False, may_resume=False, withdrawable=None)
    none = {"may_cancel": False, "may_notify": False, "can_undo": False, "may_come_back": False}
    return replace(shown, **none, pause=rest, withdrawal=None)  # type: ignore[arg-type]


def _label(holding: Held, status: Status, *, is_left: bool) -> LazyString:
    subscription = holding.subscription
    if subscription.withdrawn_at is not None:
        return labels.WITHDRAWAL_EFFECTIVE if subscription.is_over else labels.WITHDRAWAL_RECEIVED
    return labels.LEFT_SUSPENDED if is_left else labels.CUSTOMER_LABEL[status]


def _card(holding: Held, *, now: datetime) -> Card:
    subscription, request = holding.subscription, holding.request
    status = labels.CUSTOMER_STATUS[subscription.status]
    seen, waits = open_windows(holding, now=now), planned(holding, now=now)
    can_ask = Action.CANCEL in actions_from(subscription.status) and not presenting.is_in_the_way(holding, now)
    allowed = policies.may(Actor.CUSTOMER, Action.CANCEL, settings_of(g.merchant, subscription, now=now))
    thread, resting = _thread(holding, now=now), stand(holding, now=now)
    schedule = subscription.is_schedule
    return Card(
        id=subscription.id,
        product_id=subscription.product_id,
        title=presenting.product_name(holding),
        status=status,
        label=_label(holding, status, is_left=resting.is_left),
        sentence=sentences.sentence(holding, seen, waits, now=now),
        about=sentences.about(holding, now=now),
        thread=thread,
        price=presenting.price(holding),
        committed=_committed(holding) if thread is not None else None,
        rows=_figures(holding, thread, now=now),
        open_now=tuple(opened(window, now, is_schedule=schedule) for window in seen if window.is_open(now)),
        opening_later=tuple(opened(window, now, is_schedule=schedule) for window in seen if window.since > now),
        closed=tuple(opened(window, now) for window in seen if window.until is not None and window.until <= now),
        timeline=history.of(holding) if g.merchant.shows(Section.HISTORY) else (),
        provider_id=subscription.provider_id,
        is_over=subscription.is_over,
        is_schedule=schedule,
        is_withdrawn=subscription.withdrawn_at is not None,
        may_cancel=can_ask and allowed,
        may_notify=can_ask and not allowed and not waits_for_end(holding),
        notified=notified(holding),
        reference=request.asked_under if request is not None else None,
        request_label=presenting.request_label(request) if request is not None else None,
        has_open_request=presenting.has_open_request(holding),
        planned=waits,
        can_undo=presenting.can_undo(holding),
        pause=resting,
        may_come_back=is_offered(holding.prospect, g.merchant),
        opens_until=max((one.until for one in seen if one.until and one.until > now), default=None),
        late_money=tuple(_late_money(late.payment) for late in holding.late),
        comeback_id=_comeback_id(holding),
        withdrawal=withdrawal_words.offer(holding, now=now),
    )


def _thread(holding: Held, *, now: datetime) -> Thread | None:
    """Return the line of one that lives; one that is over, or undone, says all that matters in words."""
    subscription, request = holding.subscription, holding.request
    if subscription.is_over or subscription.withdrawn_at is not None:
        return None
    planned = standing(request, subscription, now=now) if request is not None else None
    return threads.of(subscription, planned=planned, now=now)


def _late_money(payment: AnyMoney) -> str:
    return _(
        "A payment of %(amount)s arrived on %(date)s after the end of your contract. %(merchant)s has "
        "been told and asked to refund you.",
        amount=formatter().money(Money(payment.amount, payment.currency)),
        date=formatter().day(payment.paid_at),
        merchant=one_line(g.merchant.name),
    )


def _comeback_id(holding: Held) -> uuid.UUID | None:
    newest = holding.prospect.newest if holding.prospect is not None else None
    return newest.id if newest is not None and newest.is_open else None


def _committed(holding: Held) -> tuple[str, str | None] | None:
    subscription = holding.subscription
    if subscription.committed_until is None or not sentences.tells_commitment(holding):
        return None
    note = None if subscription.product.commitment_binds else _("you may cancel before then")
    return formatter().short_last_day(subscription.committed_until), note


def _figures(holding: Held, thread: Thread | None, *, now: datetime) -> tuple[Row, ...]:
    """Return the card's figures that do not stand beneath its thread; what is unknown is None, which the page says."""
    subscription, fmt = holding.subscription, formatter()
    price: Row = (_("Price"), presenting.price(holding))
    if subscription.is_over:
        return price, *_ends(holding, now=now)
    if subscription.withdrawn_at is not None:  # undone from that moment: nothing of it is still to come
        return (price,)
    rows: list[Row] = []
    if thread is None or not thread.tells_next:
        rows.append(price)
        starts_later = subscription.started_at is not None and subscription.started_at > now
        if starts_later:
            rows.append((_("Starts on"), known_day(subscription.started_at)))
        if (
            not starts_later or subscription.next_payment_at is not None
        ):  # its first payment is the start: not « unknown »
            rows.append((_("Next payment"), _next_payment(holding, now=now)))
    if thread is None and subscription.committed_until is not None and sentences.tells_commitment(holding):
        rows.append((_("Commitment until"), fmt.last_day(subscription.committed_until)))
    return tuple(rows)


def _ends(holding: Held, *, now: datetime) -> tuple[Row, ...]:
    """Return the dates of one that is over, each under the word it has everywhere."""
    subscription = holding.subscription
    if subscription.stopped_at_provider_at is None:  # nothing had begun at PayPal
        label = _("Contract end date") if subscription.is_schedule else _("Subscription end date")
        return ((label, known_day(subscription.ended_at)),)
    return (
        (_("Stopped at PayPal"), known_day(subscription.stopped_at_provider_at)),
        (_("Paid until"), known_day(subscription.paid_until)),
        access_row(holding, now=now),
    )


def _next_payment(holding: Held, *, now: datetime) -> str | None:
    """Return the next payment's day; where PayPal has suspended it, or an end comes before, none: not « unknown »."""
    subscription, waits = holding.subscription, planned(holding, now=now)
    if subscription.takes_no_payment:
        return _("none for the moment")
    if waits is not None and waits.none_left:
        return _("none")
    return known_day(subscription.next_payment_at)
