"""What other systems must have heard at the end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.chaos.facts import Facts, Row


def told_outside(facts: Facts) -> Iterator[str]:
    """Every end is told once, whoever was killed; what was written arrived, and nothing that was not."""
    by_subscription: dict[str, list[Row]] = defaultdict(list)
    for row in facts.told:
        if row["subscription_id"] is not None:
            by_subscription[row["subscription_id"]].append(row)
        if row["state"] != "delivered":
            yield f"event {row['id']} ({row['type']}) is {row['state']}"
        elif not facts.heard[row["id"]]:
            yield f"event {row['id']} ({row['type']}) counts as delivered and never arrived"
    known = {row["id"] for row in facts.told}
    for heard in facts.heard:
        if heard not in known:
            yield f"event {heard} arrived, and nobody wrote it"
    for provider_id, subscription in facts.subscriptions.items():
        told = by_subscription[subscription["id"]]
        ended = Counter(row["type"] for row in told)["subscription.ended"]
        entries = sum(facts.ended_entries.get(row["id"], 0) for row in facts.requests_of(provider_id))
        if ended != entries:
            yield f"{provider_id} ended {entries} times, other systems were told so {ended} times"
        numbers = sorted(row["sequence"] for row in told)
        if numbers != list(range(1, len(told) + 1)):
            yield f"the events of {provider_id} are numbered {numbers}"
