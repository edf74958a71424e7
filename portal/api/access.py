"""May this person open this? The question that a course platform asks before it shows a lesson."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from apiflask import APIBlueprint
from apiflask.fields import Boolean, Integer, List, Nested, String
from apiflask.schema_adapters.marshmallow import parser
from apiflask.validators import Length
from flask import Response, request

from portal.api import access_lines
from portal.api.calls import caller, context
from portal.api.problems import not_found
from portal.api.routes import body, query, reply, written
from portal.api.schemas import Address, Answer, NamedId, Out, PublicId, Strict, moment, word
from portal.clock import utc_now
from portal.domain.access.access import End
from portal.domain.integrations.external_ids import is_external_id
from portal.domain.integrations.public_ids import Kind
from portal.queries.access.access_checks import Pair, pair_of
from portal.queries.people import customers
from portal.services import access_checks, resources
from portal.services.access_checks import MOST
from portal.services.resources import Checked

UNTIL_IS = {
    "description": "`dated`: `until` says when it closes; `running`: as long as the subscription runs; `kept`: for "
    "good; `unknown`: the end of what is paid is not known, and it is open."
}
FOUND = (
    "Whether both are the merchant's. False: `customer` and `product` are null and nothing is allowed, "
    "whichever of the two is not there."
)
MORE: Final[tuple[dict[str, bool], ...]] = ({}, {"contents": False}, {"contents": True})  # beside the pairs


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


class AskedOut(Out):
    customer = String(required=True)
    product = String(required=True)


class AccessAnswerOut(Out):
    object = word("access", required=True)
    index = Integer(required=True, metadata={"description": "Its place in `checks`, from 0."})
    asked = Nested(AskedOut, required=True, metadata={"description": "The pair as you wrote it."})
    found = Boolean(required=True, metadata={"description": FOUND})
    customer = PublicId(Kind.CUSTOMER, required=True, allow_none=True)
    product = PublicId(Kind.PRODUCT, required=True, allow_none=True)
    allowed = Boolean(required=True, metadata={"description": "Whether anything of the product is open now."})
    until = moment("When the last of what is open closes, as far as is known today.", required=True, allow_none=True)
    until_is = word(*End, required=True, allow_none=True, metadata=UNTIL_IS)
    sources = List(Nested(AccessSourceOut), required=True, data_key="from")
    contents = List(Nested(OpenedContentOut), metadata={"description": "Where the question says `contents`."})
    next_change_at = moment("When anything of it opens or closes next.", required=True, allow_none=True)


class AccessAnswers(Out):
    object = word("list", required=True)
    data = List(Nested(AccessAnswerOut), required=True)


class AccessCheck(Strict):
    customer = NamedId(Kind.CUSTOMER, required=True)
    product = NamedId(Kind.PRODUCT, required=True)


class AccessBatch(Strict):
    checks = List(Nested(AccessCheck), required=True, validate=Length(1, MOST))
    contents = Answer(load_default=False, metadata={"description": "Whether each answer lists its `contents`."})


class AccessByEmail(Strict):
    email = Address(required=True)
    product = NamedId(Kind.PRODUCT, required=True)


bp = APIBlueprint("access", __name__, tag="Access")


@bp.get("/access")
@query(bp, AccessCheck)
@bp.output(AccessOut)
def check(query: dict[str, Any]) -> Response:
    """Say whether a customer may open a product, until when, from what, and what of it."""
    now = utc_now()
    (found,) = _checked([pair_of(query["customer"], query["product"])], now=now)
    if found is None:
        raise not_found()
    return reply(resources.access(found, now=now))


@bp.post("/access/batch")
@body(bp, AccessBatch, is_checked=False)
@bp.output(AccessAnswers)
def check_many(body: Any) -> Response:
    """Say it of up to 500 pairs at once: an answer to each, in the order of the question.

    A pair that is not there is answered as well, with `found` false. `contents` are listed where they are asked for.
    """
    pairs = _pairs(body)
    with_contents = bool(body.get("contents"))
    now = utc_now()
    found = zip(body["checks"], _checked(pairs, now=now), strict=True)
    return written(access_lines.batch(found, with_contents=with_contents, now=now))


def _pairs(body: Any) -> list[Pair]:
    """Return what a batch asks, read by hand: by its schema it would cost more than the answers.

    Where anything is not as it should be the schema reads it, and says where.
    """
    match body:
        case {"checks": list(checks), **more} if 0 < len(checks) <= MOST and more in MORE:
            with suppress(KeyError, TypeError):
                pairs = [(one["customer"], one["product"]) for one in checks if len(one) == 2]
                names = {name for pair in pairs for name in pair}
                if len(pairs) == len(checks) and all(map(is_external_id, names)):  # ours are written as theirs may be
                    return pairs
    parser.parse(AccessBatch(), request, location="json")
    return [(one["customer"], one["product"]) for one in body["checks"]]


@bp.post("/access")
@body(bp, AccessByEmail)
@bp.output(AccessList)
def check_by_email(body: dict[str, Any]) -> Response:
    """Say it of every customer who has this e-mail address: the list is empty where there is none.

    The address stands in the body, since addresses of pages stand in logs.
    """
    with context().db.read() as session:
        found = customers.of_address(session, caller().merchant_id, body["email"])
    pairs = [pair_of(one.id, body["product"]) for one in found]
    now = utc_now()
    checked = _checked(pairs, now=now) if pairs else []
    data = [resources.access(one, now=now) for one in checked if one is not None]
    return reply({"object": "list", "data": data})


def _checked(pairs: list[Pair], *, now: datetime) -> list[Checked | None]:
    key = caller()
    with context().db.once() as connection:
        return access_checks.check(connection, key.merchant_id, key.mode.environment, pairs, now=now)
