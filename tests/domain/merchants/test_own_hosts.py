"""Which names may be a merchant's own host, and what their zone has to say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.merchants.own_hosts import (
    BadHost,
    Fault,
    HostRefused,
    address,
    challenge_name,
    challenge_value,
    parsed,
    record_fault,
    shown,
)

OURS = "portal.example"


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", BadHost.NOT_A_NAME),
        ("a..b", BadHost.NOT_A_NAME),
        ("-a.example", BadHost.NOT_A_NAME),
        ("a_b.example", BadHost.NOT_A_NAME),
        ("*.atelier.example", BadHost.NOT_A_NAME),
        ("atelier.example\0", BadHost.NOT_A_NAME),
        ("https://atelier.example", BadHost.A_PAGE),
        ("atelier.example/compte", BadHost.A_PAGE),
        ("atelier.example:443", BadHost.A_PAGE),
        ("moi@atelier.example", BadHost.A_PAGE),
        ("atelier example", BadHost.A_PAGE),
        ("192.0.2.7", BadHost.AN_ADDRESS),
        ("192.0.2", BadHost.AN_ADDRESS),
        ("atelier", BadHost.ALONE),
        ("portal.example", BadHost.OURS),
        ("PORTAL.example.", BadHost.OURS),
        ("atelier.portal.example", BadHost.OURS),
        (".".join(["a" * 60] * 4) + ".example", BadHost.TOO_LONG),
        ("a" * 64 + ".example", BadHost.NOT_A_NAME),
    ],
)
def test_what_cannot_be_one_is_named(typed, why):
    with pytest.raises(HostRefused) as refusal:
        parsed(typed, ours=OURS)
    assert refusal.value.why is why


def test_a_name_above_ours_would_share_its_cookies():
    with pytest.raises(HostRefused) as refusal:
        parsed("example.org", ours="portal.example.org")
    assert refusal.value.why is BadHost.OURS


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("  Compte.Atelier.EXAMPLE. ", "compte.atelier.example"),
        ("élève.example", "xn--lve-6lad.example"),
        ("xn--lve-6lad.example", "xn--lve-6lad.example"),
        ("notportal.example.net", "notportal.example.net"),
    ],
)
def test_it_is_kept_as_browsers_send_it(typed, host):
    assert parsed(typed, ours=OURS) == host


def test_its_owner_reads_it_as_it_was_typed():
    assert shown(parsed("élève.example", ours=OURS)) == "élève.example"


@given(st.text())
def test_nothing_typed_is_ever_more_than_a_name(text):
    try:
        host = parsed(text, ours=OURS)
    except HostRefused:
        return
    assert set(host) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
    assert parsed(host, ours=OURS) == host


def test_the_record_is_this_merchants_or_it_proves_nothing():
    assert challenge_name("compte.atelier.example") == "_portal-challenge.compte.atelier.example"
    theirs, mine = challenge_value("theirs"), challenge_value("mine")
    assert record_fault(["v=spf1 -all", theirs, mine], "mine") is None
    assert record_fault([theirs], "mine") is Fault.OTHER_RECORD
    assert record_fault(["v=spf1 -all"], "mine") is Fault.NO_RECORD
    assert record_fault([mine[:-1]], "mine") is Fault.OTHER_RECORD


def test_the_desk_is_never_under_a_merchants_name():
    assert address("https://portal.example", "c.example", "/admin/inbox") == "https://portal.example/admin/inbox"
    assert address("https://portal.example", "c.example", "/account/a/") == "https://c.example/account/a/"
    assert address("https://portal.example", None, "/account/a/") == "https://portal.example/account/a/"
