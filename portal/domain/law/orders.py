"""What a customer orders who comes back: kept as it was shown, since it is a contract of its own (law.md, R-FR-62)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from portal.domain.law.plan_kinds import PlanKind
from portal.domain.money.money import Money

# What the law wants written on the button, by country and by the reader's language: data, and no translation of ours.
# France: art. L221-14 C. conso., « commande avec obligation de paiement »; Germany: § 312j Abs. 3 BGB.
BUTTONS: Final[Mapping[str, Mapping[str, str]]] = {
    "FR": {"fr": "Commande avec obligation de paiement", "en": "Order with obligation to pay"},
    "DE": {"de": "zahlungspflichtig bestellen", "en": "order with obligation to pay"},
}
HOME: Final = "FR"


def order_button(language: str, *, country: str = HOME) -> str:
    """Return the words on the button that orders; in another language than the country's own and English, its own."""
    labels = BUTTONS.get(country, BUTTONS[HOME])
    return labels.get(language, next(iter(labels.values())))


@dataclass(frozen=True, kw_only=True)
class Order:
    """The characteristics of what is bought, beside its price, rhythm and start.

    `contents`: each title with the days after the start on which it opens; `cycles`: payments in all, 0 without end;
    `setup_fee`: taken once with the first payment; `has_trial`: PayPal takes another price, or none, at first;
    `kind`: of contract, with term and notice where it renews itself.
    """

    contents: tuple[tuple[str, int], ...] = ()
    cycles: int = 0
    setup_fee: Money | None = None
    has_trial: bool = False
    commitment_months: int | None = None
    commitment_binds: bool = False
    notice_days: int = 0
    kind: PlanKind = PlanKind.OPEN_ENDED
    term_months: int | None = None
    term_notice_days: int | None = None

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
            "kind": self.kind.value,
            "term_months": self.term_months,
            "term_notice_days": self.term_notice_days,
        }

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return what `as_json` stored; before kinds of contract were asked for, it held none."""
        return cls(
            contents=tuple((title, days) for title, days in stored["contents"]),
            cycles=stored["cycles"],
            setup_fee=Money.parse(*stored["setup_fee"]) if stored["setup_fee"] else None,
            has_trial=stored["has_trial"],
            commitment_months=stored["commitment_months"],
            commitment_binds=stored["commitment_binds"],
            notice_days=stored["notice_days"],
            kind=PlanKind(stored.get("kind", PlanKind.OPEN_ENDED)),
            term_months=stored.get("term_months"),
            term_notice_days=stored.get("term_notice_days"),
        )
