"""What a customer orders who comes back: kept as it was shown, since it is a contract of its own (law.md, R-FR-62)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from portal.domain.money import Money


@dataclass(frozen=True, kw_only=True)
class Order:
    """The characteristics of what is bought, beside its price, rhythm and start.

    `contents`: each title with the days after the start on which it opens; `cycles`: payments in all, 0 without end;
    `setup_fee`: taken once with the first payment; `has_trial`: PayPal takes another price, or none, at first.
    """

    contents: tuple[tuple[str, int], ...] = ()
    cycles: int = 0
    setup_fee: Money | None = None
    has_trial: bool = False
    commitment_months: int | None = None
    commitment_binds: bool = False
    notice_days: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it in the form in which it is stored."""
        fee = self.setup_fee
        return {
            "contents": [list(pair) for pair in self.contents],
            "cycles": self.cycles,
            "setup_fee": [str(fee.amount), fee.currency] if fee is not None else None,
            "has_trial": self.has_trial,
            "commitment_months": self.commitment_months,
            "commitment_binds": self.commitment_binds,
            "notice_days": self.notice_days,
        }

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return what `as_json` stored."""
        return cls(
            contents=tuple((title, days) for title, days in stored["contents"]),
            cycles=stored["cycles"],
            setup_fee=Money.parse(*stored["setup_fee"]) if stored["setup_fee"] else None,
            has_trial=stored["has_trial"],
            commitment_months=stored["commitment_months"],
            commitment_binds=stored["commitment_binds"],
            notice_days=stored["notice_days"],
        )
