"""From what a customer holds to plain values for the pages: words, dates in full, nothing to compute in a template."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from flask import g
from flask_babel import gettext as _

from portal.domain.access.access import End, Window
from portal.domain.ends.end_requests import RequestState, can_withdraw
from portal.domain.money.money import Money
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.mail.letterhead import one_line
from portal.queries.account.account_rows import PlainGrant
from portal.queries.holdings import Held, Holding
from portal.queries.timelines import TimelineKind
from portal.web import labels, timeline_words
from portal.web.customer.planned_words import open_windows, planned
from portal.web.formatting import formatter

if TYPE_CHECKING:
    from portal.models.ends.held_requests import AnyEndRequest
    from portal.models.held import AnyContent


Row = tuple[str, str | None]  # label, value; None is said to be unknown


@dataclass(frozen=True, kw_only=True)
class Link:
    """Where something is read."""

    words: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Something that is open, or will be or was: its name, where it is read while it is open, and from when to when."""

    title: str
    note: str
    url: str = ""
    links: tuple[Link, ...] = ()  # of a whole product, where its contents are read


def product_name(holding: Held) -> str:
    """Return the product's name on one line; PayPal's id stands in for a name that nobody gave."""
    subscription = holding.subscription
    return one_line(subscription.product.name) or _("Contract %(id)s", id=subscription.provider_id)


def price_of(holding: Held) -> Money | None:
    """Return the price, None when PayPal's plan is unknown."""
    amount, currency = holding.subscription.amount, holding.subscription.currency
    return Money(amount, currency) if amount is not None and currency else None


def unpaid(holding: Holding) -> Money | None:
    """Return what PayPal says is unpaid; None when it says nothing, or nothing is."""
    amount, currency = holding.subscription.outstanding, holding.subscription.currency
    return Money(amount, currency) if amount and currency else None


def price(holding: Held) -> str:
    """Return the price in words: « 29,90 € par mois »."""
    subscription = holding.subscription
    return formatter().price(price_of(holding), subscription.interval_unit, subscription.interval_count)


def as_long_as_it_runs(*, is_schedule: bool) -> str:
    """Return until when access lasts that has no end of its own."""
    return _("as long as your payment schedule runs") if is_schedule else _("as long as your subscription runs")


def until(window: Window, *, is_schedule: bool = False) -> str:
    """Return how a window ends, in words that follow the content's name; `is_schedule`: it is paid in instalments."""
    match window.end:
        case End.RUNNING:
            words = as_long_as_it_runs(is_schedule=is_schedule)
        case End.KEPT:
            words = _("kept for good")
        case End.DATED:
            words = _("until %(date)s", date=formatter().last_day(window.until))
        case End.UNKNOWN:
            words = _("until a date that %(merchant)s will tell you", merchant=one_line(g.merchant.name))
    if window.granted:
        return _("%(until)s (given to you by %(merchant)s)", until=words, merchant=one_line(g.merchant.name))
    return words


def opening(window: Window, now: datetime, *, is_schedule: bool = False) -> str:
    """Return one content with when it is open: « Leçon 3 : s’ouvre le lundi 7 décembre 2026, … »."""
    title, ends = one_line(window.title), until(window, is_schedule=is_schedule)
    if window.since > now:
        since = formatter().day(window.since)
        return _("%(title)s: opens on %(date)s, %(until)s", title=title, date=since, until=ends)
    return _("%(title)s: %(until)s", title=title, until=ends)


def opened(window: Window, now: datetime, *, with_since: bool = False, is_schedule: bool = False) -> Opened:
    """Return one content with its times, and with its address while it is open, if the merchant gave one."""
    note = until(window, is_schedule=is_schedule)
    if window.since > now:
        note = _("opens on %(date)s, %(until)s", date=formatter().day(window.since), until=note)
    elif with_since:
        note = _("since %(date)s, %(until)s", date=formatter().short_day(window.since), until=note)
    return Opened(title=one_line(window.title), note=note, url=window.link if window.is_open(now) else "")


def closing(window: Window, now: datetime) -> str:
    """Return one content that an end takes away, with its last day."""
    if window.until is not None and window.until <= now:
        return _("%(title)s: at once", title=one_line(window.title))
    return opening(window, now)


def never(window: Window) -> str:
    """Return one content that was to open later, and after an end will not."""
    return _("%(title)s: will not open", title=one_line(window.title))


def gift(given: PlainGrant, contents: Iterable[AnyContent] = (), *, now: datetime, with_since: bool = False) -> Opened:
    """Return a product given by hand, with its origin, and where its contents are read while it is open."""
    end = End.KEPT if given.until is None else End.DATED
    window = Window(key="", title=given.name, since=given.since, until=given.until, end=end, granted=True)
    links = tuple(Link(words=one_line(one.title), url=one.link) for one in contents if one.link)
    return replace(opened(window, now, with_since=with_since), links=links if window.is_open(now) else ())


def has_open_request(holding: Held) -> bool:
    """Say whether somebody still has to act on a request."""
    return holding.request is not None and holding.request.is_open


def is_in_the_way(holding: Held, now: datetime) -> bool:
    """Say whether an open request leaves the customer nothing to ask: not one that the merchant planned for later."""
    request = holding.request
    if request is None or not request.is_open:
        return False
    return request.actor is Actor.CUSTOMER or not request.is_planned(now)


def can_undo(holding: Held) -> bool:
    """Say whether the customer may take the request back: their own, and nothing was sent to PayPal."""
    request, is_undone = holding.request, holding.subscription.withdrawn_at is not None
    if request is None or request.actor is not Actor.CUSTOMER:
        return False
    return can_withdraw(request.state, sent_at=request.sent_at) and not is_undone


def request_label(request: AnyEndRequest) -> str:
    """Return where a request stands, in a word or two; who has to act is named."""
    if request.state is RequestState.NEEDS_MERCHANT:
        return _("%(merchant)s has to finish it", merchant=one_line(g.merchant.name))
    return str(labels.REQUEST_STATE[request.state])


def known_day(at: datetime | None) -> str | None:
    """Return the day in full, None when it is unknown: the page then says so."""
    return formatter().day(at) if at is not None else None


def paid_day(holding: Held) -> str | None:
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
    subscription, waits, say = holding.subscription, planned(holding, now=now), formatter()
    nothing = None if subscription.is_over else _("not yet")
    paid = say.short_day(subscription.paid_until) if subscription.paid_until is not None else None
    ended_on = say.short_last_day(subscription.ended_at) if subscription.ended_at is not None else nothing
    ended = (_("Contract end date") if subscription.is_schedule else _("Subscription end date"), ended_on)
    none_asked = _("no request under way") if nothing and timeline_words.was_withdrawn(holding.entries) else nothing
    is_cancelled = subscription.status is not Status.COMPLETED
    asked = (labels.CUSTOMER_TIMELINE if is_cancelled else labels.TIMELINE)[TimelineKind.END_REQUESTED]
    return (
        (
            str(asked),
            timeline_words.end_requested(subscription.end_requested_at, holding.entries) or none_asked,
        ),
        (_("Stopped at PayPal"), _short(subscription.stopped_at_provider_at) or nothing),
        (_("Paid until"), _("Nothing was paid") if subscription.has_paid_nothing else paid),
        access_row(holding, now=now, day=say.short_last_day),
        ended if waits is None else (_("Planned end"), waits.ends_on_in_short),
    )


def access_row(holding: Held, *, now: datetime, day: Callable[[datetime], str] | None = None) -> Row:
    """Return until when the whole is open, in one phrase; None when the date is unknown. `day` says the last one."""
    seen = open_windows(holding, now=now)
    ends = {window.end for window in seen}
    if not seen:
        return _("Access"), _("no access")
    if End.RUNNING in ends:
        return _("Access"), as_long_as_it_runs(is_schedule=holding.subscription.is_schedule)
    if End.UNKNOWN in ends:
        return _("Access until"), None
    if End.KEPT in ends:
        return _("Access"), _("kept for good")
    last = max(window.until for window in seen if window.until is not None)
    return _("Access until"), (day or formatter().last_day)(last)
