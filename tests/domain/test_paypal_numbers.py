"""A number as a hand copies it off a receipt."""

from __future__ import annotations

import pytest

from portal.domain.paypal_numbers import LONGEST, normal


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("I-BW452GLLEP1G", "I-BW452GLLEP1G"),
        ("  i-bw452 gllep1g ", "I-BW452GLLEP1G"),
        ("I BW452GLLEP1G", "I-BW452GLLEP1G"),  # its hyphen not typed
        ("I–BW452GLLEP1G.", "I-BW452GLLEP1G"),  # printed as a dash, with the full stop of its sentence
        ("8tx 10547 RE482-5321D", "8TX10547RE482-5321D"),
        ("9X610547RE4825321", "9X610547RE4825321"),
        ("k3fm-7q2p", "K3FM-7Q2P"),
        ("é — ?", ""),
        ("x" * 100, "X" * LONGEST),
    ],
)
def test_it_is_the_number_that_paypal_knows(typed, number):
    assert normal(typed) == number
