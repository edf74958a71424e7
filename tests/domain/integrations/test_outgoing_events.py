"""When events are tried, how they are signed, and what is kept of an answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from portal.domain.integrations.event_answers import MOST_KEPT, kept
from portal.domain.integrations.event_signatures import headers, secret_of
from portal.domain.integrations.outgoing_events import BadAddress, EventType, body, check_address, is_done, quiet, wait


def test_ten_tries_take_some_three_days():
    waits = [wait(failed, luck=0) for failed in range(1, 11)]
    assert waits[-1] is None, "the tenth was the last"
    assert None not in waits[:-1]
    assert timedelta(days=2, hours=20) < sum(waits[:-1], timedelta()) < timedelta(days=3, hours=4)
    assert waits[:-1] == sorted(waits[:-1])
    longest = sum((wait(failed, luck=1) for failed in range(1, 10)), timedelta())
    assert longest < timedelta(days=4)


@pytest.mark.parametrize(
    ("asked", "expected"), [(timedelta(seconds=1), 30), (timedelta(hours=1), 3600), (timedelta(days=9), 6 * 3600)]
)
def test_what_the_receiver_asks_counts_where_it_is_longer_and_within_six_hours(asked, expected):
    assert wait(1, luck=0, asked=asked) == timedelta(seconds=expected)


def test_who_does_not_answer_is_left_alone_for_longer_each_time_and_never_for_long():
    spans = [quiet(number) for number in range(1, 200)]
    assert spans[0] == timedelta(seconds=10)
    assert spans == sorted(spans)
    assert spans[-1] == timedelta(minutes=15)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_two_hundred_is_done(status):
    assert is_done(status)


@pytest.mark.parametrize("status", [100, 199, 300, 301, 302, 400, 410, 429, 500])
def test_nothing_else_is(status):
    assert not is_done(status)


def test_a_known_signature():
    """The example of the documents of those who wrote the standard."""
    at = datetime.fromtimestamp(1614265330, UTC)
    secret, text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    assert headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, text, [secret]) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("size", [24, 32, 64])
def test_a_secret_of_any_allowed_size_signs_what_the_library_verifies(size):
    secrets = [secret_of(bytes(range(size))), secret_of(bytes(range(1, size + 1)))]
    text = body(EventType.CUSTOMER_UPDATED, "2026-11-29T17:10:38Z", {"name": "Zoé 🎹 </script>"})
    sent = headers("evt_1", datetime.now(UTC), text, secrets)
    for secret in secrets:
        assert Webhook(secret).verify(text, sent)["data"] == {"name": "Zoé 🎹 </script>"}


@pytest.mark.parametrize("size", [0, 23, 65])
def test_no_other_size_is_a_secret(size):
    with pytest.raises(ValueError, match="24 to 64"):
        secret_of(bytes(size))


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://example.com/", "not_https"),
        ("ftp://example.com/", "not_https"),
        ("https:///path", "unreadable"),
        ("https://exa mple.com/", "unreadable"),
        ("https://example.com\\@evil.example/", "unreadable"),
        ("https://example.com:99999/", "unreadable"),
        ("https://example.com:9443/", "port"),
        ("https://example.com:80/", "port"),
        ("https://example.com/\u202e", "unreadable"),
        ("https://me@example.com/", "userinfo"),
        ("https://example.com/#", "fragment"),
        ("http://127.0.0.1:9/", "not_https"),
    ],
)
def test_what_is_no_address(address, why):
    with pytest.raises(BadAddress, match=why):
        check_address(address)


def test_loopback_is_one_only_where_a_setting_says_so():
    assert check_address("http://127.0.0.1:9/", loopback=True)
    for inside in ("http://10.0.0.1/", "http://127.0.0.1.example.com/", "http://example.com/"):
        with pytest.raises(BadAddress):
            check_address(inside, loopback=True)


@pytest.mark.parametrize(
    "secret",
    [
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "Bearer abc.def-123",
        'password="correct horse"',
        "api_key: 12345",
        '{"access_token": "eyJhbGciOi"}',
        "X-Auth-Token=short",
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
        "0123456789abcdef0123456789abcdef0123",
        "zoe.martin@client.test",
    ],
)
def test_of_an_answer_no_secret_and_no_address_is_kept(secret):
    said = kept(f"error: {secret} was not accepted".encode())
    value = secret.partition("=")[2] or secret.rpartition(" ")[2]
    assert value.strip('"}') not in said
    assert said.startswith("error:")


def test_an_answer_is_cut_and_made_readable():
    assert len(kept(b"word " * 5000)) == MOST_KEPT
    assert kept(b"\x00\x1b[31mred\xff\n<b>bold</b>") == "[31mred\ufffd\n<b>bold</b>"
    assert kept(b"") == ""
    assert kept(b"maintenance until 18:00, please come back") == "maintenance until 18:00, please come back"
