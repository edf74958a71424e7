"""A customer as the outside sees them."""

from __future__ import annotations

from portal.domain.integrations.public_ids import Kind, public
from portal.models import Customer
from portal.services.resources.values import Resource, moment


def customer(row: Customer) -> Resource:
    """Return a customer; one who was erased has an id and a date, and nothing else that says who they were."""
    return {
        "id": public(Kind.CUSTOMER, row.id),
        "object": "customer",
        "external_id": row.external_id,
        "email": row.email,
        "name": row.name or None,
        "locale": row.locale,
        "time_zone": row.time_zone,
        "created_at": moment(row.created_at),
        "erased_at": moment(row.erased_at),
    }
