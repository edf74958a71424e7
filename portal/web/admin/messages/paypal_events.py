"""Is PayPal reporting to us, what came, what waits, what failed; and what can be done about it.

No page here asks PayPal anything: only what somebody presses does.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Final

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.ends.duties import Duty, may
from portal.queries.merchants import paypal_accounts
from portal.queries.messages import event_lists, webhook_endpoints
from portal.queries.messages.event_lists import EventState, Health
from portal.queries.messages.webhook_endpoints import WebhookTrouble
from portal.services.messages import event_replays, missed_events, webhook_registration
from portal.services.messages import webhook_endpoints as endpoints
from portal.services.messages.event_replays import Replay
from portal.services.messages.missed_events import NothingToAsk
from portal.services.messages.webhook_registration import NotRegistered
from portal.services.paypal.gateways import NoKey
from portal.web.admin import bp, showing
from portal.web.admin.lists import place, turn
from portal.web.admin.messages import event_facts, event_words
from portal.web.admin.messages.event_forms import DAYS, TOO_OLD, EventFilter, FetchForm
from portal.web.identity import by, context, person
from portal.web.local_days import local_day, today

SHOWN: Final = (EventState.WAITING, EventState.FAILED)  # what the list can be narrowed to


@bp.get("/paypal/events", endpoint="paypal_events")
def index() -> ResponseReturnValue:
    """Show how PayPal's messages come in, and list them, newest first."""
    return _page(None)


@bp.post("/paypal/events/register", endpoint="paypal_events_register")
def register() -> ResponseReturnValue:
    """Look at our webhook at PayPal now, and mend it."""
    trouble = webhook_registration.ensure(context(), person().merchant_id, by=by(), now=utc_now())
    return _back(trouble, done=_("PayPal now sends messages to this portal."))


@bp.post("/paypal/events/test", endpoint="paypal_events_test")
def test() -> ResponseReturnValue:
    """Have PayPal send a made-up message."""
    try:
        trouble = webhook_registration.ask_for_test(context(), person().merchant_id, by=by(), now=utc_now())
    except NotRegistered:
        flash(_("PayPal is not sending messages to this portal yet: there is nothing to test."), "warning")
        return redirect(url_for(".paypal_events"), 303)
    done = _("PayPal was asked to send a test message. Load this page again to see whether it has arrived.")
    return _back(trouble, done=done)


@bp.post("/paypal/events/fetch", endpoint="paypal_events_fetch")
def fetch() -> ResponseReturnValue:
    """Have PayPal asked again for what it sent on the days given."""
    form = FetchForm()
    if not form.validate_on_submit():
        return _page(form), 422
    start, end = form.span
    try:
        missed_events.start_fetch(context(), person().merchant_id, start=start, end=end, by=by(), now=utc_now())
    except NothingToAsk:  # the hour that a change of clocks adds to the oldest day
        form.start.errors = [str(TOO_OLD)]
        return _page(form), 422
    except (NoKey, NotRegistered):
        flash(_("PayPal is not sending messages to this portal yet: it has nowhere to send them again."), "warning")
    else:
        flash(
            _("PayPal is being asked to send again what is missing. The messages appear here as they arrive."), "info"
        )
    return redirect(url_for(".paypal_events"), 303)


@bp.get("/paypal/events/<uuid:event_id>", endpoint="paypal_event")
def show(event_id: uuid.UUID) -> ResponseReturnValue:
    """Show one message; its text is for owners, since it holds customers' data."""
    who = person()
    with context().db.read() as session:
        event = event_lists.of_merchant(session, who.merchant_id, event_id)
        return showing.page(
            "paypal_event.html",
            session,
            event_id=event.id,
            title=event_words.type_of(event.event_type),
            state=event_words.state_of(event),
            state_mark=event_words.MARK[event.state],
            subject=event.subject,
            subscription_id=event_lists.subscription_id(session, who.merchant_id, event),
            rows=event_facts.event_rows(event, now=utc_now()),
            can_replay=event_replays.is_possible(event),
            is_for_another=event.error == "other_receiver",
            is_vouched=event_facts.is_vouched(event),
            body=event_facts.body_text(event) if may(who.role, Duty.PAYPAL) and event.body is not None else None,
        )


@bp.post("/paypal/events/<uuid:event_id>/replay", endpoint="paypal_event_replay")
def replay(event_id: uuid.UUID) -> ResponseReturnValue:
    """Handle one message once more."""
    if event_replays.replay(context(), person().merchant_id, event_id, by=by(), now=utc_now()) is Replay.UNDER_WAY:
        flash(_("The message is being processed again. Load this page again to see the result."), "info")
    else:
        flash(_("The text of this message was deleted: it can no longer be processed again."), "warning")
    return redirect(url_for(".paypal_event", event_id=event_id), 303)


def _back(trouble: WebhookTrouble | None, *, done: str) -> ResponseReturnValue:
    flash(*((done, "success") if trouble is None else (str(event_words.TROUBLE[trouble]), "warning")))
    return redirect(url_for(".paypal_events"), 303)


def _page(form: FetchForm | None) -> str:
    who = person()
    with context().db.browse() as session:
        health = event_lists.health(session, who.merchant_id)
        return showing.page(
            "paypal_events.html",
            session,
            form=form or _usual_span(health),
            last=event_facts.mention(health.last),
            failed=event_facts.mention(health.last_failed, with_reason=True),
            **_reporting(session, who.merchant_id, health, owner=may(who.role, Duty.PAYPAL)),
            **_listed(session, who.merchant_id),
        )


def _reporting(session: Session, merchant_id: uuid.UUID, health: Health, *, owner: bool) -> dict[str, object]:
    """Return whether PayPal reports to us. The secret addresses are for owners, who paste them at PayPal."""
    keys = {key.provider.value: key for key in paypal_accounts.all_of_merchant(session, merchant_id).values()}
    rest, classic = keys.get("paypal_rest"), keys.get("paypal_classic")
    endpoint = webhook_endpoints.of_merchant(session, merchant_id, rest.environment) if rest else None
    for_ipn = webhook_endpoints.of_merchant(session, merchant_id, classic.environment) if classic else None
    address = endpoints.webhook_url(context(), endpoint) if endpoint and owner else None
    trouble = endpoint.trouble if endpoint else None
    return {
        "has_rest": rest is not None,
        "has_classic": classic is not None,
        "is_registered": endpoint is not None and endpoint.webhook_id is not None,
        "trouble": event_words.TROUBLE[trouble] if trouble else None,
        "what_to_do": event_words.TODO[trouble] if trouble else None,
        "registration": event_facts.registration_rows(endpoint, address=address) if endpoint else [],
        "tested": event_facts.test_rows(endpoint, health.last),
        "fetched": event_facts.fetch_rows(endpoint),
        "ipn_address": endpoints.ipn_url(context(), for_ipn) if for_ipn and owner else None,
        "waiting": event_facts.waiting_rows(health, endpoint) + event_facts.provenance_rows(health.last),
    }


def _listed(session: Session, merchant_id: uuid.UUID) -> dict[str, object]:
    wanted = request.args.get("status")
    state = EventState(wanted) if wanted in SHOWN else None
    found = event_lists.events_page(session, merchant_id, state=state, place=place())
    filters = EventFilter(data={"status": state.value if state else ""})
    filters.offer({one.value: event_words.STATE[one] for one in SHOWN})
    return {
        "filters": filters,
        "is_filtered": state is not None,
        "rows": found.rows,
        "type_with_word": event_words.type_with_word,
        "event_state": event_words.state_of,
        "EVENT_MARK": event_words.MARK,
        "next_url": turn(after=found.next_id),
        "previous_url": turn(before=found.previous_id),
    }


def _usual_span(health: Health) -> FetchForm:
    """Offer the days since the last message; without one, those that PayPal itself tries for."""
    since = local_day(health.last.received_at) if health.last is not None else today() - timedelta(days=3)
    return FetchForm(start=max(since, today() - timedelta(days=DAYS)), end=today())
