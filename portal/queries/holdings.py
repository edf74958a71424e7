"""What a customer holds: each subscription with its request, its timeline and what was given by hand.

Read in the same few statements whatever the number of subscriptions (performance.md, the account page).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.policies import Override
from portal.domain.subscriptions import may_invite_back
from portal.models import (
    EndRequest,
    Grant,
    LatePayment,
    PauseRequest,
    Proof,
    ReceivedRequest,
    Subscription,
    TimelineEntry,
)
from portal.queries import (
    askings,
    comebacks,
    end_requests,
    grants,
    pauses,
    proofs,
    received_requests,
    subscriptions,
    timelines,
)
from portal.queries.comebacks import Prospect
from portal.queries.money import late_payments

PAGE: Final = 50


@dataclass(frozen=True, kw_only=True)
class Holding:
    """One subscription with what its pages show. `request` is the newest that stands, or the one asked for."""

    subscription: Subscription
    request: EndRequest | None
    entries: tuple[TimelineEntry, ...] = ()
    grants: tuple[Grant, ...] = ()
    pauses: tuple[PauseRequest, ...] = ()  # every one, newest first
    prospect: Prospect | None = None  # of coming back; None for what may not be invited back
    proof: Proof | None = None  # of the request asked for
    successor: EndRequest | None = None  # what stands since the request asked for was withdrawn
    notified: ReceivedRequest | None = None  # the newest that the customer notified by the form
    comment: str = ""  # of the notification that the request asked for answers
    late: tuple[LatePayment, ...] = ()  # came after the end, and is not settled


@dataclass(frozen=True, kw_only=True)
class Gift:
    """A product given by hand to somebody who holds no subscription to it."""

    product_name: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, kw_only=True)
class Holdings:
    """A page of one customer's subscriptions, the live ones first; on the first, what they were given besides."""

    subscriptions: tuple[Holding, ...]
    gifts: tuple[Gift, ...]
    has_more: bool  # there is another page


def page_of_customer(
    session: Session,
    merchant_id: uuid.UUID,
    customer_id: uuid.UUID,
    *,
    number: int = 1,
    self_cancellation: bool = False,
) -> Holdings:
    """Return a page of what the account page shows, in four statements whatever the number of subscriptions.

    One more each where an end waits for its day, where one is over (late money), where one may be invited back, and
    where a customer cannot cancel by themselves and notifies instead (`self_cancellation`: the switch), or has
    notified and waits.  Timelines are on each subscription's own page.
    """
    found = subscriptions.page_of_customer(session, merchant_id, customer_id, start=(number - 1) * PAGE, size=PAGE + 1)
    requests = {row.id: request for row, request in found[:PAGE]}
    rows = [row for row, _ in found[:PAGE]]
    planned = [one.subscription_id for one in requests.values() if one and one.is_open and one.due_at is not None]
    if planned:
        subscriptions.load_payments(session, planned)
    paused = pauses.all_of(session, requests)
    is_all = number == 1 and len(found) <= PAGE
    prospects = _prospects(session, rows, all_rows=rows if is_all else None)
    own = Override.ON if self_cancellation else Override.OFF
    off = {row.id for row in rows if Override.OFF in (row.product.self_cancellation, own)}
    off |= {row.id for row in rows if row.end_requested_at is not None and requests[row.id] is None}
    notified = received_requests.notified(session, off) if off else {}
    over = [row.id for row in rows if row.is_over]
    late = late_payments.open_of(session, over) if over else {}
    given = grants.with_products(session, merchant_id, customer_id)
    return Holdings(
        subscriptions=tuple(
            Holding(
                subscription=row,
                request=requests[row.id],
                grants=tuple(grant for grant, *_ in given if grant.product_id == row.product_id),
                pauses=tuple(paused.get(row.id, ())),
                prospect=prospects.get(row.id),
                notified=notified.get(row.id),
                late=tuple(late.get(row.id, ())),
            )
            for row in rows
        ),
        gifts=tuple(
            Gift(product_name=name, since=grant.since, until=grant.until)
            for grant, name, is_subscribed in given
            if number == 1 and not is_subscribed
        ),
        has_more=len(found) > PAGE,
    )


def of_customer(
    session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, subscription_id: uuid.UUID
) -> Holding:
    """Return one subscription of the customer with its newest standing request; raise NoResultFound for any other."""
    subscription = subscriptions.of_customer(session, merchant_id, customer_id, subscription_id)
    return Holding(
        subscription=subscription,
        request=end_requests.standing(session, subscription_id),
        entries=tuple(timelines.of_subscription(session, subscription_id)),
        pauses=tuple(pauses.all_of_subscription(session, subscription_id)),
        grants=tuple(grants.of_customer(session, merchant_id, customer_id, product_id=subscription.product_id)),
        prospect=_prospects(session, [subscription], all_rows=None).get(subscription.id),
        notified=received_requests.notified(session, [subscription_id]).get(subscription_id),
        late=tuple(late_payments.open_of(session, [subscription_id]).get(subscription_id, ())),
    )


def of_request(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, reference: str) -> Holding:
    """Return a request of the customer with its subscription; raise NoResultFound for any other."""
    request = end_requests.of_customer(session, merchant_id, customer_id, reference)
    product_id = request.subscription.product_id
    return Holding(
        subscription=request.subscription,
        request=request,
        grants=tuple(grants.of_customer(session, merchant_id, customer_id, product_id=product_id)),
        prospect=_prospects(session, [request.subscription], all_rows=None).get(request.subscription_id),
        proof=proofs.of_request(session, request.id),
        comment=askings.told_before(session, request).comment,
        successor=end_requests.successor(session, request) if request.withdrawn_at is not None else None,
    )


def _prospects(
    session: Session, rows: Sequence[Subscription], *, all_rows: Sequence[Subscription] | None
) -> dict[uuid.UUID, Prospect]:
    """Return what coming back depends on where one may be invited back: on all that the customer has, too."""
    invited = [row for row in rows if may_invite_back(row.status, relaunch_allowed=row.relaunch_allowed)]
    if not invited:
        return {}
    merchant_id, customer_id = invited[0].merchant_id, invited[0].customer_id
    all_rows = all_rows if all_rows is not None else subscriptions.sold_to(session, merchant_id, customer_id)
    return comebacks.prospects(session, merchant_id, customer_id, all_rows)
