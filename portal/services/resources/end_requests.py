"""A request to end a subscription, as the outside sees it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from portal.domain.ends.end_requests import RequestState
from portal.domain.integrations.public_ids import Kind, public
from portal.models import EndRequest
from portal.services.resources.values import Resource, day, moment


class PublicState(StrEnum):
    """Where a request stands, in the words of the outside: how often PayPal was asked is nobody's matter there."""

    PLANNED = "planned"  # waits for its day; can be taken back
    PENDING = "pending"  # on its way to PayPal, or waiting for its word
    NEEDS_MERCHANT = "needs_merchant"  # PayPal refuses, or the key: somebody has to look
    CONFIRMED = "confirmed"  # by a read at PayPal, and by nothing less
    WITHDRAWN = "withdrawn"  # taken back, or another one took its place


STATES: Final[Mapping[RequestState, PublicState]] = {
    RequestState.RECORDED: PublicState.PENDING,
    RequestState.CALLING: PublicState.PENDING,
    RequestState.VERIFYING: PublicState.PENDING,
    RequestState.RETRYING: PublicState.PENDING,
    RequestState.NEEDS_MERCHANT: PublicState.NEEDS_MERCHANT,
    RequestState.CONFIRMED: PublicState.CONFIRMED,
    RequestState.CLOSED: PublicState.CONFIRMED,
    RequestState.WITHDRAWN: PublicState.WITHDRAWN,
}


def public_state(row: EndRequest, *, now: datetime) -> PublicState:
    """Return where the request stands now."""
    return PublicState.PLANNED if row.is_planned(now) else STATES[row.state]


def end_request(row: EndRequest, *, now: datetime) -> Resource:
    """Return a request to end. Its reason and its author's name are between the customer and the merchant's desk."""
    return {
        "id": public(Kind.END_REQUEST, row.id),
        "object": "end_request",
        "subscription": public(Kind.SUBSCRIPTION, row.subscription_id),
        "reference": row.reference,
        "status": public_state(row, now=now).value,
        "outcome": row.outcome.value,
        "cause": row.cause.value if row.cause is not None else None,
        "asked_by": row.asked_by.value,
        "channel": row.channel.value,
        "reason_code": row.reason_code or None,
        "wished_on": day(row.wished_on),
        "due_at": moment(row.due_at),
        "asked_at": moment(row.asked_at),
        "confirmed_at": moment(row.confirmed_at),
        "withdrawn_at": moment(row.withdrawn_at),
    }
