"""From what a customer holds to plain values for the pages: words, dates in full, nothing to compute in a template."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import g
from flask_babel import LazyString
from flask_babel import gettext as _

from portal.domain import policies
from portal.domain.access import End, Window
from portal.domain.end_requests import Channel, RequestState, can_withdraw
from portal.domain.money import Money
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action, Status, actions_from
from portal.mail.facts import PlannedWords
from portal.mail.letterhead import one_line
from portal.queries.holdings import Gift, Holding
from portal.queries.timelines import TimelineEntry, TimelineKind
from portal.services.comebacks import is_offered
from portal.services.rules import settings_of
from portal.web import labels, timeline_words
from portal.web.customer.notification_words import Notified, notified, waits_for_end
from portal.web.customer.pause_words import Stand, stand
from portal.web.customer.planned_words import open_windows, planned
from portal.web.formatting import formatter

# The merchant's own marks: a customer's page never says *abandoned*, nor quotes an internal note.
KEPT_FROM_CUSTOMERS = frozenset({TimelineKind.MARKED_ABANDONED})

Row = tuple[str, str | None]  # label, value; None is said to be unknown


@dataclass(frozen=True, kw_only=True)
class Happening:
    """One line of the timeline, as the macro wants it."""

    at: datetime
    when: str
    title: str
    detail: str = ""
    status: str = "done"


@dataclass(frozen=True, kw_only=True)
class Card:
    """One subscription as its owner sees it."""

    id: uuid.UUID
    title: str
    status: Status
    label: LazyString
    rows: tuple[Row, ...]
    open_now: tuple[str, ...]
    opening_later: tuple[str, ...]
    closed: tuple[str, ...]
    timeline: tuple[Happening, ...]
    provider_id: str
    is_over: bool
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
    late_money: tuple[str, ...]  # what came after the end and is not settled
    comeback_id: uuid.UUID | None  # of the attempt that is under way


def product_name(holding: Holding) -> str:
    """Return the product's name on one line; PayPal's id stands in for a name that nobody gave."""
    subscription = holding.subscription
    return one_line(subscription.product.name) or _("Subscription %(id)s", id=subscription.provider_id)


def price_of(holding: Holding) -> Money | None:
    """Return the price, None when PayPal's plan is unknown."""
    amount, currency = holding.subscription.amount, holding.subscription.currency
    return Money(amount, currency) if amount is not None and currency else None


def unpaid(holding: Holding) -> Money | None:
    """Return what PayPal says is unpaid; None when it says nothing, or nothing is."""
    amount, currency = holding.subscription.outstanding, holding.subscription.currency
    return Money(amount, currency) if amount and currency else None


def price(holding: Holding) -> str:
    """Return the price in words: « 29,90 € par mois »."""
    subscription = holding.subscription
    return formatter().price(price_of(holding), subscription.interval_unit, subscription.interval_count)


def until(window: Window) -> str:
    """Return how a window ends, in words that follow the content's name."""
    match window.end:
        case End.RUNNING:
            words = _("as long as the subscription runs")
        case End.KEPT:
            words = _("kept for good")
        case End.DATED:
            words = _("until %(date)s", date=formatter().last_day(window.until))
        case End.UNKNOWN:
            words = _("until a date that %(merchant)s will tell you", merchant=one_line(g.merchant.name))
    if window.granted:
        return _("%(until)s (given to you by %(merchant)s)", until=words, merchant=one_line(g.merchant.name))
    return words


def opening(window: Window, now: datetime) -> str:
    """Return one content with when it is open: « Leçon 3 : s’ouvre le lundi 7 décembre 2026, … »."""
    title = one_line(window.title)
    if window.since > now:
        since = formatter().day(window.since)
        return _("%(title)s: opens on %(date)s, %(until)s", title=title, date=since, until=until(window))
    return _("%(title)s: %(until)s", title=title, until=until(window))


def closing(window: Window, now: datetime) -> str:
    """Return one content that an end takes away, with its last day."""
    if window.until is not None and window.until <= now:
        return _("%(title)s: at once", title=one_line(window.title))
    return opening(window, now)


def never(window: Window) -> str:
    """Return one content that was to open later, and after an end will not."""
    return _("%(title)s: will not open", title=one_line(window.title))


def gift(given: Gift, *, now: datetime) -> str:
    """Return a product given by hand, with its origin."""
    end = End.KEPT if given.until is None else End.DATED
    name = given.product_name
    return opening(Window(key="", title=name, since=given.since, until=given.until, end=end, granted=True), now)


def has_open_request(holding: Holding) -> bool:
    """Say whether somebody still has to act on a request."""
    return holding.request is not None and holding.request.is_open


def is_in_the_way(holding: Holding, now: datetime) -> bool:
    """Say whether an open request leaves the customer nothing to ask: not one that the merchant planned for later."""
    request = holding.request
    if request is None or not request.is_open:
        return False
    return request.actor is Actor.CUSTOMER or not request.is_planned(now)


def can_undo(holding: Holding) -> bool:
    """Say whether the customer may take the request back: their own, and nothing was sent to PayPal."""
    request = holding.request
    if request is None or request.actor is not Actor.CUSTOMER:
        return False
    return can_withdraw(request.state, sent_at=request.sent_at)


def card(holding: Holding, *, now: datetime) -> Card:
    """Return one subscription for the account page and its own page."""
    subscription, request = holding.subscription, holding.request
    status = labels.CUSTOMER_STATUS[subscription.status]
    seen = open_windows(holding, now=now)
    cancellable = Action.CANCEL in actions_from(subscription.status)
    waiting = has_open_request(holding)
    allowed = policies.may(Actor.CUSTOMER, Action.CANCEL, settings_of(g.merchant, subscription, now=now))
    said = notified(holding)
    return Card(
        id=subscription.id,
        title=product_name(holding),
        status=status,
        label=labels.STATUS[status],
        rows=_figures(holding, now=now),
        open_now=tuple(opening(window, now) for window in seen if window.is_open(now)),
        opening_later=tuple(opening(window, now) for window in seen if window.since > now),
        closed=tuple(opening(window, now) for window in seen if window.until is not None and window.until <= now),
        timeline=tuple(happening(entry) for entry in holding.entries if _is_theirs(entry)),
        provider_id=subscription.provider_id,
        is_over=subscription.is_over,
        may_cancel=cancellable and allowed and not is_in_the_way(holding, now),
        may_notify=cancellable and not allowed and not is_in_the_way(holding, now) and not waits_for_end(holding),
        notified=said,
        reference=request.asked_under if request is not None else None,
        request_label=request_label(request) if request is not None else None,
        has_open_request=waiting,
        planned=planned(holding, now=now),
        can_undo=can_undo(holding),
        pause=stand(holding, now=now),
        may_come_back=is_offered(holding.prospect),
        late_money=tuple(_late_money(late.payment) for late in holding.late),
        comeback_id=_comeback_id(holding),
    )


def request_label(request: Any) -> str:
    """Return where a request stands, in a word or two; who has to act is named."""
    if request.state is RequestState.NEEDS_MERCHANT:
        return _("%(merchant)s has to finish it", merchant=one_line(g.merchant.name))
    return str(labels.REQUEST_STATE[request.state])


def _late_money(payment: Any) -> str:
    return _(
        "A payment of %(amount)s arrived on %(date)s after the end of your subscription. We reported it to "
        "%(merchant)s and asked for a refund.",
        amount=formatter().money(Money(payment.amount, payment.currency)),
        date=formatter().day(payment.paid_at),
        merchant=one_line(g.merchant.name),
    )


def _comeback_id(holding: Holding) -> uuid.UUID | None:
    newest = holding.prospect.newest if holding.prospect is not None else None
    return newest.id if newest is not None and newest.is_open else None


def _figures(holding: Holding, *, now: datetime) -> tuple[Row, ...]:
    """Return the card's figures; what is unknown is None, which the page says."""
    subscription, fmt = holding.subscription, formatter()
    rows: list[Row] = [(_("Price"), price(holding))]
    if subscription.is_over:
        rows += _ends(holding, now=now)
    else:
        if subscription.started_at is not None and subscription.started_at > now:
            rows.append((_("Starts on"), known_day(subscription.started_at)))
        rows.append((_("Next payment"), _next_payment(holding, now=now)))
    if subscription.committed_until is not None:
        rows.append((_("Commitment until"), fmt.last_day(subscription.committed_until)))
    return tuple(rows)


def _ends(holding: Holding, *, now: datetime) -> tuple[Row, ...]:
    """Return the dates of one that is over, each under the word it has everywhere."""
    subscription = holding.subscription
    if subscription.stopped_at_provider_at is None:  # nothing had begun at PayPal
        return ((_("End of the subscription"), known_day(subscription.ended_at)),)
    return (
        (_("Stopped at PayPal"), known_day(subscription.stopped_at_provider_at)),
        (_("Paid until"), known_day(subscription.paid_until)),
        (_("Access until"), access_until(holding, now=now)),
    )


def _next_payment(holding: Holding, *, now: datetime) -> str | None:
    """Return the next payment's day; where PayPal has suspended it, or an end comes before, none: not « unknown »."""
    subscription, waits = holding.subscription, planned(holding, now=now)
    if subscription.takes_no_payment:
        return _("none for the moment")
    if waits is not None and waits.none_left:
        return _("none")
    return known_day(subscription.next_payment_at)


def known_day(at: datetime | None) -> str | None:
    """Return the day in full, None when it is unknown: the page then says so."""
    return formatter().day(at) if at is not None else None


def paid_day(holding: Holding) -> str | None:
    """Return until when it is paid; that nothing was is known, and no date."""
    subscription = holding.subscription
    return _("Nothing was paid") if subscription.has_paid_nothing else known_day(subscription.paid_until)


def known_moment(at: datetime | None) -> str | None:
    """Return day and hour, None when it is unknown."""
    return formatter().moment(at) if at is not None else None


def _short(at: datetime | None) -> str | None:
    return formatter().short(at) if at is not None else None


def dates(holding: Holding, *, now: datetime) -> tuple[Row, ...]:
    """Return the five dates as five dates (domain.md): asked, stopped at PayPal, paid until, access until, ended."""
    subscription, waits = holding.subscription, planned(holding, now=now)
    nothing = None if subscription.is_over else _("not yet")
    to_come = _("planned on %(date)s", date=waits.ends_on) if waits is not None else nothing
    return (
        (_("Cancellation requested"), _short(subscription.end_requested_at) or nothing),
        (_("Stopped at PayPal"), _short(subscription.stopped_at_provider_at) or nothing),
        (_("Paid until"), paid_day(holding)),
        (_("Access until"), access_until(holding, now=now)),
        (_("End of the subscription"), _short(subscription.ended_at) or to_come),
    )


def access_until(holding: Holding, *, now: datetime) -> str | None:
    """Return until when the whole is open, in one phrase; None when the date is unknown."""
    seen = open_windows(holding, now=now)
    ends = {window.end for window in seen}
    if not seen:
        return _("no access")
    if End.RUNNING in ends:
        return _("as long as the subscription runs")
    if End.UNKNOWN in ends:
        return None
    if End.KEPT in ends:
        return _("kept for good")
    return formatter().last_day(max(window.until for window in seen if window.until is not None))


def who(actor: Actor, channel: Channel | None) -> str:
    """Return who did it and by which way, in the customer's words."""
    person = {
        Actor.CUSTOMER: _("you"),
        Actor.STAFF: one_line(g.merchant.name),
    }.get(actor, str(labels.ACTOR[actor]))
    if channel is None or actor is Actor.PROVIDER:
        return person
    return _("%(who)s (%(channel)s)", who=person, channel=labels.CHANNEL[channel])


def asked_by(request: Any) -> str:
    """Return who asked for an end and by which way, in the customer's words."""
    if request.answers and request.notified_way is not None:
        return _("%(who)s (%(channel)s)", who=_("you"), channel=labels.WAY[request.notified_way])
    return who(request.actor, request.channel)


def happening(entry: TimelineEntry) -> Happening:
    """Return one fact of the timeline. A note is shown to whoever wrote it: a customer their own, never the staff's."""
    details = entry.details
    reference = details.get("answers") or details.get("reference")
    said = [
        _("Reference: %(reference)s", reference=reference) if reference else "",
        who(entry.actor, entry.channel) if entry.actor is not Actor.SYSTEM and "answers" not in details else "",
        timeline_words.wished_end(entry),
        timeline_words.way(entry),
        timeline_words.sum_moved(entry),
        one_line(details.get("note") or "") if entry.actor is Actor.CUSTOMER else "",
        timeline_words.pause(entry),
    ]
    return Happening(
        at=entry.at,
        when=formatter().short(entry.at),
        title=_happened(entry),
        detail=" – ".join(part for part in said if part),
        status="next" if entry.kind is TimelineKind.END_WITHDRAWN else "done",
    )


def _is_theirs(entry: TimelineEntry) -> bool:
    """Say whether the customer reads a line: what staff ask in answer to them, they have asked themselves before."""
    is_answer = entry.kind is TimelineKind.END_REQUESTED and "answers" in entry.details
    return entry.kind not in KEPT_FROM_CUSTOMERS and not is_answer


def _happened(entry: TimelineEntry) -> str:
    if entry.kind is TimelineKind.NEEDS_MERCHANT:
        return _("%(merchant)s has to finish the operation and has been told", merchant=one_line(g.merchant.name))
    if entry.kind is TimelineKind.END_WITHDRAWN and entry.actor is Actor.STAFF:
        return _("%(merchant)s took back the planned end", merchant=one_line(g.merchant.name))
    title, status = timeline_words.title(entry), timeline_words.status(entry)
    if status is None or entry.kind is TimelineKind.END_REQUESTED:
        return title
    word = labels.STATUS[labels.CUSTOMER_STATUS[status]]
    if entry.kind is TimelineKind.STATUS_SEEN:
        return _("PayPal shows: %(status)s", status=word)
    return _("%(fact)s: %(status)s", fact=title, status=word)
