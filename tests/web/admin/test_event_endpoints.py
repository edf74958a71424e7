"""The desk's pages about endpoints: a secret seen once, how each fares, and what a person can do about it."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.integrations.outgoing_events import CHOSEN, DeliveryState, EndpointState, EventType
from portal.domain.policies import Role
from portal.models import AuditEntry, EventDelivery, EventEndpoint
from portal.providers.event_posts import HttpEventPosts
from portal.services.outgoing import event_deliveries, event_endpoints
from portal.services.outgoing.event_endpoints import Wish
from portal.web.admin.integrations import endpoint_words
from tests.fakes.receivers import receiving
from tests.services.carrying.carried import ask

PAGE = "/admin/integrations/endpoints"


@pytest.fixture
def ctx(ctx):
    return replace(ctx, event_posts=HttpEventPosts(loopback=True, whole=2.0))


@pytest.fixture
def receiver():
    with receiving() as one:
        yield one


@pytest.fixture
def made(ctx, merchant, receiver):
    return event_endpoints.make(ctx, merchant.id, Wish(address=receiver.url), by=By(), now=utc_now())


def row(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(EventEndpoint)).one()


def acts(ctx):
    with ctx.db.read() as session:
        return list(
            session.scalars(
                select(AuditEntry.act).where(AuditEntry.subject_kind == "event_endpoint").order_by(AuditEntry.number)
            )
        )


def one(made):
    return f"{PAGE}/{made.endpoint_id}"


def test_the_section_leads_to_every_way(owner):
    page = owner.get("/admin/integrations")
    ways = {link["href"] for link in page.select("main a[href]")}
    assert {"/admin/integrations/keys", PAGE, "/admin/integrations/sessions"} <= ways
    (login,) = [link["href"] for link in page.select("main a[href]") if link.text == "Log-in with your site"]
    assert "Log-in with your site" in owner.get(login).text
    assert owner.get("/admin/integrations/sessions").select("main a[href='/admin/integrations/keys']")


def test_the_way_to_a_first_endpoint_shows_its_secret_once(owner, ctx):
    page = owner.get("/admin/integrations")
    assert "Not set up" in page.text
    assert "No endpoint yet." in owner.get(PAGE).text
    page = owner.get(f"{PAGE}/new").submit(
        address="https://example.com/events",
        description="Course site",
        types=["subscription.ended"],
        content="full",
        world="live",
    )
    (secret,) = re.findall(r"whsec_[\w+/=]+", page.text)
    kept = row(ctx)
    assert (kept.address, kept.types, kept.is_full) == ("https://example.com/events", ["subscription.ended"], True)
    assert kept.environment == "live"
    assert secret.encode() not in kept.secret
    page = page.follow("I have copied it")
    assert "whsec_" not in page.text
    assert "example.com/events" in page.text
    assert "Real subscriptions only" in page.text
    assert acts(ctx) == ["event_endpoint.made"]
    assert "Endpoint for events added" in owner.get("/admin/audit").text


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://example.com/hook", "begins with https://"),
        ("https://user:word@example.com/", "Leave out the user name"),
        ("https://example.com/#here", "after the #"),
        ("https://" + "a" * 600 + ".example", "too long"),
        ("https://[::1", "Enter the whole address"),
        ("", "Enter the address."),
    ],
)
def test_an_address_that_cannot_be_one_is_refused_with_what_to_do_and_nothing_typed_is_lost(owner, ctx, address, said):
    page = owner.get(f"{PAGE}/new").submit(
        status=422, address=address, description="Course site", types=["payment.completed"], content="thin"
    )
    assert said in page.text
    assert page.values(page.form(having=("address",)))["description"] == "Course site"
    assert page.select("input[value='payment.completed'][checked]")
    with ctx.db.read() as session:
        assert session.scalars(select(EventEndpoint)).all() == []


def test_two_endpoints_of_one_address_are_one_too_many(owner, made, receiver):
    page = owner.get(f"{PAGE}/new").submit(status=422, address=receiver.url, content="thin")
    assert "Another endpoint has this address already." in page.text


def test_a_test_event_and_its_answer_are_seen(owner, ctx, made, receiver):
    receiver.status, receiver.answer = 503, b"we are <b>closed</b>, api_key=abc123"
    page = owner.get(one(made)).submit(press="Send a test event")
    assert "A test event is on its way." in page.notices[0]
    event_deliveries.drain(ctx, made.endpoint_id, now=utc_now())
    page = owner.get(one(made)).follow("Test event")
    assert "Answer 503" in page.text
    assert "closed" in page.text
    assert "abc123" not in page.text
    receiver.status = 200
    page = page.submit(press="Send again")
    event_deliveries.drain(ctx, made.endpoint_id, now=utc_now())
    page = owner.get(page.path)
    assert "Answer 200" in page.text
    assert "Delivered" in page.text
    assert len(set(receiver.ids)) == 1


def test_pausing_keeps_what_comes_and_resuming_sends_it(owner, ctx, make, merchant, made, receiver):
    owner.get(one(made)).submit(press="Pause")
    assert row(ctx).state is EndpointState.PAUSED
    ask(ctx, make, make.subscription(merchant=merchant))
    page = owner.get(one(made))
    assert "New events wait" in page.text
    page = page.submit(press="Resume")
    assert page.notices == ["On again: 1 event is being sent."]
    event_deliveries.drain(ctx, made.endpoint_id, now=utc_now())
    assert len(receiver.got) == 1
    assert acts(ctx)[-2:] == ["event_endpoint.paused", "event_endpoint.resumed"]


@pytest.mark.parametrize(("meanwhile", "waits"), [(EndpointState.PAUSED, True), (EndpointState.DISABLED, False)])
def test_nobody_is_told_that_events_wait_for_an_endpoint_that_is_off(owner, ctx, merchant, made, meanwhile, waits):
    """What happens until it is switched on again is lost: whoever pauses it for the night has to know."""
    page = owner.get(one(made))
    event_endpoints.stop(ctx, merchant.id, made.endpoint_id, meanwhile, by=By(), now=utc_now())
    (said,) = page.submit(press="Pause").notices
    assert ("New events wait" in said) is waits
    assert ("switched off" in said) is not waits
    assert row(ctx).state is meanwhile


def test_switching_off_gives_up_what_waits_and_a_span_can_be_sent_again(owner, ctx, make, merchant, made, receiver):
    ask(ctx, make, make.subscription(merchant=merchant))
    page = owner.get(one(made)).submit(press="Switch off")
    assert "Not delivered" in page.text
    page = page.submit(press="Switch on")
    page = page.submit(press="Send again")
    assert page.notices == ["1 event is sent again."]
    event_deliveries.drain(ctx, made.endpoint_id, now=utc_now())
    assert len(receiver.got) == 1


def test_a_new_secret_is_shown_once_and_the_page_says_that_both_sign(owner, made):
    page = owner.get(one(made)).follow("New secret")
    assert "Nothing has changed yet." in page.text
    page = page.submit(press="Create a new secret")
    (secret,) = re.findall(r"whsec_[\w+/=]+", page.text)
    assert secret != made.secret
    assert "the former one signs too until" in owner.get(one(made)).text


def test_changing_and_removing(owner, ctx, made, receiver):
    page = owner.get(one(made)).follow("Change").submit(description="Mailing list", content="full")
    assert "Mailing list" in page.text
    page = page.follow("Remove").submit(press="Remove the endpoint")
    assert page.notices == ["The endpoint is removed."]
    with ctx.db.read() as session:
        assert session.scalars(select(EventEndpoint)).all() == []
    assert acts(ctx)[-2:] == ["event_endpoint.changed", "event_endpoint.removed"]


@pytest.mark.parametrize("press", ["Send a test event", "Pause", "Switch off"])
def test_a_button_of_an_endpoint_that_a_colleague_removed_says_so_on_the_list(owner, ctx, made, merchant, press):
    pages = [owner.get(one(made)), owner.get(f"{one(made)}/removal"), owner.get(f"{one(made)}/secret")]
    event_endpoints.remove(ctx, merchant.id, made.endpoint_id, by=By(), now=utc_now())
    for page, pressed in zip(pages, (press, "Remove the endpoint", "Create a new secret"), strict=True):
        there = page.submit(press=pressed)
        assert (there.path, there.notices) == (PAGE, ["This endpoint was removed."])
    assert acts(ctx)[-1] == "event_endpoint.removed"


def test_one_that_another_merchant_removed_is_as_unknown_as_one_that_never_was(enter, owner, make, made, ctx, merchant):
    event_endpoints.remove(ctx, merchant.id, made.endpoint_id, by=By(), now=utc_now())
    owner.get(f"{PAGE}/{uuid.uuid4()}", status=404)
    enter(make.merchant(locale="en")).get(one(made), status=404)


def test_another_merchants_endpoint_and_delivery_are_not_there(enter, make, made, ctx, merchant):
    event_endpoints.test(ctx, merchant.id, made.endpoint_id, by=By(), now=utc_now())
    with ctx.db.read() as session:
        delivery = session.scalars(select(EventDelivery.id)).one()
    other = enter(make.merchant(locale="en"))
    for path in (one(made), f"{one(made)}/settings", f"{one(made)}/removal", f"{one(made)}/deliveries/{delivery}"):
        other.get(path, status=404)


@pytest.mark.parametrize("role", [Role.READER, Role.SUPPORT, Role.MANAGER])
def test_only_owners_see_it_and_are_told_where_to_look(enter, merchant, ctx, made, role):
    with ctx.db.begin() as session:
        session.execute(update(EventEndpoint).values(state=EndpointState.PAUSED, state_at=utc_now(), is_by_hand=False))
    page = enter(merchant, role).get("/admin/products")
    assert "Events no longer reach 1 of your systems" in page.text
    assert not page.select("a[href='/admin/integrations']")


def test_an_endpoint_stopped_by_the_portal_is_told_on_every_page(owner, ctx, made):
    assert "Events no longer reach" not in owner.get("/admin/products").text
    with ctx.db.begin() as session:
        session.execute(update(EventEndpoint).values(state=EndpointState.DISABLED, state_at=utc_now()))
    page = owner.get("/admin/products").follow("See the endpoints")
    page = page.follow(endpoint_words.short_address(row(ctx).address))
    assert "it says that it no longer exists (410)" in page.text
    page.submit(press="Switch on")
    assert "Events no longer reach" not in owner.get("/admin/products").text


def test_the_log_is_narrowed_and_turned(owner, ctx, merchant, made):
    for _ in range(51):
        event_endpoints.test(ctx, merchant.id, made.endpoint_id, by=By(), now=utc_now())
    page = owner.get(one(made))
    assert len(page.select("tbody tr")) == 50
    assert len(page.follow("Next page →").select("tbody tr")) == 1
    assert "No event has this status." in owner.get(f"{one(made)}?state=failed").text
    with ctx.db.begin() as session:
        session.execute(update(EventDelivery).values(state=DeliveryState.FAILED))
    assert len(owner.get(f"{one(made)}?state=failed").select("tbody tr")) == 50
    assert len(owner.get(f"{one(made)}?state=none-such").select("tbody tr")) == 50


def test_a_span_that_ends_before_it_begins_is_refused(owner, ctx, merchant, made):
    event_endpoints.test(ctx, merchant.id, made.endpoint_id, by=By(), now=utc_now())
    page = owner.get(one(made)).submit(status=422, press="Send again", start="05/04/2026", end="03/04/2026")
    assert "At most 30 days back" in page.text


def test_a_span_may_end_on_the_last_day_of_the_calendar(owner, ctx, make, merchant, made):
    ask(ctx, make, make.subscription(merchant=merchant))
    page = owner.get(one(made)).submit(press="Switch off").submit(press="Switch on")
    page = page.submit(press="Send again", end="31/12/9999")
    assert page.notices == ["1 event is sent again."]


def test_every_word_is_there():
    assert set(endpoint_words.TYPE) == set(EventType)
    assert set(CHOSEN) == set(EventType) - {EventType.ENDPOINT_TEST}


@pytest.mark.parametrize(
    ("answers", "now_is"),
    [
        ({"description": "Mails"}, ("Mails", False, ["subscription.ended"])),
        ({"content": "full", "description": "Mails"}, ("Mails", False, ["subscription.ended"])),
        ({"types": ["payment.completed"]}, ("", False, ["payment.completed"])),
    ],
)
def test_what_a_colleague_switched_off_stays_off_whoever_had_its_form_open(
    owner, ctx, merchant, made, receiver, answers, now_is
):
    """A full event says whom it is about: sent again unseen, it would go on telling that to another system."""
    first = Wish(address=receiver.url, is_full=True, types=[EventType.SUBSCRIPTION_ENDED])
    event_endpoints.change(ctx, merchant.id, made.endpoint_id, first, by=By(), now=utc_now())
    page = owner.get(one(made)).follow("Change")
    less = replace(first, is_full=False)
    event_endpoints.change(ctx, merchant.id, made.endpoint_id, less, by=By(), now=utc_now())
    page.submit(**answers)
    after = row(ctx)
    assert (after.description, after.is_full, after.types) == now_is
