"""Products, what they open, and their rules of access."""

from __future__ import annotations

import uuid
from typing import Any

from apiflask import APIBlueprint
from apiflask.fields import Boolean, Integer, List, Nested, String
from flask import Response

from portal.api.calls import by, caller, check_world, context
from portal.api.paging import asked, page
from portal.api.routes import body, query, reply
from portal.api.schemas import ExternalIdChange, Listed, Out, PublicId, list_of, moment, word
from portal.domain.integrations.public_ids import Kind
from portal.queries.access import products as stored
from portal.queries.integrations import api_lists
from portal.services import products as changing
from portal.services import resources


class ContentOut(Out):
    id = PublicId(Kind.CONTENT, required=True)
    title = String(required=True)
    link = String(required=True, allow_none=True)
    unlock_after_days = Integer(required=True)


class AccessRuleOut(Out):
    kept_after_completion = Boolean(required=True)
    kept_after_cancellation = Boolean(required=True)
    stops_at_once = Boolean(required=True)
    kept_while_paused = Boolean(required=True)
    grace_days = Integer(required=True)


class ProductOut(Out):
    id = PublicId(Kind.PRODUCT, required=True)
    object = word("product", required=True)
    external_id = String(required=True, allow_none=True, metadata={"description": "The merchant's own id."})
    name = String(required=True)
    contents = List(Nested(ContentOut), required=True)
    access = Nested(AccessRuleOut, required=True)
    created_at = moment(required=True)


bp = APIBlueprint("products", __name__, tag="Products")


@bp.get("/products")
@query(bp, Listed)
@bp.output(list_of(ProductOut, "ProductList"))
def listed(query: dict[str, Any]) -> Response:
    """List products, the newest first."""
    filters, wanted = asked(query)
    with context().db.read() as session:
        return page(api_lists.products(session, wanted), filters, wanted, resources.product)


@bp.get("/products/<id(prod):product_id>")
@bp.output(ProductOut)
def one(product_id: uuid.UUID) -> Response:
    """Read one product."""
    with context().db.read() as session:
        return reply(resources.product(stored.of_merchant(session, caller().merchant_id, product_id)))


@bp.patch("/products/<id(prod):product_id>")
@body(bp, ExternalIdChange)
@bp.output(ProductOut)
def named(product_id: uuid.UUID, body: dict[str, Any]) -> Response:
    """Write the merchant's own id, or null for none.

    One that is set is kept unless `replace` says that it may go: whoever asks by it finds nobody then.
    """
    check_world(product_id=product_id)
    changing.set_external_id(
        context(), caller().merchant_id, product_id, body["external_id"], replaces=body["replace"], by=by()
    )
    return one(product_id)
