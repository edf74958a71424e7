"""From PayPal's messages and the address they come to, to the plain rows of the health page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.queries.messages.event_lists import MOST_COUNTED, EventSource, EventState, Health
from portal.services.messages.event_retention import KEEP_BODIES
from portal.web.admin import presenting, words
from portal.web.admin.messages import event_words

if TYPE_CHECKING:
    from portal.models import PayPalEvent, WebhookEndpoint

LONGEST_SHOWN: Final = 20_000  # characters of a body
VOUCHED: Final = frozenset({"other_receiver", "not_at_paypal", "old_profile"})  # found once PayPal knew it as its own

Row = tuple[str, str | None] | tuple[str, str | None, str | None]  # label, value, and a note


@dataclass(frozen=True, kw_only=True)
class Mention:
    """A message named on the health page, with the way to it."""

    words: str
    url: str
    when: str | None


def mention(event: PayPalEvent | None, *, with_reason: bool = False) -> Mention | None:
    """Return the message in words, and, for one that was given up, why; None when there is none."""
    if event is None:
        return None
    said = event_words.type_of(event.event_type)
    if with_reason:
        said += f" – {_reason(event.error) if event.error else event_words.state_of(event)}"
    url = url_for("admin.paypal_event", event_id=event.id)
    return Mention(words=said, url=url, when=presenting.short(event.received_at))


def waiting_rows(health: Health, endpoint: WebhookEndpoint | None) -> list[Row]:
    """Return what waits, and what was turned away at the door."""
    waiting = str(health.waiting) if health.waiting < MOST_COUNTED else _("%(number)s or more", number=MOST_COUNTED)
    since = presenting.short(health.oldest_waiting_at)
    rows: list[Row] = [(_("Waiting"), waiting, _("the oldest since %(moment)s", moment=since) if since else None)]
    if endpoint is not None and endpoint.last_refused_at is not None:
        count = ngettext("%(num)d message so far", "%(num)d messages so far", endpoint.refused_count)
        note = f"{presenting.short(endpoint.last_refused_at)} – {count}"
        rows.append((_("Rejected on arrival"), event_words.fault_of(endpoint.last_refusal), note))
    return rows


def provenance_rows(last: PayPalEvent | None) -> list[Row]:
    """Return by which way the last message was found to be PayPal's; nothing before the first one, and of an IPN."""
    found = last.provenance if last is not None else None
    return [(_("Last signature checked"), str(event_words.PROVENANCE[found]))] if found is not None else []


def registration_rows(endpoint: WebhookEndpoint, *, address: str | None) -> list[Row]:
    """Return what PayPal was told, and when; the address is for those who may change it."""
    rows: list[Row] = []
    if address is not None:
        rows.append((_("Address"), address))
    if endpoint.webhook_id is not None:
        rows.append((_("Registered since"), presenting.short(endpoint.registered_at)))
        rows.append((_("PayPal webhook ID"), endpoint.webhook_id))
    rows.append((_("Last check"), presenting.short(endpoint.checked_at) or _("not yet")))
    if endpoint.debug_id:
        rows.append((_("PayPal debug ID"), endpoint.debug_id))
    return rows


def test_rows(endpoint: WebhookEndpoint | None, last: PayPalEvent | None) -> list[Row]:
    """Return when a test was asked for and when its message came; any later message shows that the way is open."""
    if endpoint is None or endpoint.test_asked_at is None:
        return []
    seen = endpoint.test_seen_at
    if seen is None and last is not None and last.source is EventSource.WEBHOOK:
        seen = last.received_at if last.received_at >= endpoint.test_asked_at else None
    arrived = presenting.short(seen) or _("not yet: it can take a few minutes. Load this page again to see it.")
    return [(_("Test requested"), presenting.short(endpoint.test_asked_at)), (_("Test arrived"), arrived)]


def fetch_rows(endpoint: WebhookEndpoint | None) -> list[Row]:
    """Return how far the last « fetch what was missed » has come, and what it found at PayPal."""
    found = endpoint.last_fetch if endpoint is not None else None
    if not found:
        return []
    start, end, until = (datetime.fromisoformat(found[name]) for name in ("start", "end", "until"))
    progress = _("done") if until >= end else _("fetched up to %(moment)s", moment=presenting.short(until))
    return [
        (_("Last fetched"), f"{presenting.short(start)} – {presenting.short(end)}", progress),
        *_stopped(found),
        (_("Listed by PayPal"), str(found["listed"]), _("%(number)s of them were already here", number=found["known"])),
        (_("Requested again"), str(found["resent"])),
        (_("Not sent again by PayPal"), str(found["refused"])),
    ]


def _stopped(found: Mapping[str, Any]) -> list[Row]:
    if "stopped" not in found:
        return []
    rows: list[Row] = [(_("Stopped"), *event_words.stop_of(found["stopped"]))]
    return [*rows, (_("PayPal debug ID"), found["debug_id"])] if found.get("debug_id") else rows


def is_vouched(event: PayPalEvent) -> bool:
    """Say whether it is known to come from PayPal: webhooks are checked at the door, an IPN when it is handled."""
    return event.source is EventSource.WEBHOOK or event.state is EventState.DONE or event.error in VOUCHED


def event_rows(event: PayPalEvent, *, now: datetime) -> list[Row]:
    """Return all that is known of one message but its subject and its body."""
    rows: list[Row] = [
        (_("Type"), *event_words.type_with_word(event.event_type)),
        (_("Received via"), str(event_words.SOURCE[event.source])),
        (_("Environment"), str(words.ENVIRONMENT.get(event.environment, event.environment))),
        (_("Happened"), presenting.short(event.happened_at)),
        (_("Received"), presenting.short(event.received_at)),
        (_("Tries"), str(event.attempts)),
    ]
    if event.error:
        rows.append((_("Reason"), *event_words.reason_of(event.error)))
    if event.state is EventState.WAITING:
        due = event.next_try_at is not None and event.next_try_at > now
        rows.append((_("Next try"), presenting.short(event.next_try_at) if due else _("in a moment")))
    if event.handled_at is not None:
        rows.append((_("Processed on"), presenting.short(event.handled_at)))
    if event.replayed_at is not None:
        rows.append((_("Last replayed"), presenting.short(event.replayed_at)))
    if event.source is EventSource.WEBHOOK:  # an IPN has none: its key is our own
        rows.append((_("PayPal message ID"), event.event_id))
    return [*rows, (_("Content"), _kept(event))]


def body_text(event: PayPalEvent) -> str:
    """Return the body as text, cut where it is absurdly long; what is no UTF-8 is marked."""
    text = (event.body or b"").decode("utf-8", "replace").replace("\x00", "\ufffd")
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + " …"


def _reason(error: str) -> str:
    said, detail = event_words.reason_of(error)
    return f"{said} ({detail})" if detail else said


def _kept(event: PayPalEvent) -> str:
    if event.body is None:
        return _("deleted: texts are kept for %(days)s days", days=KEEP_BODIES.days)
    return _("kept until %(day)s", day=presenting.day(event.received_at + KEEP_BODIES + timedelta(days=1)))
