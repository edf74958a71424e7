"""What the chaos harness promises of every run, of the two merchants whose people end something."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from tests.chaos.checks import violations
from tests.chaos.facts import Facts, gather
from tests.chaos.world import World
from tests.soak.salon import Salon
from tests.soak.stand import SoakStack
from tests.soak.traffic import Traffic

OF_SALON = "SELECT 'evt_' || replace(id::text, '-', '') AS id FROM outgoing_events WHERE merchant_id = %s"


def of_chaos(stack: SoakStack, world: World, salon: Salon, traffic: Traffic) -> list[str]:
    """Return everything that is not as the harness promises."""
    facts = gather(stack, world, traffic.journal, traffic.plan)
    with stack.cluster.connect() as db:
        others = {row["id"] for row in db.execute(OF_SALON, [salon.merchant_id]).fetchall()}
    return violations(_without(facts, salon, others))


def _without(facts: Facts, salon: Salon, events: set[str]) -> Facts:
    """Leave out the salon, whose people end nothing and whose dead address hears nothing.

    What strangers declared at its public pages is of no subscription.
    """
    theirs = {one.provider_id for one in salon.regulars}
    return replace(
        facts,
        subscriptions={key: row for key, row in facts.subscriptions.items() if key not in theirs},
        at_paypal={key: row for key, row in facts.at_paypal.items() if key not in theirs},
        notifications=[row for row in facts.notifications if row["subscription_id"] is not None],
        told=[row for row in facts.told if row["id"] not in events],
        heard=Counter({key: count for key, count in facts.heard.items() if key not in events}),
    )
