"""The merchant's way from the key to the first customer: what is done is a fact, never a click."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Step(StrEnum):
    """The steps in their order: each rests on the ones before it."""

    KEY = "key"
    IMPORT = "import"
    PRODUCTS = "products"
    SELF_CANCELLATION = "self_cancellation"
    ADDRESS = "address"


class Stage(StrEnum):
    """Where a step stands; the first that is not done is the one to take now."""

    DONE = "done"
    NOW = "now"
    LATER = "later"


# Walked with three products: two values copied at PayPal, a press or two a step, then a look as a customer.
MINUTES: Final[Mapping[Step, int]] = {
    Step.KEY: 4,
    Step.IMPORT: 1,
    Step.PRODUCTS: 2,
    Step.SELF_CANCELLATION: 1,
    Step.ADDRESS: 1,
}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What there is of a merchant.

    `key_passed`: a PayPal key has passed its test, also one that broke later (then an alarm says so, and the way stays
    where it is).  `products_unread`: of how many products nobody has saved the rules, which may be right as they are.
    """

    key_passed: bool
    has_subscriptions: bool
    products: int
    products_unread: int
    self_cancellation: bool
    customer_came: bool


def stages(facts: Facts) -> dict[Step, Stage]:
    """Return where each step stands."""
    done = {
        Step.KEY: facts.key_passed,
        Step.IMPORT: facts.has_subscriptions,
        Step.PRODUCTS: facts.products > 0 and facts.products_unread == 0,
        Step.SELF_CANCELLATION: facts.self_cancellation,
        Step.ADDRESS: facts.customer_came,
    }
    now = next((step for step in Step if not done[step]), None)
    return {step: Stage.DONE if done[step] else Stage.NOW if step is now else Stage.LATER for step in Step}


def is_over(facts: Facts) -> bool:
    """Say whether the way has led where it leads: a customer is in, whatever the merchant has left as it was."""
    return facts.customer_came


def minutes_left(facts: Facts) -> int:
    """Return how long the steps that are not done take together, as told on the page."""
    return sum(MINUTES[step] for step, stage in stages(facts).items() if stage is not Stage.DONE)
