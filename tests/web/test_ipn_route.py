"""The door for IPNs: raw bytes in, 200 with nothing out, no cookie, no token, no form (FACTS.md 3.2)."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from portal.models import EventState, PayPalEvent
from portal.services.messages import drains, webhook_endpoints

BODY = b"txn_type=subscr_payment&subscr_id=I-ABCDEFGH1234&first_name=Zo%EB&charset=windows-1252&txn_id=TXN00000001"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def address(ctx, make):
    merchant = make.merchant(key=False)
    with ctx.db.begin() as session:
        endpoint = webhook_endpoints.endpoint_of(session, merchant.id, "sandbox")
    return webhook_endpoints.ipn_url(ctx, endpoint).removeprefix("http://portal.test")


@pytest.fixture
def post(app, address):
    """Post as PayPal does: no cookie, no referrer."""
    client = app.test_client(use_cookies=False)

    def send(body=BODY, path=address, **more):
        return client.post(path, data=body, base_url="http://portal.test", **({"content_type": FORM} | more))

    return send


def stored(ctx):
    with ctx.db.read() as session:
        return list(session.scalars(select(PayPalEvent)))


def test_a_message_is_stored_as_its_bytes_and_answered_with_nothing(ctx, post):
    answer = post()
    assert (answer.status_code, answer.data) == (200, b"")
    assert "Set-Cookie" not in answer.headers
    (event,) = stored(ctx)
    assert event.body == BODY
    assert (event.state, event.event_type, event.subject) == (EventState.WAITING, "subscr_payment", "I-ABCDEFGH1234")


def test_it_reaches_paypal_byte_for_byte_from_the_open_door(ctx, make, post, paypal):
    with ctx.db.read() as session:
        merchant_id = session.scalars(select(webhook_endpoints.WebhookEndpoint.merchant_id)).one()
    from portal.models import Merchant

    with ctx.db.read() as session:
        make.classic_key(session.get_one(Merchant, merchant_id))
    body = BODY + b"&receiver_email=seller%40client.test&test_ipn=1&memo=%E9%2B+%2b%0d%0a%C3"
    paypal.add_ipn(body)
    assert post(body).status_code == 200
    (event,) = stored(ctx)
    from portal.clock import utc_now

    drains.drain(ctx, event.merchant_id, now=utc_now())
    assert paypal.count("ipn_postback") == 1
    assert stored(ctx)[0].state is not EventState.REFUSED


@pytest.mark.parametrize(
    "body",
    [b"", b"\x00\xff\xfe", b"a=%00&b=\x00", b"{}", b"=&=&&&", "é".encode("utf-16"), b"%", b"charset=%00&txn_type=%ff"],
)
def test_no_body_makes_it_fail(ctx, post, body):
    assert post(body).status_code == 200
    assert [event.body for event in stored(ctx)] == [body]


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "application/json", "", FORM])
def test_the_content_type_does_not_matter(ctx, post, content_type):
    assert post(content_type=content_type).status_code == 200
    assert stored(ctx)[0].body == BODY


@pytest.mark.parametrize("size", [65_537, 1024 * 1024, 3 * 1024 * 1024])
def test_more_than_paypal_ever_sends_is_refused_and_not_kept(ctx, post, size):
    assert post(b"a=" + b"x" * (size - 2)).status_code == 413
    assert stored(ctx) == []
    assert post(b"a=" + b"x" * (65_536 - 2)).status_code == 200


@pytest.mark.parametrize("token", ["x", "x" * 43, "x" * 5000, "%00" * 8, "..%2f..%2f"])
def test_an_address_we_never_gave_is_404(ctx, post, token):
    assert post(path=f"/webhooks/paypal/{token}/ipn").status_code in (404, 405)
    assert stored(ctx) == []


def test_only_post_is_understood(ctx, app, address):
    assert app.test_client().get(address, base_url="http://portal.test").status_code == 405


def test_another_site_may_send_it_since_it_is_only_a_hint(ctx, post):
    assert post(headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_doubles_are_answered_alike_and_stored_once(ctx, post):
    assert [post().status_code for _ in range(3)] == [200, 200, 200]
    with ctx.db.read() as session:
        assert session.scalar(select(func.count()).select_from(PayPalEvent)) == 1
