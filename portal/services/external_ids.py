"""Whether a customer or a product may have an id of the merchant's own; written by whoever keeps the row."""

from __future__ import annotations

from sqlalchemy.orm import Session

from portal.domain.integrations.external_ids import BadExternalId, ExternalIdStands, ExternalIdTaken, is_external_id
from portal.models import Customer, Product
from portal.queries.integrations import external_ids


def check(session: Session, row: Customer | Product, wanted: str | None, *, replaces: bool) -> None:
    """Let a locked row have the id `wanted` from now on, None for none; it is held for this transaction.

    `replaces`: somebody has said that the one it has may go.  Raises BadExternalId, ExternalIdTaken (by another one of
    this merchant; of other merchants' ids nothing is known here), ExternalIdStands.
    """
    if wanted == row.external_id:
        return
    if wanted is not None:
        if not is_external_id(wanted):
            raise BadExternalId
        external_ids.lock(session, row.merchant_id, wanted)
        find = external_ids.customer if isinstance(row, Customer) else external_ids.product
        if find(session, row.merchant_id, wanted) is not None:
            raise ExternalIdTaken
    if row.external_id is not None and not replaces:
        raise ExternalIdStands
