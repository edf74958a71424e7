"""May this person open this? Answered from the windows that the account page, the recap and the proof read."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from portal.domain.access.access import Rule, windows, windows_given
from portal.domain.access.promises import kept
from portal.domain.integrations.public_ids import Kind, public
from portal.queries.access import access_checks as queries
from portal.queries.access.access_checks import Bare, Holding, Pair
from portal.services.dates.planned_ends import windows_of
from portal.services.resources import Checked
from portal.services.rules import grants_of, product_rule

MOST: Final = 500  # pairs of one call


def check(
    connection: Connection, merchant_id: uuid.UUID, environment: str, pairs: Sequence[Pair], *, now: datetime
) -> list[Checked | None]:
    """Return what is open of each pair of customer and product; None of a pair that is not the merchant's."""
    found = queries.of_pairs(connection, merchant_id, environment, pairs)
    rules: dict[str, Rule] = {}
    return [checked(one, rules, now=now) if one is not None else None for one in found]


def checked(holding: Holding, rules: dict[str, Rule], *, now: datetime) -> Checked:
    """Return what is open of it. `rules`: those of products that were met before; this one's is put to them."""
    rule = rules.get(holding.product_id)
    if rule is None:
        rule = rules[holding.product_id] = product_rule(holding.product)
    # A subscription's own windows alone: what was given by hand is told of beside it.
    bare = [(one.id, windows(one.facts, _kept(rule, one))) for one in holding.bare]
    whole = [
        (public(Kind.SUBSCRIPTION, one.id), windows_of(one, request, now=now)) for one, request in holding.subscriptions
    ]
    given = [
        (public(Kind.GRANT, grant.id), windows_given(grants_of(holding.product, [grant]))) for grant in holding.grants
    ]
    return Checked(holding.customer, holding.product_id, [*bare, *whole], given)


def _kept(rule: Rule, one: Bare) -> Rule:
    return rule if one.promised is None else kept(rule, one.promised, is_over=one.is_over)
