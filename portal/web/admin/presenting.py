"""From rows to plain words for the desk's pages: dates in full, nothing to compute in a template."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask import g
from flask_babel import gettext as _
from sqlalchemy import Row as RowOfQuery

from portal.documents.planned_ends import planned_words
from portal.domain.access.access import End, EndPreview, Grant, Window
from portal.domain.ends.end_requests import Channel
from portal.domain.ends.received_requests import Way, has_hour
from portal.domain.money.money import Money
from portal.domain.people.bounces import Report
from portal.domain.policies import Actor
from portal.mail.facts import PlannedWords
from portal.queries.timelines import TimelineEntry, TimelineKind
from portal.services.dates import planned_ends
from portal.web import labels, timeline_words
from portal.web.admin import words
from portal.web.admin.withdrawals import withdrawal_words
from portal.web.formatting import formatter
from portal.web.timeline_words import Happening

if TYPE_CHECKING:
    from portal.models import Comeback, Customer, EndRequest, Plan, Subscription, Withdrawal

Row = tuple[str, str | None]  # label, value; None is said to be unknown


def customer_name(name: str, email: str | None) -> str:
    """Return how the desk calls a customer: the name, else the address, else that there is neither."""
    return name or email or _("Customer without name or address")


def name_of(customer: Customer) -> str:
    """Return how the desk calls a customer whose row it has: one who was erased is called so."""
    if customer.erased_at is not None:
        return _("Erased customer")
    return customer_name(customer.name, customer.email)


def told(customer: Customer, words: str) -> str:
    """Return `words`, which say that the customer is told; without an address, that somebody has to tell them."""
    if customer.email:
        return words
    if customer.name:
        return _("%(name)s has no email address here: tell them yourself.", name=customer.name)
    return _("No email address of this customer is known here: tell them yourself.")


def money(amount: Decimal | None, currency: str | None) -> Money | None:
    """Return an amount with its currency; None when either is unknown."""
    return Money(amount, currency) if amount is not None and currency else None


def price(row: Subscription | Plan) -> str:
    """Return the price and rhythm of a subscription or of a list's row."""
    return formatter().price(money(row.amount, row.currency), row.interval_unit, row.interval_count)


def day(at: datetime | None) -> str | None:
    """Return the day as tables and cards say it; None when it is unknown: the page then says so."""
    return formatter().short_day(at) if at is not None else None


def short(at: datetime | None) -> str | None:
    """Return day and hour, whose zone the page says once; None when it is unknown."""
    return formatter().short(at) if at is not None else None


def mail_report(row: RowOfQuery[Any]) -> str | None:
    """Return what servers report of a message beyond its state; None for nothing."""
    match row.report:
        case Report.FAILED:
            return _("%(date)s: %(reason)s", date=day(row.reported_at), reason=words.returned_for(row.report_code))
        case Report.DELAYED:
            return _("Not delivered yet on %(date)s: the mail server keeps trying.", date=day(row.reported_at))
        case Report.DELIVERED:
            return _("Delivered on %(date)s, says the recipient’s mail server.", date=day(row.reported_at))
    return None


def dates(
    subscription: Subscription,
    request: EndRequest | None,
    given: tuple[Grant, ...],
    waits: PlannedWords | None,
    entries: list[TimelineEntry],
    *,
    now: datetime,
) -> list[Row]:
    """Return the five dates as five dates (domain.md); one that has not come is told from one that is unknown.

    `request`: the open one, if any; `waits`: what is said of it while it waits for its day; `entries`: the timeline.
    """
    over = subscription.is_over
    not_yet = None if over else _("Not yet")
    asked = timeline_words.end_requested(subscription.end_requested_at, entries)
    stopped = subscription.stopped_at_provider_at
    seen, paid = planned_ends.windows_of(subscription, request, given=given, now=now), subscription.paid_until
    ended_on = formatter().short_last_day(subscription.ended_at) if subscription.ended_at is not None else not_yet
    ended = (_("Subscription end date"), ended_on)
    none_asked = _("No request under way") if timeline_words.was_withdrawn(entries) else not_yet
    return [
        (_("Cancellation requested"), asked or (_("Not requested here") if over else none_asked)),
        (_("Stopped at PayPal"), short(stopped) or not_yet),
        (_("Paid until"), _("Nothing was paid") if subscription.has_paid_nothing else day(paid)),
        _access_row(seen),
        ended if waits is None else (_("Planned end"), waits.ends_on_in_short),
    ]


def _access_row(seen: tuple[Window, ...]) -> Row:
    """Return until when the whole is open, in one phrase; None when unknown."""
    ends = {window.end for window in seen}
    if not seen:
        return _("Access"), _("No access")
    if End.RUNNING in ends:
        return _("Access"), _("As long as the subscription runs")
    if End.UNKNOWN in ends:
        return _("Access until"), None
    kept = [window.title for window in seen if window.end is End.KEPT]
    if kept:
        return _("Access"), _("Kept for good: %(titles)s", titles=", ".join(kept))
    return _("Access until"), formatter().short_last_day(max(one.until for one in seen if one.until is not None))


def access_line(seen: tuple[Window, ...]) -> str:
    """Return until when the whole is open, after its product's name; empty for nothing."""
    ends = {window.end for window in seen}
    if not seen:
        return ""
    if End.RUNNING in ends:
        return _("as long as the subscription runs")
    if End.UNKNOWN in ends:
        return _("until an unknown date: PayPal does not say until when it is paid")
    if End.KEPT in ends:
        return _("kept for good")
    last = max(one.until for one in seen if one.until is not None)
    return _("until %(date)s", date=formatter().short_last_day(last))


def closing(window: Window) -> str:
    """Return one content, when it closes, and that it was given: « Leçon 1 : jusqu’au mardi 3 avril 2027 »."""
    until = _until(window)
    if window.granted:
        until = _("%(until)s (given by hand)", until=until)
    return _("%(title)s: %(until)s", title=window.title, until=until)


def opening(window: Window, now: datetime) -> str:
    """Return one content that is given, with its days."""
    until = _("for good") if window.end is End.KEPT else _until(window)
    if window.since > now:
        since = formatter().day(window.since)
        return _("%(title)s: opens on %(date)s, %(until)s", title=window.title, date=since, until=until)
    return _("%(title)s: %(until)s", title=window.title, until=until)


def _until(window: Window) -> str:
    match window.end:
        case End.KEPT:
            return _("kept for good")
        case End.DATED:
            return _("until %(date)s", date=formatter().last_day(window.until))
        case End.UNKNOWN:
            return _("until an unknown date: PayPal does not say until when it is paid")
    return _("as long as the subscription runs")


def effects(preview: EndPreview) -> tuple[list[str], list[str]]:
    """Return what stops, or will not open, and what stays, in words."""
    never = [_("%(title)s: will not open", title=window.title) for window in preview.never]
    return [closing(window) for window in preview.stops] + never, [closing(window) for window in preview.stays]


def timeline(entries: list[TimelineEntry], products: list[str] | None = None) -> list[Happening]:
    """Return facts in words, each after its product's name when several subscriptions are mixed."""
    names = products or [""] * len(entries)
    return [_happening(entry, name) for entry, name in zip(entries, names, strict=True)]


def _happening(entry: TimelineEntry, product: str) -> Happening:
    title = _title(entry)
    return Happening(
        at=entry.at,
        when=timeline_words.when(entry),
        title=f"{product} – {title}" if product else title,
        detail=_detail(entry),
        actor=_actor(entry),
        status="needs_merchant" if entry.kind is TimelineKind.NEEDS_MERCHANT else "done",
    )


def acted(actor: Actor, name: str, channel: Channel | None) -> str:
    """Return who acted and by which way. By the API the merchant acts by a key, whose name is no person's."""
    if actor is Actor.STAFF and channel is Channel.API:
        return by_key(name)
    who = name or str(labels.ACTOR[actor])
    return f"{who} – {labels.CHANNEL[channel]}" if channel is not None else who


def by_key(name: str) -> str:
    """Return that the API acted, and by which key."""
    return _("API (key “%(name)s”)", name=name) if name else str(labels.CHANNEL[Channel.API])


def _actor(entry: TimelineEntry) -> str:
    """Return who acted; of an end that answers a customer, that they asked for it too, as its card says."""
    who = acted(entry.actor, entry.actor_name or "", entry.channel)
    if "answers" in entry.details and entry.kind in (TimelineKind.END_REQUESTED, TimelineKind.ENDED):
        return _("Requested by the customer, carried out by %(who)s", who=who)
    return who


def _title(entry: TimelineEntry) -> str:
    title, status = timeline_words.title(entry), timeline_words.status(entry)
    if status is None:
        return title
    return _("%(fact)s: %(status)s", fact=title, status=labels.STATUS[status])


def _detail(entry: TimelineEntry) -> str:
    details = entry.details
    word = details.get("word")
    parts = [
        _("Reference %(reference)s", reference=details["reference"]) if details.get("reference") else "",
        _("PayPal status: %(status)s", status=words.provider_status_line(word)) if word else "",
        timeline_words.trouble(entry),
        timeline_words.way(entry),
        labels.reason(details.get("reason_code", "")),
        timeline_words.wished_end(entry),
        _note(entry),
        timeline_words.sum_moved(entry),
        timeline_words.pause(entry),
        timeline_words.not_settled(entry),
        _returned(entry),
        *withdrawal_words.details(entry.kind, entry.details),
    ]
    return " – ".join(part for part in parts if part)


def _returned(entry: TimelineEntry) -> str:
    """Return which message came back, and why."""
    if entry.kind is not TimelineKind.MAIL_RETURNED:
        return ""
    kind = str(entry.details.get("mail", ""))
    reason = words.returned_for(str(entry.details.get("code", "")))
    return _("%(label)s: %(value)s", label=words.MAIL_KIND.get(kind) or _("Message"), value=reason)


def _note(entry: TimelineEntry) -> str:
    """Return what somebody wrote beside it, and whose words they are."""
    note = entry.details.get("note")
    if not note:
        return ""
    if entry.actor is Actor.CUSTOMER:
        return _("Customer’s comment: %(comment)s", comment=note)
    return _("Internal note: %(note)s", note=note)


def next_payment(subscription: Subscription, waits: PlannedWords | None) -> str | None:
    """Return the next payment's day; where none is taken any more that is known, and no unknown date."""
    at = subscription.next_payment_at
    is_known = (at is None and subscription.is_over) or subscription.takes_no_payment
    return _("none") if is_known or (waits is not None and waits.none_left) else day(at)


def plans(requests: Iterable[EndRequest], *, now: datetime) -> dict[uuid.UUID, PlannedWords]:
    """Return what is said of each end that waits, by subscription, for lists; the subscriptions are loaded."""
    said = ((one.subscription_id, planned(one, one.subscription, now=now)) for one in requests)
    return {subscription_id: waits for subscription_id, waits in said if waits is not None}


def planned(
    request: EndRequest, subscription: Subscription, given: tuple[Grant, ...] = (), *, now: datetime
) -> PlannedWords | None:
    """Return what is said of an end that waits for its day; None of one that does not wait."""
    told = planned_ends.told_of(request, subscription, g.merchant, given=given, now=now)
    return planned_words(told, formatter()) if told is not None else None


def asked_on(at: datetime, way: Way | None) -> str | None:
    """Return when somebody asked, without an hour where none is known."""
    return short(at) if has_hour(way) else formatter().short_day(at)


def declared_on(found: Withdrawal) -> str | None:
    """Return when a withdrawal was declared, without an hour where none is known."""
    return short(found.declared_at) if found.has_hour else formatter().short_day(found.declared_at)


def comeback_rows(comeback: Comeback) -> list[Row]:
    """Return what is known of an attempt to come back."""
    rows: list[Row] = [
        (_("Status"), str(labels.COMEBACK_STATE[comeback.state])),
        (_("Requested on"), short(comeback.created_at)),
        (_("Starts on"), short(comeback.start_at) or _("at once")),
        (_("PayPal subscription ID"), comeback.provider_id or _("none so far")),
    ]
    if comeback.approved_at is not None:
        rows.append((_("Approved on"), short(comeback.approved_at)))
    if comeback.trouble is not None:
        rows.append((_("What happened"), str(labels.COMEBACK_TROUBLE[comeback.trouble])))
    if comeback.issue:
        rows.append((_("PayPal error code"), comeback.issue))
    if comeback.debug_id:
        rows.append((_("PayPal debug ID"), comeback.debug_id))
    return rows
