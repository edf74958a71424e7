"""Making a subscription: the client and the simulator, both judged by PayPal's own file."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from portal.demo.simulator.records import moment
from portal.providers.paypal.pages import approval_page
from portal.providers.ports import GatewayRefused, GatewayUnavailable, NewSubscription, Refusal

RETURN, CANCEL = "http://portal.test/back", "http://portal.test/no"


def wanted(plan_id, start_at=None, **more):
    return NewSubscription(
        **{
            "plan_id": plan_id,
            "start_at": start_at,
            "custom_id": "portal:42",
            "language": "fr",
            "return_url": RETURN,
            "cancel_url": CANCEL,
        }
        | more
    )


def test_made_once_for_one_request_id_and_shown_to_the_buyer_at_the_simulator(paypal, gateway):
    plan, start = paypal.add_plan(), paypal.now() + timedelta(days=5)
    made = gateway.create_subscription(wanted(plan.id, start), request_id="one")
    again = gateway.create_subscription(wanted(plan.id, start), request_id="one")
    other = gateway.create_subscription(wanted(plan.id), request_id="two")

    assert (again.provider_id, again.approval_url) == (made.provider_id, made.approval_url)
    assert made.approval_url.startswith(paypal.url + "/webapps/billing/subscriptions?ba_token=BA-")
    assert made.debug_id
    assert other.provider_id != made.provider_id
    assert len(paypal.subscriptions) == 2
    reading = gateway.show_subscription(made.provider_id)
    assert (reading.status, reading.custom_id, reading.payer_email) == ("APPROVAL_PENDING", "portal:42", None)
    assert timedelta(0) <= reading.started_at - start < timedelta(seconds=1), "never before the time that was asked for"


@pytest.mark.parametrize(
    ("spoil", "refusal", "issue"),
    [
        ({"plan_id": "P-UNKNOWN0000000000000000"}, Refusal.NOT_FOUND, "INVALID_RESOURCE_ID"),
        ({"plan_id": "inactive"}, Refusal.PLAN_STATUS_INVALID, "PLAN_STATUS_INVALID"),
        ({"start_at": timedelta(minutes=-1)}, Refusal.OTHER, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_what_paypal_refuses(paypal, gateway, spoil, refusal, issue):
    good, inactive = paypal.add_plan(), paypal.add_plan(status="INACTIVE")
    given = {"plan_id": good.id} | spoil
    given["plan_id"] = inactive.id if given["plan_id"] == "inactive" else given["plan_id"]
    if "start_at" in given:
        given["start_at"] = paypal.now() + given["start_at"]
    with pytest.raises(GatewayRefused) as caught:
        gateway.create_subscription(wanted(**given), request_id="one")
    assert (caught.value.refusal, caught.value.issue) == (refusal, issue)
    assert not paypal.subscriptions


def test_an_answer_that_was_lost_is_given_again(paypal, open_gateway):
    plan = paypal.add_plan()
    paypal.rule("create", "silent", 1, seconds=1.5)
    with pytest.raises(GatewayUnavailable):
        open_gateway(patience=0.5).create_subscription(wanted(plan.id), request_id="one")
    made = open_gateway().create_subscription(wanted(plan.id), request_id="one")
    assert list(paypal.subscriptions) == [made.provider_id]


@pytest.mark.parametrize(("choice", "back", "status"), [("approve", RETURN, "ACTIVE"), ("cancel", CANCEL, None)])
def test_the_buyers_page_says_what_it_is_and_leads_back(paypal, gateway, choice, back, status):
    plan = paypal.add_plan()
    made = gateway.create_subscription(wanted(plan.id), request_id="one")
    page = requests.get(made.approval_url, timeout=5)
    assert "This is a simulator, not PayPal." in page.text
    assert "<script" not in page.text
    answer = requests.post(made.approval_url, data={"choice": choice}, allow_redirects=False, timeout=5)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{back}?subscription_id={made.provider_id}&ba_token=BA-")
    assert gateway.show_subscription(made.provider_id).status == (status or "APPROVAL_PENDING")
    if status:
        assert gateway.show_subscription(made.provider_id).payer_email == "paula@exemple.fr"


def test_one_that_is_never_approved_is_forgotten(paypal, gateway):
    plan = paypal.add_plan()
    made = gateway.create_subscription(wanted(plan.id), request_id="one")
    kept = gateway.create_subscription(wanted(plan.id), request_id="two")
    requests.post(kept.approval_url, data={"choice": "approve"}, allow_redirects=False, timeout=5)
    paypal.advance(hours=25)
    with pytest.raises(GatewayRefused) as caught:
        gateway.show_subscription(made.provider_id)
    assert caught.value.refusal is Refusal.NOT_FOUND
    assert requests.get(made.approval_url, timeout=5).status_code == 404
    assert gateway.show_subscription(kept.provider_id).status == "ACTIVE"


def test_a_start_ahead_waits_for_its_day(paypal, gateway):
    start = paypal.now() + timedelta(days=5)
    made = gateway.create_subscription(wanted(paypal.add_plan().id, start), request_id="one")
    requests.post(made.approval_url, data={"choice": "approve"}, allow_redirects=False, timeout=5)
    assert gateway.show_subscription(made.provider_id).status == "APPROVED"
    assert paypal.subscriptions[made.provider_id].payments == []
    paypal.advance(days=6)
    assert gateway.show_subscription(made.provider_id).status == "ACTIVE"
    (paid,) = paypal.subscriptions[made.provider_id].payments
    assert moment(paid.time) >= start


LIVE = frozenset({"https://www.paypal.com"})


@pytest.mark.parametrize(
    "href",
    [
        "http://www.paypal.com/x",
        "https://www.paypal.com.evil.test/x",
        "https://evil.test/www.paypal.com",
        "https://www.paypal.com@evil.test/",
        "https://www.paypal.com:444/x",
        "https://paypal.com/x",
        "https://www.sandbox.paypal.com/x",
        "//www.paypal.com/x",
        "javascript:alert(1)//https://www.paypal.com",
        "https://www.paypal.com/\n<script>",
        'https://www.paypal.com/"onclick=',
        "https://www.paypal.com\\@evil.test/",
        "https://[www.paypal.com/",
        "https://www.paypal.com/" + "x" * 2000,
        None,
        7,
    ],
)
def test_nobody_is_sent_to_a_page_that_is_not_paypals(href):
    assert approval_page({"links": [{"rel": "approve", "href": href}]}, LIVE) is None


def test_the_page_is_found_among_the_links_whatever_else_stands_there():
    good = "https://www.paypal.com/webapps/billing/subscriptions?ba_token=BA-2M539689T3856352J"
    links = [7, {"rel": "self", "href": "https://api.paypal.com"}, {"rel": "approve", "href": good, "encType": "x"}]
    assert approval_page({"links": links}, LIVE) == good
    assert approval_page({"links": "none"}, LIVE) is None
    assert approval_page({}, LIVE) is None
