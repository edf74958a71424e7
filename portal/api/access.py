"""May this person open this? The question that a course platform asks before it shows a lesson."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from apiflask.fields import Boolean, List, Nested, String
from apiflask.validators import Length
from flask import Response

from portal.api.calls import caller, context
from portal.api.problems import not_found
from portal.api.routes import body, query, reply
from portal.api.schemas import Address, NamedId, Out, PublicId, Strict, moment, word
from portal.clock import utc_now
from portal.domain.access import End
from portal.domain.public_ids import Kind
from portal.queries.access_checks import Pair
from portal.queries.people import customers
from portal.services import access_checks, resources
from portal.services.access_checks import MOST
from portal.services.resources import Resource

UNTIL_IS = {
    "description": "`dated`: `until` says when it closes; `running`: as long as the subscription runs; `kept`: for "
    "good; `unknown`: the end of what is paid is not known, and it is open."
}


class AccessSourceOut(Out):
    type = word("subscription", "grant", required=True)
    id = String(required=True)
    until = moment(required=True, allow_none=True)
    until_is = word(*End, required=True)


class OpenedContentOut(Out):
    id = PublicId(Kind.CONTENT, required=True)
    title = String(required=True)
    link = String(required=True, allow_none=True)
    allowed = Boolean(required=True)
    since = moment("When it opened, or will.", required=True)
    until = moment(required=True, allow_none=True)
    until_is = word(*End, required=True, allow_none=True)


class AccessOut(Out):
    object = word("access", required=True)
    customer = PublicId(Kind.CUSTOMER, required=True)
    product = PublicId(Kind.PRODUCT, required=True)
    allowed = Boolean(required=True, metadata={"description": "Whether anything of the product is open now."})
    until = moment("When the last of what is open closes, as far as is known today.", required=True, allow_none=True)
    until_is = word(*End, required=True, allow_none=True, metadata=UNTIL_IS)
    sources = List(Nested(AccessSourceOut), required=True, data_key="from")
    contents = List(Nested(OpenedContentOut), required=True)
    next_change_at = moment("When anything of it opens or closes next.", required=True, allow_none=True)


class AccessList(Out):
    object = word("list", required=True)
    data = List(Nested(AccessOut), required=True)


class AccessCheck(Strict):
    customer = NamedId(Kind.CUSTOMER, required=True)
    product = NamedId(Kind.PRODUCT, required=True)


class AccessBatch(Strict):
    checks = List(Nested(AccessCheck), required=True, validate=Length(1, MOST))


class AccessByEmail(Strict):
    email = Address(required=True)
    product = NamedId(Kind.PRODUCT, required=True)


bp = APIBlueprint("access", __name__, tag="Access")


@bp.get("/access")
@query(bp, AccessCheck)
@bp.output(AccessOut)
def check(query: dict[str, Any]) -> Response:
    """Say whether a customer may open a product, until when, from what, and what of it."""
    found = _checked([(query["customer"], query["product"])])
    if not found:
        raise not_found()
    return reply(found[0])


@bp.post("/access/batch")
@body(bp, AccessBatch)
@bp.output(AccessList)
def check_many(body: dict[str, Any]) -> Response:
    """Say it of up to 500 pairs at once, in the order of the question.

    Of a pair that is not there nothing is answered: compare `customer` and `product`, or ask by our ids.
    """
    return reply({"object": "list", "data": _checked([(one["customer"], one["product"]) for one in body["checks"]])})


@bp.post("/access")
@body(bp, AccessByEmail)
@bp.output(AccessList)
def check_by_email(body: dict[str, Any]) -> Response:
    """Say it of every customer who has this e-mail address: the list is empty where there is none.

    The address stands in the body, since addresses of pages stand in logs.
    """
    with context().db.read() as session:
        found = customers.of_address(session, caller().merchant_id, body["email"])
    pairs: list[Pair] = [(one.id, body["product"]) for one in found]
    return reply({"object": "list", "data": _checked(pairs) if pairs else []})


def _checked(pairs: list[Pair]) -> list[Resource]:
    key, now = caller(), utc_now()
    with context().db.once() as connection:
        found = access_checks.check(connection, key.merchant_id, key.mode.environment, pairs, now=now)
    return [resources.access(one, now=now) for one in found if one is not None]
