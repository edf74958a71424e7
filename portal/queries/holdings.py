"""What a customer holds: one subscription with its request, its timeline and what was given by hand.

The account page reads plain rows of all of them (queries/account/account_page.py); `Held` is what both have in common.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from sqlalchemy.orm import Session

from portal.domain.ends.comebacks import Standing
from portal.domain.ends.received_requests import ReceivedState
from portal.domain.law.withdrawals import NO_PROOF, Consents
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
from portal.models.ends.held_requests import AnyAttempt, AnyEndRequest, AnyPause
from portal.models.held import AnyGrant, AnySubscription
from portal.models.money.payments import STANDS
from portal.queries import subscriptions, timelines
from portal.queries.access import grants
from portal.queries.account.account_rows import Taken
from portal.queries.ends import askings, comebacks, end_requests, pauses, received_requests
from portal.queries.ends.comebacks import Prospect
from portal.queries.law import proofs, withdrawals
from portal.queries.money import late_payments


class AnyNotice(Protocol):
    """What a customer has notified by the form of a subscription's page."""

    @property
    def reference(self) -> str: ...
    @property
    def state(self) -> ReceivedState: ...
    @property
    def received_at(self) -> datetime: ...
    @property
    def wished_on(self) -> date | None: ...
    @property
    def settled_at(self) -> datetime | None: ...


class AnyMoney(Protocol):
    """A payment in sum and date."""

    @property
    def amount(self) -> Decimal: ...
    @property
    def currency(self) -> str: ...
    @property
    def paid_at(self) -> datetime: ...


class AnyLate(Protocol):
    """A payment that came after an end."""

    @property
    def payment(self) -> AnyMoney: ...


class AnyProspect(Protocol):
    """What coming back depends on, and the newest attempt."""

    @property
    def standing(self) -> Standing: ...
    @property
    def newest(self) -> AnyAttempt | None: ...


class Held(Protocol):
    """One subscription with what its card says: `Holding`, or on the account page `account_page.Carded`."""

    @property
    def subscription(self) -> AnySubscription: ...
    @property
    def request(self) -> AnyEndRequest | None: ...
    @property
    def entries(self) -> tuple[TimelineEntry, ...]: ...
    @property
    def grants(self) -> tuple[AnyGrant, ...]: ...
    @property
    def pauses(self) -> tuple[AnyPause, ...]: ...
    @property
    def prospect(self) -> AnyProspect | None: ...
    @property
    def notified(self) -> AnyNotice | None: ...
    @property
    def late(self) -> tuple[AnyLate, ...]: ...
    @property
    def taken(self) -> Taken: ...
    @property
    def consents(self) -> Consents: ...


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
    consents: Consents = NO_PROOF  # what was said when the contract began

    @property
    def taken(self) -> Taken:
        """How many payments stand, and when the first of them came; the subscription's must be loaded."""
        stand = [one.paid_at for one in self.subscription.payments if one.state in STANDS]
        return Taken(len(stand), min(stand, default=None))


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
        prospect=_prospect(session, subscription),
        notified=received_requests.notified(session, [subscription_id]).get(subscription_id),
        late=tuple(late_payments.open_of(session, [subscription_id]).get(subscription_id, ())),
        consents=withdrawals.known(session, [subscription_id]).get(subscription_id, NO_PROOF),
    )


def former(session: Session, held: Holding) -> list[Holding]:
    """Return what the customer had of the same product before, and is over: it may keep something open."""
    rows = subscriptions.former_of(session, held.subscription)
    return [Holding(subscription=row, request=None, grants=held.grants) for row in rows]


def of_request(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, reference: str) -> Holding:
    """Return a request of the customer with its subscription; raise NoResultFound for any other."""
    request = end_requests.of_customer(session, merchant_id, customer_id, reference)
    product_id = request.subscription.product_id
    return Holding(
        subscription=request.subscription,
        request=request,
        grants=tuple(grants.of_customer(session, merchant_id, customer_id, product_id=product_id)),
        prospect=_prospect(session, request.subscription),
        proof=proofs.of_request(session, request.id),
        comment=askings.told_before(session, request).comment,
        successor=end_requests.successor(session, request) if request.withdrawn_at is not None else None,
    )


def _prospect(session: Session, row: Subscription) -> Prospect | None:
    """Return what coming back depends on where one may be invited back: on all that the customer has, too."""
    if not may_invite_back(row.status, relaunch_allowed=row.relaunch_allowed, is_schedule=row.is_schedule):
        return None
    rows = subscriptions.sold_to(session, row.merchant_id, row.customer_id)
    return comebacks.prospects(session, row.merchant_id, row.customer_id, rows).get(row.id)
