"""Who may ask for what: actor, merchant's settings, product's override (domain.md, Transitions).

What the state allows is `subscriptions.transition`; this is the other question.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from portal.domain.errors import Denial, NotAllowed
from portal.domain.subscriptions import Action


class Actor(StrEnum):
    """Who acts."""

    CUSTOMER = "customer"
    STAFF = "staff"
    SYSTEM = "system"
    PROVIDER = "provider"


class Role(StrEnum):
    """What a person at the desk may do; each role holds those before it."""

    READER = "reader"
    SUPPORT = "support"
    MANAGER = "manager"
    OWNER = "owner"


ROLE_RANK = {role: rank for rank, role in enumerate(Role)}


class Override(StrEnum):
    """A product's own answer to self-cancellation."""

    INHERIT = "inherit"
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the merchant and the product decided."""

    self_cancellation: bool
    override: Override = Override.INHERIT
    pause_offered: bool = False
    commitment_runs: bool = False  # one that binds: payments are owed until its end
    notified: bool = False  # the customer has asked for the end by another way, and waits for it

    @property
    def customers_may_pause(self) -> bool:
        """Whether customers pause and resume by themselves: the product's word, and no binding commitment runs.

        A pause would put off payments that are owed, without shortening the term: the merchant decides about that.
        """
        return self.pause_offered and not self.commitment_runs

    @property
    def customers_may_cancel(self) -> bool:
        """Whether the cancel button is shown: the product's word, else the merchant's.

        A key that breaks *later* takes nothing away (product.md, decision 6): what counts here is the switch.
        """
        if self.override is Override.INHERIT:
            return self.self_cancellation
        return self.override is Override.ON


def check(actor: Actor, action: Action, settings: Settings, *, role: Role | None = None) -> None:
    """Raise NotAllowed unless `actor` may ask for `action`.

    A customer's own end is always *cancelled*; only staff choose completed or abandoned (decision 7).  So is the end
    by which staff answer a customer who asked for it; *abandoned* may follow.
    """
    if actor is Actor.CUSTOMER:
        _check_customer(action, settings)
    if actor is Actor.STAFF and (role is None or ROLE_RANK[role] < ROLE_RANK[Role.SUPPORT]):
        raise NotAllowed(Denial.ROLE_TOO_LOW)
    if settings.notified and action in (Action.COMPLETE, Action.ABANDON):
        raise NotAllowed(Denial.NOTIFIED)


def _check_customer(action: Action, settings: Settings) -> None:
    if action in (Action.PAUSE, Action.RESUME):
        if not settings.customers_may_pause:
            raise NotAllowed(Denial.PAUSE_NOT_OFFERED)
    elif action is not Action.CANCEL:
        raise NotAllowed(Denial.STAFF_ONLY)
    elif not settings.customers_may_cancel:
        raise NotAllowed(Denial.SELF_CANCELLATION_OFF)


def may(actor: Actor, action: Action, settings: Settings, *, role: Role | None = None) -> bool:
    """Say whether `check` would pass: for showing or hiding a button."""
    try:
        check(actor, action, settings, role=role)
    except NotAllowed:
        return False
    return True


def check_switch_on(*, key_passed_its_test: bool) -> None:
    """Raise NotAllowed when self-cancellation may not be switched on yet (product.md, decision 6)."""
    if not key_passed_its_test:
        raise NotAllowed(Denial.KEY_NOT_TESTED)
