"""A product as the outside sees it."""

from __future__ import annotations

from portal.domain.integrations.public_ids import Kind, public
from portal.models import Product
from portal.services.resources.values import Resource, moment


def product(row: Product) -> Resource:
    """Return a product with what it opens and its rules of access; its contents must be loaded."""
    return {
        "id": public(Kind.PRODUCT, row.id),
        "object": "product",
        "external_id": row.external_id,
        "name": row.name,
        "contents": [
            {
                "id": public(Kind.CONTENT, one.id),
                "title": one.title,
                "link": one.link or None,
                "unlock_after_days": one.unlock_after_days,
            }
            for one in row.contents
        ],
        "access": {
            "kept_after_completion": row.keep_after_completion,
            "kept_after_cancellation": row.keep_after_cancellation,
            "stops_at_once": row.stops_at_once,
            "kept_while_paused": row.kept_while_paused,
            "grace_days": row.grace_days,
        },
        "created_at": moment(row.created_at),
    }
