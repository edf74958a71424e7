"""Access given by hand: from a moment until another, or for good."""

from __future__ import annotations

import uuid
from typing import Any

from apiflask import APIBlueprint
from apiflask.fields import String
from apiflask.validators import Length
from flask import Response

from portal.api.calls import by, caller, context
from portal.api.paging import asked, page
from portal.api.routes import body, query, reply
from portal.api.schemas import Answer, Listed, Out, PublicId, Strict, list_of, moment, moment_asked, word
from portal.clock import utc_now
from portal.domain.integrations.public_ids import Kind, public
from portal.queries.integrations import api_lists
from portal.services import grants, resources
from portal.services.grants import Gift


class GrantOut(Out):
    id = PublicId(Kind.GRANT, required=True)
    object = word("grant", required=True)
    customer = PublicId(Kind.CUSTOMER, required=True)
    product = PublicId(Kind.PRODUCT, required=True)
    since = moment(required=True)
    until = moment("null: for good.", required=True, allow_none=True)
    withdrawn_at = moment(required=True, allow_none=True)
    created_at = moment(required=True)


class Asked(Listed):
    customer = PublicId(Kind.CUSTOMER)
    product = PublicId(Kind.PRODUCT)


class NewGrant(Strict):
    customer = PublicId(Kind.CUSTOMER, required=True)
    product = PublicId(Kind.PRODUCT, required=True)
    since = moment_asked("Left out: now.")
    until = moment_asked("null: for good.", allow_none=True, load_default=None)
    note = String(load_default="", validate=Length(max=500), metadata={"description": "Why: for the team."})
    tell_customer = Answer(load_default=False, metadata={"description": "Whether the customer is written to."})


class GrantWithdrawal(Strict):
    tell_customer = Answer(load_default=False)


bp = APIBlueprint("grants", __name__, tag="Grants")


@bp.get("/grants")
@query(bp, Asked)
@bp.output(list_of(GrantOut, "GrantList"))
def listed(query: dict[str, Any]) -> Response:
    """List what was given by hand, the newest first."""
    filters, wanted = asked(query)
    with context().db.read() as session:
        found = api_lists.grants(
            session, wanted, customer_id=filters.get("customer"), product_id=filters.get("product")
        )
        return page(found, filters, wanted, resources.grant)


@bp.get("/grants/<id(grant):grant_id>")
@bp.output(GrantOut)
def one(grant_id: uuid.UUID) -> Response:
    """Read one gift."""
    return _shown(grant_id)


@bp.post("/grants")
@body(bp, NewGrant)
@bp.output(GrantOut, status_code=201)
def given(body: dict[str, Any]) -> Response:
    """Give a product to a customer."""
    now = utc_now()
    wish = Gift(
        product_id=body["product"],
        since=body.get("since") or now,
        until=body["until"],
        note=body["note"],
        is_told=body["tell_customer"],
    )
    grant_id = grants.give(context(), caller().merchant_id, body["customer"], wish, by=by(), now=now)
    return _shown(grant_id, 201, location=f"/v1/grants/{public(Kind.GRANT, grant_id)}")


@bp.post("/grants/<id(grant):grant_id>/withdraw")
@body(bp, GrantWithdrawal)
@bp.output(GrantOut)
def withdrawn(grant_id: uuid.UUID, body: dict[str, Any]) -> Response:
    """End a gift now; one that is over stays as it is."""
    key, now = caller(), utc_now()
    with context().db.read() as session:
        row = api_lists.grant(session, key.merchant_id, grant_id)
    if row.withdrawn_at is None and (row.until is None or row.until > now):
        grants.withdraw(
            context(), key.merchant_id, row.customer_id, grant_id, is_told=body["tell_customer"], by=by(), now=now
        )
    return _shown(grant_id)


def _shown(grant_id: uuid.UUID, status: int = 200, *, location: str = "") -> Response:
    with context().db.read() as session:
        row = api_lists.grant(session, caller().merchant_id, grant_id)
    return reply(resources.grant(row), status, location=location)
