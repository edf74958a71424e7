"""What a shortened address tells of a place, and what it does not."""

from __future__ import annotations

import pytest

from portal.domain.integrations.networks import Place, place

HOME, HOME_6 = "192.0.2.0/24", "2001:db8:1:2::/64"


@pytest.mark.parametrize(
    ("there", "here", "seen"),
    [
        (HOME, HOME, Place.SAME),
        (HOME_6, HOME_6, Place.SAME),
        ("2001:0db8:0001:0002::/64", HOME_6, Place.SAME),  # one network, written in two ways
        ("2001:db8:1:3::/64", HOME_6, Place.OTHER),
        ("198.51.100.0/24", HOME, Place.OTHER),
        (HOME, HOME_6, Place.UNKNOWN),  # one line at home has both kinds of address: neither same nor other
        (HOME_6, HOME, Place.UNKNOWN),
        ("192.168.1.0/24", HOME, Place.LOCAL),
        ("10.4.0.0/24", HOME_6, Place.LOCAL),
        ("fd12:3456::/64", HOME_6, Place.LOCAL),
        ("127.0.0.0/24", HOME, Place.LOCAL),
        ("192.168.1.0/24", "192.168.1.0/24", Place.SAME),
        ("", HOME, Place.UNKNOWN),
        (HOME, "", Place.UNKNOWN),
        ("something else", HOME, Place.UNKNOWN),
    ],
)
def test_a_network_is_told_by_the_one_that_asks(there, here, seen):
    assert place(there, here) is seen
