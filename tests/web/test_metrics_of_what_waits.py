"""/metrics: since when a declaration waits to be decided or carried out, and an event to be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.ends.received_requests import ReceivedState
from portal.domain.integrations.outgoing_events import EndpointState
from portal.domain.law.countries import Country, Function, strategy
from portal.domain.law.declarations import Carrying
from portal.models import EventDelivery, EventEndpoint, PublicDeclaration, ReceivedRequest
from portal.services.declarations import declarations
from portal.services.declarations.declarations import Declared
from portal.services.outgoing import event_endpoints
from portal.services.outgoing.event_endpoints import Wish
from tests.web.test_metrics import TOKEN, figures, of

HOUR = timedelta(hours=1)


@pytest.fixture
def config(config):
    return replace(config, metrics_tokens=(TOKEN,))


@pytest.fixture
def told(app):
    """What is told now; what was told a moment ago would else be told again."""

    def look():
        app.extensions.pop("portal_figures", None)
        return figures(app)

    return look


def declare(ctx, merchant, name, *, at):
    wish = Declared(
        merchant_id=merchant.id,
        strategy=strategy(Country.FR, Function.CANCELLATION),
        language="fr",
        page_token=f"page-{name}",
        name=name,
        email=f"{name}@client.test",
    )
    return declarations.declare(ctx, wish, network=name, now=at)


def change(ctx, row, key, **values):
    with ctx.db.begin() as session:
        session.execute(update(row).where(key).values(**values))


def of_declarations(found):
    numbers = {
        state: of(found, "portal_requests_open", kind="declaration", state=state) for state in ("undecided", "due")
    }
    oldest = of(found, "portal_request_oldest_seconds", kind="declaration", waits_for="portal")
    return numbers, round(oldest / 3600)


def test_a_declaration_waits_for_us_until_it_is_decided_and_from_when_its_delay_is_over(ctx, make, told):
    """Who declares by the way of the law is no worse watched than who presses the button."""
    merchant, now = make.merchant(), utc_now()
    subscription = make.subscription(merchant=merchant)
    assert of_declarations(told()) == ({"undecided": 0, "due": 0}, 0)
    received_id = declare(ctx, merchant, "claire", at=now - 5 * HOUR)
    declare(ctx, merchant, "anne", at=now - 2 * HOUR)
    assert of_declarations(told()) == ({"undecided": 2, "due": 0}, 5)

    mine = PublicDeclaration.received_request_id == received_id
    decided = {"decided_at": now - 5 * HOUR, "subscription_id": subscription.id}
    change(ctx, PublicDeclaration, mine, carrying=Carrying.AFTER_DELAY, due_at=now + HOUR, **decided)
    assert of_declarations(told()) == ({"undecided": 1, "due": 0}, 2)
    change(ctx, PublicDeclaration, mine, due_at=now - 4 * HOUR)
    assert of_declarations(told()) == ({"undecided": 1, "due": 1}, 4)
    change(ctx, PublicDeclaration, mine, confirmed_at=now - 3 * HOUR)
    assert of_declarations(told()) == ({"undecided": 1, "due": 1}, 3)

    settled = {"state": ReceivedState.DISMISSED, "dismissal": "Twice", "settled_at": now}
    change(ctx, ReceivedRequest, ReceivedRequest.id == received_id, **settled)
    assert of_declarations(told()) == ({"undecided": 1, "due": 0}, 2)


def test_an_event_is_late_from_when_its_system_could_have_been_told(ctx, make, told):
    merchant, now = make.merchant(), utc_now()
    assert of(told(), "portal_event_overdue_seconds") == 0
    by = {"by": By(), "now": now}
    made = event_endpoints.make(ctx, merchant.id, Wish(address="https://example.com/events"), **by)
    event_endpoints.test(ctx, merchant.id, made.endpoint_id, **by)
    mine = EventEndpoint.id == made.endpoint_id
    for due, quiet_until, late in ((HOUR, None, 0), (-HOUR, None, 3600), (-HOUR, -HOUR / 2, 1800), (-HOUR, HOUR, 0)):
        change(ctx, EventDelivery, EventDelivery.endpoint_id == made.endpoint_id, next_try_at=now + due)
        change(ctx, EventEndpoint, mine, quiet_until=None if quiet_until is None else now + quiet_until)
        assert of(told(), "portal_event_overdue_seconds") == pytest.approx(late, abs=120), (due, quiet_until)
    change(ctx, EventEndpoint, mine, quiet_until=None, state=EndpointState.DISABLED)
    assert of(told(), "portal_event_overdue_seconds") == 0, "nobody is called there"
