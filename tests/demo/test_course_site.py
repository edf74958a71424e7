"""The demo's course site: what it remembers, what makes it forget, and what it does when nobody answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import responses
from standardwebhooks import Webhook

from portal.demo.course_access import FRESH, STALE, From, Portal, customer_of, is_signed
from portal.demo.course_site import EVENTS_SECRET, KEY, make_site
from portal.domain.integrations import api_keys

URL = "http://127.0.0.1:8000"
CUSTOMER, PRODUCT, LESSON, LATER = "cus_1", "prod_1", "cont_1", "cont_2"


class Clock:
    def __init__(self):
        self.at = 0.0

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def portal(clock):
    return Portal(URL, KEY, now=clock)


@pytest.fixture
def net():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as net:
        contents = [{"id": LESSON, "title": "First steps"}, {"id": LATER, "title": "Breathing"}]
        listed(net, "products", {"id": PRODUCT, "name": "Yoga at home", "contents": contents})
        listed(net, "customers", {"id": CUSTOMER, "name": "Emma Wright", "email": None})
        yield net


def listed(net, what, *rows):
    net.get(f"{URL}/v1/{what}", json={"data": list(rows)})


def says(net, *, allowed=True, status=200, closes=None):
    net.remove("GET", f"{URL}/v1/access")
    contents = [{"id": LESSON, "allowed": allowed}, {"id": LATER, "allowed": False}]
    body = {"allowed": allowed, "until": None, "next_change_at": closes and closes.isoformat()}
    body["contents"] = contents
    net.get(f"{URL}/v1/access", json=body if status == 200 else None, status=status, headers={"ETag": '"one"'})


def asked(net):
    return [call.request for call in net.calls if "/v1/access" in call.request.url]


def test_its_key_is_one_and_a_test_key():
    assert api_keys.is_key(KEY)
    assert KEY.startswith("psk_test_")


def test_an_answer_is_used_for_a_minute_and_then_asked_by_its_etag(net, portal, clock):
    says(net)
    assert portal.access(CUSTOMER, PRODUCT).came is From.ASKED
    clock.at = FRESH - 1
    assert portal.access(CUSTOMER, PRODUCT).came is From.KEPT
    assert len(asked(net)) == 1
    clock.at = FRESH
    says(net, status=304)
    answer = portal.access(CUSTOMER, PRODUCT)
    assert (answer.came, answer.opens(LESSON), answer.opens(LATER)) == (From.UNCHANGED, True, False)
    assert [one.headers.get("If-None-Match") for one in asked(net)] == [None, '"one"']
    assert asked(net)[0].headers["Authorization"] == f"Bearer {KEY}"
    says(net, allowed=False)
    clock.at = 2 * FRESH
    assert not portal.access(CUSTOMER, PRODUCT).opens(LESSON)


def test_without_an_answer_what_is_known_is_used_for_a_while_then_all_is_closed(net, portal, clock):
    says(net)
    portal.access(CUSTOMER, PRODUCT)
    says(net, status=503)
    clock.at = STALE - 1
    assert (portal.access(CUSTOMER, PRODUCT).came, portal.access(CUSTOMER, PRODUCT).opens(LESSON)) == (From.OLD, True)
    clock.at = STALE
    assert (portal.access(CUSTOMER, PRODUCT).came, portal.access(CUSTOMER, PRODUCT).opens(LESSON)) == (
        From.NOBODY,
        False,
    )


def test_a_refused_key_closes_at_once(net, portal, clock):
    says(net)
    portal.access(CUSTOMER, PRODUCT)
    says(net, status=401)
    clock.at = FRESH
    assert portal.access(CUSTOMER, PRODUCT).came is From.NOBODY


@pytest.fixture
def site(portal):
    return make_site(portal, events_secret=EVENTS_SECRET).test_client()


def tell(site, data, *, secret=EVENTS_SECRET, at=None, change=b""):
    """Post an event as the library of the standard signs it."""
    body, at = json.dumps({"type": "access.changed", "data": data}), at or datetime.now(UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": f"v1,AAAA {Webhook(secret).sign('msg_1', at, body)}",
    }
    return site.post("/events", data=body.encode() + change, headers=headers).status_code


def test_the_page_says_which_lessons_are_open_and_leads_to_the_space(net, site):
    says(net)
    assert "Emma Wright" in site.get("/?lang=en").text
    page = site.get(f"/?lang=en&customer={CUSTOMER}").text
    assert page.count('data-open="1"') == 1
    assert page.count('data-open="0"') == 1
    assert f"{URL}/account/studio/" in page
    assert "demonstration" in page


def test_a_signed_event_makes_it_ask_again(net, portal, site):
    says(net)
    portal.access(CUSTOMER, PRODUCT)
    assert tell(site, {"id": "cus_2"}) == 204
    assert portal.access(CUSTOMER, PRODUCT).came is From.KEPT
    assert tell(site, {"id": CUSTOMER, "product": PRODUCT}) == 204
    assert portal.access(CUSTOMER, PRODUCT).came is From.ASKED
    assert tell(site, {"id": "sub_1"}) == 204  # names nobody: everybody is asked about again
    assert portal.access(CUSTOMER, PRODUCT).came is From.ASKED


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"change": b" "},
    ],
)
def test_another_secret_an_old_message_and_a_changed_body_are_refused(net, portal, site, wrong):
    says(net)
    portal.access(CUSTOMER, PRODUCT)
    assert tell(site, {"id": CUSTOMER}, **wrong) == 401
    assert portal.access(CUSTOMER, PRODUCT).came is From.KEPT


@pytest.mark.parametrize(("off", "is_taken"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_a_receiver_whose_clock_is_off_by_five_minutes_still_takes_it(off, is_taken):
    """The documentation's five minutes, to the second and both ways: a second more, and it is refused."""
    at, body = datetime(2026, 12, 3, 8, tzinfo=UTC), "{}"
    signature = Webhook(EVENTS_SECRET).sign("evt_1", at, body)
    seconds = int(at.timestamp())
    sent = {"webhook-id": "evt_1", "webhook-timestamp": str(seconds), "webhook-signature": signature}
    assert is_signed(EVENTS_SECRET, sent.items(), body.encode(), now=seconds + off) is is_taken


@pytest.mark.parametrize("seconds", [10, 3600])
def test_no_answer_is_used_beyond_the_moment_at_which_something_closes(net, portal, clock, seconds):
    says(net, closes=datetime.now(UTC) + timedelta(seconds=seconds))
    portal.access(CUSTOMER, PRODUCT)
    clock.at = 5
    assert portal.access(CUSTOMER, PRODUCT).came is From.KEPT
    clock.at = 11
    came = portal.access(CUSTOMER, PRODUCT).came
    assert came is (From.ASKED if seconds == 10 else From.KEPT)


def test_what_is_no_signature_at_all_is_refused(site):
    assert site.post("/events", data=b"{}").status_code == 401
    assert site.post("/events", data=b"{}", headers={"webhook-timestamp": "now"}).status_code == 401


@pytest.mark.parametrize(
    ("event", "who"),
    [
        ({"data": {"id": "sub_1", "customer": "cus_9"}}, "cus_9"),
        ({"data": {"id": "cus_9"}}, "cus_9"),
        ({"data": {"id": "sub_1", "sequence": 3}}, None),
        ({"data": None}, None),
        ({}, None),
    ],
)
def test_whom_an_event_is_about(event, who):
    assert customer_of(event) == who
