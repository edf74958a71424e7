"""Money: a Decimal and its currency, never apart, never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True)
class Money:
    """An amount in a currency (ISO 4217, three capital letters)."""

    amount: Decimal
    currency: str

    @classmethod
    def parse(cls, amount: object, currency: object) -> Money | None:
        """Read PayPal's text form; None when it is not money.

        PayPal writes "0.0", "94.2" and "59.85" alike (FACTS.md 1.3), so text is never compared.
        """
        if not isinstance(amount, str) or not isinstance(currency, str):
            return None
        code = currency.strip().upper()
        if len(code) != 3 or not code.isalpha():
            return None
        try:
            value = Decimal(amount)
        except InvalidOperation:
            return None
        return cls(value, code) if value.is_finite() else None
