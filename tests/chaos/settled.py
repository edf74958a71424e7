"""What must be true of payments that customers let PayPal take, each violation in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from tests.chaos.facts import Facts, Row
from tests.chaos.owing import NOTHING, SETTLED

TAKEN: Final = ("COMPLETED", "PENDING", "PARTIALLY_REFUNDED", "REFUNDED")
ARRIVED: Final = ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED")


def recorded(facts: Facts) -> Iterator[str]:
    """Whoever was led to the page of a settlement has one, and everybody who pressed the button has one alone."""
    known = {(row["subscription"], row["id"]) for row in facts.settlements}
    for provider_id, settlement_id in set(facts.journal.settlements_told) - known:
        yield f"the customer of {provider_id} was led to the settlement {settlement_id}, and there is no such one"
    # Whoever got no answer comes back; where nothing was taken by then, the same click leads to another one.
    stand = Counter(row["subscription"] for row in facts.settlements if row["state"] != "failed")
    for provider_id, count in stand.items():
        if count > 1 or provider_id not in facts.journal.agreed:
            yield f"{provider_id} has {count} settlements, its customer agreed to {_agreed(facts, provider_id)}"


def charges(facts: Facts) -> Iterator[str]:
    """PayPal took nothing by a call that is not known here, not twice, and not more than somebody agreed to."""
    ours = {row["id"] for row in facts.settlements}
    for provider_id, there in facts.at_paypal.items():
        for call in there["captures"].keys() - ours:
            yield f"PayPal took a payment of {provider_id} by a call that is not known here: {call}"
        taken = _captured(facts, provider_id, TAKEN)
        if len(taken) > 1:
            yield f"{provider_id} was charged {len(taken)} times by its settlement"
        if sum(taken) > (facts.journal.agreed.get(provider_id) or 0):
            yield f"{sum(taken)} of {provider_id} was taken, {_agreed(facts, provider_id)} was agreed to"


def outcomes(facts: Facts) -> Iterator[str]:
    """Settled is what PayPal shows as paid; of what failed PayPal took nothing, and the customer knows."""
    for row in facts.settlements:
        named = f"settlement {row['id']} of {row['amount']} of {row['subscription']}"
        left = Decimal(facts.at_paypal[row["subscription"]]["outstanding"])
        arrived = _captured(facts, row["subscription"], ARRIVED)
        if row["state"] == "done":
            if not arrived and left:
                yield f"{named} is settled here, PayPal took nothing and still shows {left} as unpaid"
        elif row["state"] == "failed":
            if _captured(facts, row["subscription"], TAKEN):
                yield f"{named} has failed here ({row['failed_for']}), PayPal took it"
            if row["failed_for"] != "ending" and row["told"] != 1 and not _is_erased(facts, row):
                yield f"{named} has failed ({row['failed_for']}), its customer was told {row['told']} times"
        else:
            yield f"{named} is still {row['state']} ({row['trouble']}, {row['attempts']} tries)"
        if row["state"] == "done" and row["here"] == "past_due" and not left:
            there = facts.at_paypal[row["subscription"]]
            yield (
                f"{named} is settled, PayPal shows nothing unpaid, and the subscription counts as late here "
                f"({there['status']}, {there['failed_payments']} failed, {_shown(there)}; here {row['seen']})"
            )


def pages(facts: Facts) -> Iterator[str]:
    """No page said « settled » before PayPal showed the payment, and none « nothing was taken » of what it took."""
    for page in facts.journal.payment_pages:
        there = facts.at_paypal[page.provider_id]
        named = f"the page of the settlement {page.settlement_id} of {page.provider_id} said « {page.says} »"
        came = facts.journal.came.get(page.provider_id)
        if page.says == SETTLED:
            is_early = page.provider_id in facts.journal.captures_wait and (came is None or page.at < came)
            if is_early and _captured(facts, page.provider_id, TAKEN):
                yield f"{named} at {page.at:%H:%M:%S}, PayPal still called the payment pending"
            elif Decimal(there["outstanding"]) and not _captured(facts, page.provider_id, ARRIVED):
                yield f"{named}, PayPal took nothing"
        elif page.says == NOTHING and _captured(facts, page.provider_id, TAKEN):
            yield f"{named}, PayPal took it"


def _captured(facts: Facts, provider_id: str, states: tuple[str, ...]) -> list[Decimal]:
    """Return the sums of the payments that PayPal took because we asked, in these states of PayPal's."""
    there = facts.at_paypal[provider_id]
    ids = set(there["captures"].values())
    return [Decimal(paid["amount"]) for paid in there["payments"] if paid["id"] in ids and paid["status"] in states]


def _agreed(facts: Facts, provider_id: str) -> str:
    return str(facts.journal.agreed.get(provider_id, "nothing"))


def _is_erased(facts: Facts, row: Row) -> bool:
    return any(one["subscription"] == row["subscription"] and one["state"] == "done" for one in facts.erasures)


def _shown(there: Row) -> str:
    return ", ".join(f"{paid['id']} {paid['status']} {paid['time']}" for paid in there["payments"])


CHECKS: Final = (recorded, charges, outcomes, pages)
