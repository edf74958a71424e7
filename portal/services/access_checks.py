"""May this person open this? Answered from the windows that the account page, the recap and the proof read."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.access import windows_given
from portal.queries import access_checks as queries
from portal.queries.access_checks import Holding, Pair
from portal.services.dates.planned_ends import windows_of
from portal.services.resources import Checked
from portal.services.rules import grants_of

MOST: Final = 500  # pairs of one call


def check(
    session: Session, merchant_id: uuid.UUID, environment: str, pairs: Sequence[Pair], *, now: datetime
) -> dict[Pair, Checked]:
    """Return what is open of each pair of customer and product; a pair that is not the merchant's is left out."""
    found = queries.of_pairs(session, merchant_id, environment, pairs)
    return {pair: _checked(holding, now=now) for pair, holding in found.items()}


def _checked(holding: Holding, *, now: datetime) -> Checked:
    # A subscription's own windows alone: what was given by hand is told of beside it.
    own = [
        (subscription.id, windows_of(subscription, request, now=now)) for subscription, request in holding.subscriptions
    ]
    given = [(grant.id, windows_given(grants_of(holding.product, [grant]))) for grant in holding.grants]
    return Checked(customer_id=holding.customer_id, product_id=holding.product.id, subscriptions=own, grants=given)
