"""Messages whose certificate came without its intermediate (deciding test 24): taken by PayPal's own word alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from portal.demo.simulator.sending.certificates import certificate
from portal.demo.simulator.sending.delivery import CERTIFICATES, certificate_id
from portal.domain.provenances import Provenance
from portal.models import EventState
from portal.services.arrivals import provenances
from portal.services.messages.webhook_intake import Intake
from tests.fakes.webhooks import event, signed
from tests.services.messages.webhook_desk import WebhookDesk

CANCELLED = "BILLING.SUBSCRIPTION.CANCELLED"


class LoneDesk(WebhookDesk):
    """A webhook whose messages are signed with a certificate that is served alone."""

    def sign(self, body, **more):
        lone = certificate("sandbox", lone=True)
        url = self.paypal.url + CERTIFICATES + certificate_id("sandbox", lone=True)
        return signed(lone, body, **{"webhook_id": self.webhook_id, "url": url, **more})


@pytest.fixture
def desk(ctx, make, paypal):
    merchant = make.merchant()
    made = paypal.add_webhook("http://portal.test/webhooks/paypal/x")
    desk = LoneDesk(ctx, paypal, merchant, webhook_id=made.id)
    desk.webhook_id = made.id
    return desk


@pytest.fixture
def body(make, desk, paypal):
    subscription = make.subscription(merchant=desk.merchant)
    paypal.happen(subscription.provider_id, "buyer-cancels")
    return event(CANCELLED, {"id": subscription.provider_id, "note": "résilié"})


def only(desk):
    (row,) = desk.rows()
    return row


def test_24_a_genuine_one_is_stored_proven_by_a_job_and_then_done(desk, paypal, body):
    assert desk.send(body) is Intake.STORED
    assert (only(desk).provenance, paypal.count("verify_message")) == (Provenance.OPEN, 0)
    for _ in range(2):
        desk.work()
    assert (only(desk).provenance, only(desk).state) == (Provenance.ASKED, EventState.DONE)
    assert paypal.count("verify_message") == 1
    assert only(desk).delivery is None


def test_24_one_that_paypal_does_not_know_is_refused_and_its_bytes_are_forgotten(desk, paypal, body):
    """Signed for a webhook of that id which is not this application's."""
    desk.set(webhook_id="1JE4291016473214C")
    assert desk.send(body, webhook_id="1JE4291016473214C") is Intake.STORED
    desk.work()
    row = only(desk)
    assert (row.state, row.error, row.body) == (EventState.REFUSED, "not_paypal", None)
    assert paypal.count("show") == 0, "it leads to nothing"


def test_24_forged_ones_are_refused_at_the_door(desk, body):
    genuine = desk.sign(body)
    for change in ({"body": body + b" "}, {"transmission_id": "another"}, {"cert_url": "https://evil.example/x"}):
        assert desk.take_in(replace(genuine, **change)) is Intake.REFUSED
    assert desk.send(b"not json") is Intake.REFUSED, "PayPal cannot be asked about it"
    assert desk.send(b'{"id": "WH-1"}, "webhook_id": "x"') is Intake.REFUSED
    assert desk.rows() == []


def test_24_a_silent_paypal_is_asked_again_and_nothing_is_done_meanwhile(desk, paypal, body):
    paypal.rule("verify_message", "500", times=1)
    desk.send(body)
    desk.work()
    assert (only(desk).state, only(desk).provenance) == (EventState.WAITING, Provenance.OPEN)
    assert paypal.count("show") == 0
    desk.work(later=timedelta(minutes=2))
    assert only(desk).state is EventState.DONE


def test_24_paypal_is_asked_so_many_times_an_hour(desk, paypal, body, monkeypatch):
    monkeypatch.setattr(provenances, "ASKED", 0)
    desk.send(body)
    desk.work()
    assert (only(desk).state, only(desk).error) == (EventState.WAITING, "asked_often")
    assert paypal.count("verify_message") == 0
