"""Who may do what at the desk: the one table that the routes ask (web/access.py) and the team's page shows."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from portal.domain.policies import ROLE_RANK, Role


class Duty(StrEnum):
    """A kind of work at the desk."""

    LOOK = "look"  # customers, subscriptions, products, settings: everything that no line below keeps back
    CUSTOMERS = "customers"  # their records, notices and letters, PayPal's messages, imports
    ENDS = "ends"  # end, pause and resume subscriptions, one or many
    REFUNDS = "refunds"
    EXPORT = "export"  # whole lists as files, both ways
    PRODUCTS = "products"
    SETTINGS = "settings"  # of the customers' space
    ARCHIVE = "archive"  # what the law keeps of customers who were erased; everything at once
    PAYPAL = "paypal"  # keys, and where PayPal sends its messages
    INTEGRATIONS = "integrations"  # what other systems may ask and are told
    TEAM = "team"
    AUDIT = "audit"


LEAST: Final[Mapping[Duty, Role]] = {
    Duty.LOOK: Role.READER,
    Duty.CUSTOMERS: Role.SUPPORT,
    Duty.ENDS: Role.SUPPORT,
    Duty.REFUNDS: Role.MANAGER,
    Duty.EXPORT: Role.MANAGER,
    Duty.PRODUCTS: Role.MANAGER,
    Duty.SETTINGS: Role.MANAGER,
    Duty.PAYPAL: Role.OWNER,
    Duty.INTEGRATIONS: Role.OWNER,
    Duty.TEAM: Role.OWNER,
    Duty.AUDIT: Role.OWNER,
    Duty.ARCHIVE: Role.OWNER,
}


def may(role: Role | None, duty: Duty) -> bool:
    """Say whether somebody of that role may do that; nobody without a role may do anything."""
    return role is not None and ROLE_RANK[role] >= ROLE_RANK[LEAST[duty]]
