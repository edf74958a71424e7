"""What an id token must say: times to the second, audiences, addresses that a merchant may name."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.integrations.site_logins import (
    Expected,
    SiteLoginRefused,
    Wrong,
    authenticated_at,
    check,
    is_issuer,
    proven_id,
)

NOW = datetime(2026, 11, 29, 16, 0, tzinfo=UTC)
AT = NOW.timestamp()
OURS = Expected(issuer="https://shop.example", client_id="portal", nonce="n")
GOOD = {"iss": "https://shop.example", "aud": "portal", "nonce": "n", "exp": AT + 300, "iat": AT}


def says(**changed):
    """Why a token is refused that says this beside what is good; None when it is not."""
    claims = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    try:
        check(claims, OURS, now=NOW)
    except SiteLoginRefused as refusal:
        return refusal.wrong
    return None


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [("exp", (-59, 0, 10**6), (-60, -61)), ("iat", (-(10**6), 0, 60), (61,)), ("nbf", (-(10**6), 0, 60), (61,))],
)
def test_a_clock_may_be_a_minute_off_and_no_second_more(name, good, bad):
    assert {says(**{name: AT + one}) for one in good} == {None}
    assert {says(**{name: AT + one}) for one in bad} == {Wrong.BAD_TOKEN}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, "1", [], {}, 10**400])
def test_what_is_no_number_of_seconds_is_no_time(value):
    for name in ("exp", "iat", "nbf"):
        if (name, value) != ("exp", 10**400):
            assert says(**{name: value}) is Wrong.BAD_TOKEN
    assert authenticated_at({"auth_time": value}) is None


def test_a_token_for_several_says_that_it_was_made_for_us():
    assert says(aud=["portal"]) is says(aud=["portal"], azp="portal") is says(aud=["x", "portal"], azp="portal") is None
    for audience, party in ((["x", "portal"], None), (["portal"], "x"), ([], None), (["x"], "portal"), ("x", "portal")):
        assert says(aud=audience, azp=party) is Wrong.BAD_TOKEN


def test_an_empty_nonce_is_none():
    with pytest.raises(SiteLoginRefused):
        check({**GOOD, "nonce": ""}, Expected(issuer=GOOD["iss"], client_id="portal", nonce=""), now=NOW)


def test_a_fresh_log_in_was_made_after_it_was_asked_for():
    fresh = Expected(issuer=GOOD["iss"], client_id="portal", nonce="n", fresh_since=NOW - timedelta(minutes=2))
    check({**GOOD, "auth_time": AT - 179}, fresh, now=NOW)
    for told in ({}, {"auth_time": AT - 181}, {"auth_time": str(AT)}):
        with pytest.raises(SiteLoginRefused, match="not_fresh"):
            check({**GOOD, **told}, fresh, now=NOW)


@pytest.mark.parametrize(
    ("address", "is_good"),
    [
        ("https://shop.example", True),
        ("https://shop.example/", True),
        ("https://id.shop.example/realms/school", True),
        ("http://shop.example", False),
        ("https://shop.example:8443", False),
        ("https://192.0.2.1", False),
        ("https://shop", False),
        ("https://shop.example?x", False),
        ("https://shop.example#x", False),
        ("https://shop.example\\@evil.example", False),
        ("http://127.0.0.1:8040", False),
    ],
)
def test_a_merchant_names_public_https_alone(address, is_good):
    assert is_issuer(address) is is_good
    assert is_issuer(address, allow_loopback=True) is (is_good or address == "http://127.0.0.1:8040")


def test_an_id_keeps_its_letters():
    assert [proven_id({"id": one}, "id") for one in ("Ab-1", "é", 7, "x" * 128)] == ["Ab-1", "é", "7", "x" * 128]
