"""What a customer did about the offer beside the button that cancels. Nothing that ends a subscription waits for it."""

from __future__ import annotations

import uuid
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from portal.domain.law.offers import OfferAnswer, OfferKind
from portal.queries import subscriptions
from portal.queries.ends import offers
from portal.services.context import Context

log = structlog.get_logger(__name__)


def answer(
    ctx: Context,
    merchant_id: uuid.UUID,
    customer_id: uuid.UUID,
    subscription_id: uuid.UUID,
    offer: OfferKind,
    said: OfferAnswer,
    *,
    now: datetime,
) -> None:
    """Keep what they answered the first time; to no offer there is no answer. NoResultFound for a foreign id."""
    with ctx.db.begin() as session:
        subscriptions.of_customer(session, merchant_id, customer_id, subscription_id)
        if offer is not OfferKind.NONE and offers.may_be_offered(session, customer_id):
            kept = {"id": uuid.uuid4(), "created_at": now, "offer": offer, "answer": said}
            whose = {"merchant_id": merchant_id, "customer_id": customer_id, "subscription_id": subscription_id}
            offers.keep(session, {**kept, **whose})


def answer_beside(
    ctx: Context,
    merchant_id: uuid.UUID,
    customer_id: uuid.UUID,
    subscription_id: uuid.UUID,
    offer: OfferKind,
    said: OfferAnswer,
    *,
    now: datetime,
) -> None:
    """Keep it beside an act that is done already: that it cannot be kept changes nothing of that."""
    try:
        answer(ctx, merchant_id, customer_id, subscription_id, offer, said, now=now)
    except SQLAlchemyError:
        log.exception("offer_answer_not_kept", subscription_id=str(subscription_id))
