"""PayPal at the door of the web: raw bytes in, a status out, nothing else asked or told."""

from __future__ import annotations

import io

import pytest
from sqlalchemy import event as sql_events

from portal.models import EventState
from tests.fakes.webhooks import event, headers
from tests.services.messages.webhook_desk import WebhookDesk, changed

CANCELLED = "BILLING.SUBSCRIPTION.CANCELLED"
MOST = 1024 * 1024


@pytest.fixture
def desk(ctx, paypal, make):
    return WebhookDesk(ctx, paypal, make.merchant())


@pytest.fixture
def post(app, desk):
    """Post bytes as PayPal does, over http, without a browser's cookies or token."""
    client = app.test_client(use_cookies=False)

    def send(body=b"", *, token=None, delivery=None, **more):
        delivery = delivery or desk.sign(body)
        given = {**headers(delivery), **more.pop("headers", {})}
        if "input_stream" not in more:
            more["data"] = delivery.body
        return client.post(
            f"/webhooks/paypal/{token or desk.token}", headers=given, base_url="http://portal.test", **more
        )

    return send


def test_a_message_is_taken_and_answered_with_nothing(post, desk):
    body = event(CANCELLED, changed("I-BW452GLLEP1G", note="résilié \\u0000 \0"))
    answer = post(body)
    assert (answer.status_code, answer.data) == (200, b"")
    assert "Set-Cookie" not in answer.headers
    assert [row.body for row in desk.rows()] == [body]
    assert post(body).status_code == 200
    assert len(desk.rows()) == 1


@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "", "application/json"],
)
def test_the_bytes_arrive_whatever_they_are_called(post, desk, kind):
    body = b"csrf_token=x&a=%00&" + event(CANCELLED, changed("I-BW452GLLEP1G"))
    assert post(body, headers={"Content-Type": kind}).status_code == 200
    assert [row.body for row in desk.rows()] == [body]


def test_another_site_in_the_headers_does_not_matter(post):
    assert post(b"{}", headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://paypal.com"}).status_code == 200


def test_header_names_are_read_in_any_letter_case(app, desk):
    delivery = desk.sign(b"{}")
    given = {name.lower(): value for name, value in headers(delivery).items()}
    answer = app.test_client().post(f"/webhooks/paypal/{desk.token}", data=b"{}", headers=given)
    assert answer.status_code == 200


def test_an_unknown_address_is_404_and_a_bad_signature_400(post, desk, ctx):
    body = event(CANCELLED, changed("I-BW452GLLEP1G"))
    assert post(body, token="x" * 43).status_code == 404
    assert post(body, headers={"PAYPAL-TRANSMISSION-SIG": "AAAA"}).status_code == 400
    assert post(body, headers={"PAYPAL-AUTH-ALGO": ""}).status_code == 400
    assert desk.endpoint().refused_count == 2
    assert desk.rows() == []


def test_the_refusal_is_logged_with_its_reason_and_without_the_address(post, desk, caplog):
    with caplog.at_level("INFO"):
        post(b"{}", headers={"PAYPAL-TRANSMISSION-SIG": "AAAA"})
    said = [record.getMessage() for record in caplog.records]
    assert any("webhook_refused" in line and "signature" in line for line in said)
    assert not any(desk.token in line for line in said)


def test_503_when_the_certificate_cannot_be_had(post, paypal, desk):
    paypal.rule("certificate", "503")
    assert post(b"{}").status_code == 503
    assert desk.rows() == []


def test_a_body_of_the_largest_size_is_taken_and_a_larger_one_is_413(post, desk):
    largest = b" " * MOST
    assert post(largest).status_code == 200
    assert post(largest + b" ").status_code == 413
    assert [len(row.body) for row in desk.rows()] == [MOST]


def test_an_endless_body_without_a_length_is_413(post, desk):
    delivery = desk.sign(b"")
    answer = post(
        delivery=delivery,
        headers={"Transfer-Encoding": "chunked"},
        input_stream=io.BytesIO(b" " * (MOST + 4096)),
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )
    assert answer.status_code == 413
    assert desk.rows() == []


@pytest.mark.parametrize("length", ["10", "5000"])
def test_a_length_that_lies_is_refused(post, desk, length):
    """Shorter: the bytes do not fit the signature. Longer: the message was cut on its way."""
    body = event(CANCELLED, changed("I-BW452GLLEP1G"))
    delivery = desk.sign(body)
    answer = post(delivery=delivery, input_stream=io.BytesIO(body), environ_overrides={"CONTENT_LENGTH": length})
    assert answer.status_code == 400
    assert desk.rows() == []


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "patch", "options"])
def test_nothing_but_post_is_answered(app, desk, method):
    answer = getattr(app.test_client(), method)(f"/webhooks/paypal/{desk.token}", base_url="http://portal.test")
    assert answer.status_code == (200 if method == "options" else 405)
    assert desk.rows() == []


def test_nobody_is_looked_up_for_it(app, post, ctx, desk):
    """No session, no merchant, no language: what it costs is the intake's own statements."""
    post(b"{}")
    seen = []
    sql_events.listen(ctx.db.engine, "before_cursor_execute", lambda *call: seen.append(call[2]))
    assert post(event(CANCELLED, changed("I-BW452GLLEP1G"))).status_code == 200
    assert len(seen) == 1, seen  # the message; its job goes past SQLAlchemy, and its address is known by now
    assert not any("sessions" in statement for statement in seen)


def test_the_simulator_and_the_portal_understand_each_other(app, post, ctx, paypal, desk, make):
    """PayPal's side made the message: another hand than ours signed it."""
    paypal.automatic = False
    webhook = paypal.add_webhook(f"http://portal.test/webhooks/paypal/{desk.token}")
    desk.set(webhook_id=webhook.id)
    subscription = make.subscription(merchant=desk.merchant)
    paypal.happen(subscription.provider_id, "buyer-cancels")
    [message] = [one for one in paypal.messages(webhook.id) if one.event_type == CANCELLED]
    answer = app.test_client().post(message.url, data=message.body, headers=message.headers)
    assert answer.status_code == 200
    desk.work()
    assert [row.state for row in desk.rows()] == [EventState.DONE]
    assert make.reload(subscription).is_over
