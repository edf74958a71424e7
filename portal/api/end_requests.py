"""Requests to end a subscription: recorded at once, told to PayPal by the one engine, and true once PayPal says so."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from apiflask.fields import String
from apiflask.validators import Length, Regexp
from flask import Response

from portal.api.calls import by, caller, context
from portal.api.paging import asked, page
from portal.api.problems import Problem
from portal.api.routes import body, query, reply
from portal.api.schemas import DAY, Listed, Out, PublicId, Strict, day_asked, list_of, moment, word
from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.dates.end_dates import may_be_wished
from portal.domain.ends.end_requests import Cause, Channel
from portal.domain.integrations.public_ids import Kind, public
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Action
from portal.queries.integrations import api_lists
from portal.queries.people import merchants
from portal.services import resources
from portal.services.ends import end_requests, end_withdrawals
from portal.services.ends.end_wishes import Wish
from portal.services.resources import PublicState

ACTIONS: Final = {"cancelled": Action.CANCEL, "completed": Action.COMPLETE, "abandoned": Action.ABANDON}


class EndRequestOut(Out):
    id = PublicId(Kind.END_REQUEST, required=True)
    object = word("end_request", required=True)
    subscription = PublicId(Kind.SUBSCRIPTION, required=True)
    reference = String(required=True, metadata={"description": "What people are told."})
    status = word(*PublicState, required=True)
    outcome = word("completed", "cancelled", "abandoned", required=True)
    cause = word(
        *Cause,
        required=True,
        allow_none=True,
        metadata={"description": "`withdrawn`: the customer withdrew from the contract. Access ended at once."},
    )
    asked_by = word("customer", "staff", "system", "provider", required=True)
    channel = word(*Channel, required=True)
    reason_code = String(required=True, allow_none=True)
    wished_on = String(required=True, allow_none=True, metadata=DAY)
    due_at = moment(required=True, allow_none=True)
    asked_at = moment(required=True)
    confirmed_at = moment("When PayPal showed it ended.", required=True, allow_none=True)
    withdrawn_at = moment(required=True, allow_none=True)


class Asked(Listed):
    subscription = PublicId(Kind.SUBSCRIPTION)


class NewEndRequest(Strict):
    subscription = PublicId(Kind.SUBSCRIPTION, required=True)
    outcome = word(*ACTIONS, load_default="cancelled")
    asked_by = word(
        "customer",
        "merchant",
        load_default="merchant",
        metadata={"description": "A customer's own end keeps to what customers may do, and waits for a commitment."},
    )
    wished_on = day_asked(
        "From tomorrow on, within two years, in the merchant's time zone.", allow_none=True, load_default=None
    )
    reason_code = String(load_default="", validate=Regexp(r"^[a-z0-9_]{0,40}$"))
    reason_text = String(load_default="", validate=Length(max=1000))


bp = APIBlueprint("end_requests", __name__, tag="End requests")


@bp.get("/end_requests")
@query(bp, Asked)
@bp.output(list_of(EndRequestOut, "EndRequestList"))
def listed(query: dict[str, Any]) -> Response:
    """List requests to end, the newest first."""
    filters, wanted = asked(query)
    now = utc_now()
    with context().db.read() as session:
        found = api_lists.end_requests(session, wanted, subscription_id=filters.get("subscription"))
        return page(found, filters, wanted, lambda row: resources.end_request(row, now=now))


@bp.get("/end_requests/<id(end):request_id>")
@bp.output(EndRequestOut)
def one(request_id: uuid.UUID) -> Response:
    """Read where a request stands."""
    return _shown(request_id)


@bp.post("/end_requests")
@body(bp, NewEndRequest)
@bp.output(EndRequestOut, status_code=202)
def asked_for(body: dict[str, Any]) -> Response:
    """Ask for the end of a subscription.

    The request is recorded, and PayPal is told by us: `status` says where it stands, and the subscription ends once
    PayPal has shown that it did. Read it again, or wait for the event `subscription.ended`. A subscription that has an
    open request keeps that one.
    """
    recorded = end_requests.record(context(), _wish(body), now=utc_now())
    shown = public(Kind.END_REQUEST, recorded.request_id)
    return _shown(recorded.request_id, 202, location=f"/v1/end_requests/{shown}")


@bp.post("/end_requests/<id(end):request_id>/withdraw")
@bp.output(EndRequestOut)
def withdrawn(request_id: uuid.UUID) -> Response:
    """Take back a request that came by the API, while nothing was sent to PayPal.

    What a customer or the team asked for elsewhere is theirs to take back.
    """
    key, now = caller(), utc_now()
    with context().db.read() as session:
        row = api_lists.end_request(session, key.merchant_id, key.mode.environment, request_id)
        held = api_lists.subscription(session, key.merchant_id, key.mode.environment, row.subscription_id)
    if row.channel is not Channel.API:
        raise Problem("conflict", "It came by another way than the API, and is taken back there.", reason="not_by_api")
    if row.actor is Actor.CUSTOMER:
        theirs = By(actor=Actor.CUSTOMER, actor_id=held.customer_id, channel=Channel.API)
        end_withdrawals.withdraw(context(), key.merchant_id, held.customer_id, row.reference, by=theirs, now=now)
    else:
        wish = _of_merchant(row.subscription_id, Action.CANCEL)
        end_withdrawals.withdraw_planned(context(), wish, request_id, only_planned=False, now=now)
    return _shown(request_id)


def _wish(body: dict[str, Any]) -> Wish:
    """Return what is wanted, of a subscription that this key sees; raise NoResultFound for any other."""
    key = caller()
    with context().db.read() as session:
        held = api_lists.subscription(session, key.merchant_id, key.mode.environment, body["subscription"])
        time_zone = merchants.of(session, key.merchant_id).time_zone
    _check_day(body["wished_on"], today=utc_now().astimezone(ZoneInfo(time_zone)).date())
    action = ACTIONS[body["outcome"]]
    if body["asked_by"] == "merchant":
        return _of_merchant(
            held.id,
            action,
            wished_on=body["wished_on"],
            reason_code=body["reason_code"],
            reason_text=body["reason_text"],
        )
    return Wish(
        merchant_id=key.merchant_id,
        subscription_id=held.id,
        action=action,
        actor=Actor.CUSTOMER,
        channel=Channel.API,
        customer_id=held.customer_id,
        actor_id=held.customer_id,
        wished_on=body["wished_on"],
        reason_code=body["reason_code"],
        reason_text=body["reason_text"],
    )


def _check_day(day: date | None, *, today: date) -> None:
    if day is not None and not may_be_wished(day, today=today):
        errors = [
            {"pointer": "/wished_on", "detail": "A day from tomorrow on, within two years; without one, at once."}
        ]
        raise Problem("invalid", "Some of what was sent cannot be taken: see `errors`.", errors=errors)


def _of_merchant(subscription_id: uuid.UUID, action: Action, **more: Any) -> Wish:
    author = by()
    return Wish(
        merchant_id=caller().merchant_id,
        subscription_id=subscription_id,
        action=action,
        actor=Actor.STAFF,
        channel=Channel.API,
        actor_id=author.actor_id,
        actor_name=author.name,
        role=Role.SUPPORT,  # as whoever ends subscriptions at the desk
        **more,
    )


def _shown(request_id: uuid.UUID, status: int = 200, *, location: str = "") -> Response:
    key = caller()
    with context().db.read() as session:
        row = api_lists.end_request(session, key.merchant_id, key.mode.environment, request_id)
    return reply(resources.end_request(row, now=utc_now()), status, location=location)
