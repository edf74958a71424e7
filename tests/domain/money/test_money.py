"""Money as PayPal writes it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.money.money import Money


@pytest.mark.parametrize(
    ("text", "currency", "amount", "code"),
    [
        ("0.0", "EUR", "0", "EUR"),
        ("94.2", "EUR", "94.20", "EUR"),
        ("59.85", "USD", "59.85", "USD"),
        ("15.0", "eur", "15", "EUR"),
        (".5", "EUR", "0.5", "EUR"),
        ("-29.90", " EUR ", "-29.9", "EUR"),  # a refund
        ("500", "JPY", "500", "JPY"),  # no minor unit
    ],
)
def test_what_paypal_writes(text, currency, amount, code):
    assert Money.parse(text, currency) == Money(Decimal(amount), code)


NOT_AMOUNTS = [
    "NaN",
    "sNaN",
    "Infinity",
    "-Infinity",
    "1e2",
    "1e999999",
    "1_000",
    "1,5",
    "+5",
    "5.",
    ".",
    "-",
    "٣",
    "five",
]


@pytest.mark.parametrize(
    "text", [*NOT_AMOUNTS, "", " ", "1 000", "12.5\n", "9" * 33, None, 12, 12.5, True, Decimal("5")]
)
def test_what_is_not_money(text):
    assert Money.parse(text, "EUR") is None


@pytest.mark.parametrize("currency", ["", "EU", "EURO", "E1R", "€€€", "ÉUR", None, 978])
def test_what_is_not_a_currency(currency):
    assert Money.parse("5.00", currency) is None


@given(cents=st.integers(-(10**12), 10**12))
def test_no_cent_is_lost(cents):
    sign, whole, part = "-" if cents < 0 else "", abs(cents) // 100, abs(cents) % 100
    money = Money.parse(f"{sign}{whole}.{part:02d}", "EUR")
    assert money is not None
    assert isinstance(money.amount, Decimal)
    assert money.amount * 100 == cents


def test_the_same_amount_in_another_currency_is_other_money():
    assert Money.parse("5.0", "EUR") == Money.parse("5.00", "EUR")
    assert Money.parse("5.0", "EUR") != Money.parse("5.0", "USD")


def test_money_does_not_change():
    money = Money(Decimal("5"), "EUR")
    with pytest.raises(FrozenInstanceError):
        money.amount = Decimal("6")


@pytest.mark.parametrize(
    ("amount", "currency", "figures"),
    [("29.9000", "EUR", "29.90"), ("2980.0000", "JPY", "2980"), ("0", "EUR", "0.00"), ("12", "HUF", "12")],
)
def test_a_table_has_the_bare_number_with_the_decimals_of_its_currency(amount, currency, figures):
    assert Money(Decimal(amount), currency).figures == figures
