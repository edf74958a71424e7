"""Money: a Decimal and its currency, never apart, never a float."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

AMOUNT: Final = re.compile(r"-?(?:[0-9]+|[0-9]*\.[0-9]+)")  # PayPal's own pattern; at most 32 characters
LONGEST_AMOUNT: Final = 32
WITHOUT_CENTS: Final = frozenset({"HUF", "JPY", "TWD"})  # PayPal takes whole amounts of them alone (FACTS.md 1.3)


@dataclass(frozen=True)
class Money:
    """An amount in a currency (ISO 4217, three capital letters)."""

    amount: Decimal
    currency: str

    def __abs__(self) -> Money:
        """Return the same sum without its sign."""
        return Money(abs(self.amount), self.currency)

    @property
    def smallest(self) -> Decimal:
        """The smallest sum of this currency that PayPal moves."""
        return Decimal(1) if self.currency in WITHOUT_CENTS else Decimal("0.01")

    @property
    def figures(self) -> str:
        """The bare number as a table of figures holds it: a point, and the decimals that PayPal moves."""
        return f"{self.amount.quantize(self.smallest):f}"

    @classmethod
    def parse(cls, amount: object, currency: object) -> Money | None:
        """Read PayPal's text form; None when it is not money.

        PayPal writes "0.0", "94.2" and "59.85" alike (FACTS.md 1.3), so text is never compared. Anything outside
        its pattern ("1e2", "1_000", "NaN") is not money: Decimal alone would take "1e999999" too.
        """
        if not isinstance(amount, str) or not isinstance(currency, str):
            return None
        code = currency.strip().upper()
        if len(code) != 3 or not (code.isascii() and code.isalpha()):
            return None
        if len(amount) > LONGEST_AMOUNT or not AMOUNT.fullmatch(amount):
            return None
        return cls(Decimal(amount), code)
