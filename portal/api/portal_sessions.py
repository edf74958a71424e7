"""Portal sessions: the merchant's server sends somebody who is logged in there to one task here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from apiflask import APIBlueprint
from apiflask.fields import Nested, String
from apiflask.validators import Length
from flask import Response

from portal.api.calls import by, caller, check_world, context, unauthorized
from portal.api.problems import Problem, not_found
from portal.api.routes import body, reply
from portal.api.schemas import NamedId, Out, PublicId, Strict, moment, word
from portal.clock import utc_now
from portal.domain.integrations.portal_sessions import CannotMake, Flaw
from portal.domain.integrations.public_ids import Kind, public
from portal.domain.integrations.task_links import After, TaskKind
from portal.queries.access.access_checks import External
from portal.queries.integrations import api_lists, external_ids
from portal.services import portal_sessions
from portal.services.portal_sessions import Flow
from portal.services.resources import moment as shown

FLAWS: Final[Mapping[Flaw, tuple[str, str]]] = {
    Flaw.RETURN_URL: ("/return_url", "Neither on the merchant's list of return addresses nor below one of them."),
    Flaw.SUBSCRIPTION_MISSING: ("/flow/subscription", "This task is about one subscription."),
    Flaw.SUBSCRIPTION_UNWANTED: ("/flow/subscription", "This task is about all that the customer has."),
    Flaw.SECTION_HIDDEN: ("/flow/type", "The merchant has left this page out of the customers' space."),
}


class FlowIn(Strict):
    type = word(*TaskKind, load_default=TaskKind.NONE)
    subscription = PublicId(Kind.SUBSCRIPTION, load_default=None, allow_none=True)
    after = word(*After, load_default=After.STAY)


class NewPortalSession(Strict):
    customer = NamedId(Kind.CUSTOMER, required=True)
    return_url = String(required=True, validate=Length(1, 2000))
    locale = word("fr", "en", load_default=None, allow_none=True)
    flow = Nested(FlowIn, load_default=lambda: {"type": TaskKind.NONE, "subscription": None, "after": After.STAY})


class PortalSessionOut(Out):
    id = PublicId(Kind.PORTAL_SESSION, required=True)
    object = word("portal_session", required=True)
    customer = PublicId(Kind.CUSTOMER, required=True)
    url = String(required=True, metadata={"description": "Where to send the browser, at once; known nowhere else."})
    expires_at = moment("Unless it is opened before.", required=True)


bp = APIBlueprint("portal_sessions", __name__, tag="Portal sessions")


@bp.post("/portal_sessions")
@body(bp, NewPortalSession)
@bp.output(PortalSessionOut, status_code=201)
def made(body: dict[str, Any]) -> Response:
    """Make an address that opens one task for a customer, once, in one browser, for ten minutes."""
    key, flow = caller(), body["flow"]
    customer_id = _customer(body["customer"])
    _check_seen(customer_id, flow["subscription"])
    wanted = Flow(type=TaskKind(flow["type"]), subscription_id=flow["subscription"], after=After(flow["after"]))
    try:
        row, address = portal_sessions.create(
            context(),
            key.merchant_id,
            customer_id,
            return_url=body["return_url"],
            flow=wanted,
            locale=body["locale"],
            by=by(),
            now=utc_now(),
        )
    except CannotMake as refused:
        if refused.flaw is Flaw.KEY_REVOKED:
            raise unauthorized("This key is not valid here.") from None
        pointer, detail = FLAWS[refused.flaw]
        raise Problem(
            "invalid",
            "Some of what was sent cannot be taken: see `errors`.",
            errors=[{"pointer": pointer, "detail": detail}],
        ) from None
    return reply(
        {
            "id": public(Kind.PORTAL_SESSION, row.id),
            "object": "portal_session",
            "customer": public(Kind.CUSTOMER, row.customer_id),
            "url": address,
            "expires_at": shown(row.expires_at),
        },
        201,
    )


def _customer(named: uuid.UUID | External) -> uuid.UUID:
    if isinstance(named, uuid.UUID):
        return named
    with context().db.read() as session:
        found = external_ids.customer(session, caller().merchant_id, named)
    if found is None:
        raise not_found()
    return found.id


def _check_seen(customer_id: uuid.UUID, subscription_id: uuid.UUID | None) -> None:
    """Raise NoResultFound for a subscription of the world that this key does not see.

    Raise Problem where a test key would open pages on which something real is seen, or ended.
    """
    key = caller()
    if subscription_id is None:
        check_world(customer_id=customer_id)
        return
    with context().db.read() as session:
        api_lists.subscription(session, key.merchant_id, key.mode.environment, subscription_id)
