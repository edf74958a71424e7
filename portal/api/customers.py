"""Customers: found by our id, or by their address in the body of a call, never in an address that is logged."""

from __future__ import annotations

import uuid
from typing import Any

from apiflask import APIBlueprint
from apiflask.fields import String
from flask import Response

from portal.api.calls import by, caller, check_world, context
from portal.api.paging import asked, page
from portal.api.routes import body, query, reply
from portal.api.schemas import (
    Address,
    ExternalId,
    ExternalIdChange,
    Listed,
    Out,
    PublicId,
    Strict,
    list_of,
    moment,
    word,
)
from portal.clock import utc_now
from portal.domain.integrations.public_ids import Kind
from portal.queries.integrations import api_lists
from portal.queries.people import customers as stored
from portal.services import resources
from portal.services.people import customer_identity


class CustomerOut(Out):
    id = PublicId(Kind.CUSTOMER, required=True)
    object = word("customer", required=True)
    external_id = String(required=True, allow_none=True, metadata={"description": "The merchant's own id."})
    email = String(required=True, allow_none=True)
    name = String(required=True, allow_none=True)
    locale = String(required=True, allow_none=True, metadata={"description": "null: the merchant's"})
    time_zone = String(required=True, allow_none=True, metadata={"description": "null: the merchant's"})
    created_at = moment(required=True)
    erased_at = moment(required=True, allow_none=True)


CustomerList = list_of(CustomerOut, "CustomerList")


class CustomerSearch(Strict):
    email = Address(required=True)


bp = APIBlueprint("customers", __name__, tag="Customers")


class CustomersAsked(Listed):
    external_id = ExternalId()


@bp.get("/customers")
@query(bp, CustomersAsked)
@bp.output(CustomerList)
def listed(query: dict[str, Any]) -> Response:
    """List customers, the newest first; with `external_id` the one who has it."""
    filters, wanted = asked(query)
    with context().db.read() as session:
        found = api_lists.customers(session, wanted, external_id=filters.get("external_id"))
        return page(found, filters, wanted, resources.customer)


@bp.get("/customers/<id(cus):customer_id>")
@bp.output(CustomerOut)
def one(customer_id: uuid.UUID) -> Response:
    """Read one customer."""
    with context().db.read() as session:
        return reply(resources.customer(stored.of_merchant(session, caller().merchant_id, customer_id)))


@bp.post("/customers/search")
@body(bp, CustomerSearch)
@bp.output(CustomerList)
def search(body: dict[str, Any]) -> Response:
    """Find customers by their e-mail address.

    The address stands in the body, since addresses of pages stand in logs. Several customers may share one; never end
    or charge anything by an address alone.
    """
    filters, wanted = asked({"limit": 100})
    with context().db.read() as session:
        found = api_lists.customers(session, wanted, email=body["email"])
        return page(found[:100], filters, wanted, resources.customer)


@bp.patch("/customers/<id(cus):customer_id>")
@body(bp, ExternalIdChange)
@bp.output(CustomerOut)
def named(customer_id: uuid.UUID, body: dict[str, Any]) -> Response:
    """Write the merchant's own id, or null for none.

    One that is set is kept unless `replace` says that it may go: whoever asks by it finds nobody then.
    """
    check_world(customer_id=customer_id)
    customer_identity.set_external_id(
        context(),
        caller().merchant_id,
        customer_id,
        body["external_id"],
        replaces=body["replace"],
        by=by(),
        now=utc_now(),
    )
    return one(customer_id)
