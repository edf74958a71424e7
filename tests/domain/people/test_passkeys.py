"""For which site a passkey is made, and when its counter says that there are two of it."""

from __future__ import annotations

import pytest

from portal.domain.people.passkeys import Site, is_copy, site


@pytest.mark.parametrize(
    ("address", "rp_id", "origin"),
    [
        ("https://portal.example", "portal.example", "https://portal.example"),
        ("https://Desk.Portal.Example:443", "desk.portal.example", "https://desk.portal.example"),
        ("https://portal.example:8443", "portal.example", "https://portal.example:8443"),
        ("http://portal.test", "portal.test", "http://portal.test"),
        ("http://127.0.0.1:8000", "localhost", "http://localhost:8000"),
        ("http://[::1]:8000", "localhost", "http://localhost:8000"),
    ],
)
def test_a_browser_names_the_same_site_and_origin(address, rp_id, origin):
    assert site(address) == Site(rp_id, origin)


@pytest.mark.parametrize("address", ["https://192.0.2.7", "https://[2001:db8::7]:8443"])
def test_no_passkey_is_made_for_a_number(address):
    assert site(address) is None


@pytest.mark.parametrize(("known", "shown"), [(0, 0), (0, 1), (0, 9), (4, 5), (4, 90), (2**32 - 2, 2**32 - 1)])
def test_a_counter_that_goes_on_or_does_not_count_is_sound(known, shown):
    assert not is_copy(known, shown)


@pytest.mark.parametrize(("known", "shown"), [(1, 0), (1, 1), (5, 4), (5, 5), (2**32 - 1, 0)])
def test_a_counter_that_stands_or_goes_back_is_a_copys(known, shown):
    assert is_copy(known, shown)
