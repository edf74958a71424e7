"""A product given by hand, as the outside sees it."""

from __future__ import annotations

from portal.domain.integrations.public_ids import Kind, public
from portal.models import Grant
from portal.services.resources.values import Resource, moment


def grant(row: Grant) -> Resource:
    """Return what was given, from when until when (null: for good); who gave it and why is for the team."""
    return {
        "id": public(Kind.GRANT, row.id),
        "object": "grant",
        "customer": public(Kind.CUSTOMER, row.customer_id),
        "product": public(Kind.PRODUCT, row.product_id),
        "since": moment(row.since),
        "until": moment(row.until),
        "withdrawn_at": moment(row.withdrawn_at),
        "created_at": moment(row.created_at),
    }
