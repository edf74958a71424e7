"""How the simulator's messages to webhooks are signed, sent, sent again and given up."""

from __future__ import annotations

import base64
import json
import zlib
from datetime import datetime
from itertools import pairwise

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from portal.demo.simulator import Simulator, serve
from portal.demo.simulator.sending.certificates import NAMES, authority
from portal.demo.simulator.sending.delivery import RETRIES
from tests.demo.conftest import URL


def verify(paypal, headers, body, *, signed_for, environment="sandbox"):
    """PayPal's own recipe (FACTS.md 2.5), over HTTP and with the certificate's key."""
    address = headers["PAYPAL-CERT-URL"]
    assert address.startswith(f"{paypal.url}/v1/notifications/certs/CERT-")
    leaf, root = x509.load_pem_x509_certificates(requests.get(address, timeout=5).content)
    assert leaf.subject.rfc4514_string() == f"CN={NAMES[environment]}"
    leaf.verify_directly_issued_by(root)
    assert root == x509.load_pem_x509_certificate(authority().pem)
    parts = (headers["PAYPAL-TRANSMISSION-ID"], headers["PAYPAL-TRANSMISSION-TIME"], signed_for, str(zlib.crc32(body)))
    assert headers["PAYPAL-AUTH-ALGO"] == "SHA256withRSA"
    signature = base64.b64decode(headers["PAYPAL-TRANSMISSION-SIG"], validate=True)
    leaf.public_key().verify(signature, "|".join(parts).encode(), PKCS1v15(), hashes.SHA256())


def test_a_message_arrives_signed_as_paypal_signs(paypal, listener):
    webhook = paypal.add_webhook(listener.url)
    row = paypal.add_subscription(given_name="Zoé")
    paypal.happen(row.id, "buyer-cancels")
    assert listener.came.acquire(timeout=10)
    headers, body = listener.got[0]
    assert headers["Content-Type"] == "application/json"
    verify(paypal, headers, body, signed_for=webhook.id)
    (message,) = paypal.messages(webhook.id)
    assert (message.body, message.url) == (body, listener.url)
    assert message.headers.items() <= headers.items()
    event = json.loads(body)
    assert (event["event_type"], event["resource"]["subscriber"]["name"]["given_name"]) == (
        "BILLING.SUBSCRIPTION.CANCELLED",
        "Zoé",
    )


def test_live_messages_have_lives_certificate(paypal):
    paypal.automatic = False
    paypal.add_account("live-app", "secret", environment="live")
    webhook = paypal.add_webhook(URL, client_id="live-app")
    row = paypal.add_subscription(plan_id=paypal.add_plan(client_id="live-app").id)
    paypal.happen(row.id, "buyer-cancels")
    (message,) = paypal.messages(webhook.id)
    verify(paypal, message.headers, message.body, signed_for=webhook.id, environment="live")
    assert requests.get(f"{paypal.url}/v1/notifications/certs/CERT-1-2-3", timeout=5).status_code == 404


def test_a_simulated_event_is_signed_for_nobody_and_kept_nowhere(paypal, call, listener):
    webhook = paypal.add_webhook(listener.url)
    given = {"webhook_id": webhook.id, "event_type": "BILLING.SUBSCRIPTION.CANCELLED"}
    answer = call("POST", "simulate-event", json=given)
    assert answer.status_code == 202
    assert listener.came.acquire(timeout=10)
    headers, body = listener.got[0]
    verify(paypal, headers, body, signed_for="WEBHOOK_ID")
    assert json.loads(body) == answer.json()
    assert "next_billing_time" in answer.json()["resource"]["billing_info"]
    assert call("GET", "webhooks-events").json()["events"] == []
    bare = call("POST", "simulate-event", json={"url": listener.url, "event_type": "PAYMENT.SALE.COMPLETED"})
    assert bare.status_code == 202
    assert listener.came.acquire(timeout=10)
    verify(paypal, *listener.got[1], signed_for="WEBHOOK_ID")


def test_every_event_type_can_be_simulated(paypal, call):
    paypal.automatic = False
    webhook = paypal.add_webhook(URL)
    names = [row["name"] for row in call("GET", "webhooks-event-types").json()["event_types"]]
    for name in names:
        if "-" in name:
            continue  # PayPal's own file forbids the hyphen of RE-ACTIVATED here
        assert call("POST", "simulate-event", json={"webhook_id": webhook.id, "event_type": name}).status_code == 202
    assert len(paypal.messages(webhook.id)) == len([name for name in names if "-" not in name])


@pytest.mark.parametrize("bad", [500, 404, 302])
def test_what_is_not_taken_is_sent_again_the_same(paypal, listener, bad):
    paypal.automatic = False
    paypal.add_webhook(listener.url)
    row = paypal.add_subscription()
    paypal.happen(row.id, "buyer-cancels")
    listener.answers = [bad]
    (once,) = paypal.deliver_now()
    assert (once.state, once.answer, once.attempts) == ("pending", str(bad), 1)
    (twice,) = paypal.deliver_now()
    assert (twice.state, twice.answer, twice.attempts) == ("delivered", "200", 2)
    assert paypal.deliver_now() == []
    assert [body for _, body in listener.got] == [listener.got[0][1]] * 2


def test_the_gaps_grow_and_it_is_given_up_in_the_end(paypal):
    paypal.automatic = False
    paypal.add_webhook("http://127.0.0.1:1/nobody")
    row = paypal.add_subscription()
    paypal.happen(row.id, "buyer-cancels")
    gaps = []
    while paypal.pending:
        (sent,) = paypal.deliver_now()
        gaps.append((datetime.fromisoformat(sent.next_try) - paypal.real_now()).total_seconds())
    assert len(gaps) == RETRIES + 1
    a_look_takes = 5  # seconds at most between the sending and this test's own look at the clock
    assert all(later > earlier - a_look_takes for earlier, later in pairwise(gaps))
    assert gaps[0] < 60 < gaps[-1] <= 3600
    assert (sent.state, sent.answer) == ("failed", "ConnectionError")


def test_nothing_leaves_this_machine(paypal):
    paypal.automatic = False
    paypal.add_webhook("https://192.0.2.1/hook")  # an address of nobody: a call would wait in vain
    paypal.happen(paypal.add_subscription().id, "buyer-cancels")
    (sent,) = paypal.deliver_now()
    assert (sent.state, sent.answer) == ("pending", "not on this machine")


def test_the_courier_tries_again_by_itself(paypal, listener):
    paypal.add_webhook(listener.url)
    listener.answers = [503]
    row = paypal.add_subscription()
    paypal.happen(row.id, "buyer-cancels")
    assert listener.came.acquire(timeout=10)
    assert listener.came.acquire(timeout=20)
    assert listener.got[0][1] == listener.got[1][1]


def test_what_was_held_back_goes_out_when_it_may(paypal, listener):
    paypal.automatic = False
    paypal.add_webhook(listener.url)
    row = paypal.add_subscription()
    paypal.happen(row.id, "buyer-cancels")
    assert not listener.came.acquire(timeout=0.2)
    paypal.automatic = True
    assert listener.came.acquire(timeout=10)


def test_an_event_is_sent_again_on_demand(paypal, call, listener):
    paypal.automatic = False
    webhook, other = paypal.add_webhook(listener.url), paypal.add_webhook(listener.url + "2")
    row = paypal.add_subscription()
    paypal.happen(row.id, "buyer-cancels")
    (event_id,) = paypal.state.events
    pending = call("POST", f"webhooks-events/{event_id}/resend", json={"webhook_ids": [webhook.id]})
    assert pending.status_code == 202
    assert len(paypal.messages(webhook.id)) == 1, "what is still on its way is not sent twice"
    paypal.deliver_now()
    again = call("POST", f"webhooks-events/{event_id}/resend", json={"webhook_ids": [webhook.id]})
    assert (again.status_code, again.json()["id"]) == (202, event_id)
    first, second = paypal.messages(webhook.id)
    assert (first.body, first.event_id) == (second.body, second.event_id)
    assert first.transmission_id != second.transmission_id
    assert len(paypal.messages(other.id)) == 1


def test_messages_not_sent_outlive_a_restart(tmp_path, listener):
    file = tmp_path / "paypal.json"
    first = Simulator(file)
    first.automatic = False
    with serve(first):
        webhook = first.add_webhook(listener.url)
        first.happen(first.add_subscription().id, "buyer-cancels")
    assert listener.got == []
    second = Simulator(file)
    with serve(second):
        assert listener.came.acquire(timeout=10)
    assert [message.body for message in second.messages(webhook.id)] == [listener.got[0][1]]


def test_messages_can_come_in_another_order_and_a_second_time(paypal, listener):
    def post(path, **given):
        requests.post(f"{paypal.url}/_simulator/{path}", json=given, timeout=5).raise_for_status()

    paypal.add_webhook(listener.url)
    post("sending", automatic=False)
    happened = [paypal.happen(paypal.add_subscription().id, "buyer-cancels").id for _ in range(12)]
    post("sending", automatic=True, shuffled=7)
    for _ in happened:
        assert listener.came.acquire(timeout=10)
    came = [json.loads(body)["resource"]["id"] for _, body in listener.got]
    assert sorted(came) == sorted(happened)
    assert came != happened

    post("sending", automatic=True)
    paypal.settle()  # waits for the lock of the message that is being noted as arrived
    post("deliveries/repeat", last=2)
    for _ in range(2):
        assert listener.came.acquire(timeout=10)
    ids = [headers["PAYPAL-TRANSMISSION-ID"] for headers, _ in listener.got]
    assert len(ids) == 14
    assert len(set(ids)) == 12, "the same transmissions, as after an answer that got lost"


def test_a_message_that_waits_for_its_gap_can_be_hurried(paypal, listener):
    listener.answers = [503, 503, 503]
    paypal.add_webhook(listener.url)
    paypal.happen(paypal.add_subscription().id, "buyer-cancels")
    while len(listener.got) < 4:  # its gaps would be 2, 4 and 8 seconds
        listener.came.acquire(timeout=0.1)
        requests.post(f"{paypal.url}/_simulator/deliveries/hurry", timeout=5).raise_for_status()
    assert len(listener.got) == 4
