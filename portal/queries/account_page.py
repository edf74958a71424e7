"""The account page, the page that is asked most: one statement reads a customer's page, plain and whole.

Each subscription comes as one JSON document, with its product, its newest standing request and whatever else hangs on
it; what concerns them all stands beside.  Timelines are on each subscription's own page (queries/holdings.py).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Label,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    case,
    exists,
    select,
)
from sqlalchemy.orm import Session

from portal.domain.end_requests import RequestState
from portal.domain.late_payments import LateState
from portal.domain.policies import Override
from portal.domain.subscriptions import may_invite_back
from portal.models import (
    Customer,
    Grant,
    LatePayment,
    Payment,
    PayPalAccount,
    Plan,
    Product,
    ProductContent,
    Provider,
    Subscription,
    TimelineEntry,
)
from portal.models.held import AnySubscription
from portal.queries import comebacks, subscriptions
from portal.queries.account_rows import (
    ASKED,
    ATTEMPT,
    CONTENT,
    END_REQUEST,
    GRANT,
    MONEY,
    NOTICE,
    NOTIFIED,
    OF_PRODUCT,
    PAUSE,
    PAUSED,
    PAYMENT,
    PLAN,
    PRODUCT,
    SOLD,
    SUBSCRIPTION,
    TRIED,
    PlainAttempt,
    PlainEndRequest,
    PlainGrant,
    PlainLate,
    PlainNotice,
    PlainPause,
    PlainProspect,
    PlainSubscription,
)
from portal.queries.json_rows import Document, json_all, json_list

PAGE: Final = 50


@dataclass(frozen=True, kw_only=True)
class Carded:
    """One subscription with what its card shows; named as `holdings.Holding` has it."""

    subscription: PlainSubscription
    request: PlainEndRequest | None
    grants: tuple[PlainGrant, ...]
    pauses: tuple[PlainPause, ...]
    notified: PlainNotice | None
    late: tuple[PlainLate, ...]
    prospect: PlainProspect | None = None  # of coming back; None for what may not be invited back
    entries: tuple[TimelineEntry, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AccountPage:
    """A page of one customer's subscriptions, the live ones first; on the first, what they were given besides."""

    subscriptions: tuple[Carded, ...]
    gifts: tuple[PlainGrant, ...]
    has_more: bool  # there is another page


def of_customer(
    session: Session,
    merchant_id: uuid.UUID,
    customer_id: uuid.UUID,
    *,
    number: int = 1,
    self_cancellation: bool = False,
) -> AccountPage:
    """Return a page of what the account page shows, in one statement whatever the number of subscriptions.

    One more where there are further pages and one may be invited back: that depends on all that the customer has.
    `self_cancellation` is the merchant's switch.
    """
    whose = {"merchant_id": merchant_id, "customer_id": customer_id, "start": (number - 1) * PAGE, "size": PAGE + 1}
    found = session.connection().execute(_page(), whose).all()
    if not found:
        return AccountPage(subscriptions=(), gifts=(), has_more=False)
    first, own = found[0], Override.ON if self_cancellation else Override.OFF
    given = tuple(GRANT.made_of(one) for one in first.given or ())
    shown = [_carded(row.held, given, own) for row in found[:PAGE] if row.held is not None]
    if any(_is_invited(one.subscription) for one in shown):
        held: Sequence[AnySubscription] = [one.subscription for one in shown]
        if number > 1 or len(found) > PAGE:
            held = subscriptions.sold_to(session, merchant_id, customer_id)
        shown = _with_prospects(shown, held, first)
    return AccountPage(
        subscriptions=tuple(shown),
        gifts=tuple(one for one in given if number == 1 and not one.is_subscribed),
        has_more=len(found) > PAGE,
    )


def _carded(document: Document, given: tuple[PlainGrant, ...], own: Override) -> Carded:
    subscription, product, plan, asked, pauses, notified, late = document
    request, payments = asked if asked is not None else (None, None)
    one = SUBSCRIPTION.made_of(
        subscription,
        PRODUCT.made_of(product, tuple(map(CONTENT.made_of, product[-1] or ()))),
        PLAN.made_of(plan) if plan is not None else None,
        tuple(map(PAYMENT.made_of, payments or ())),
    )
    # A notification is told where the customer cannot cancel by themselves, or an end was asked for without a row.
    is_off = Override.OFF in (one.product.self_cancellation, own)
    is_told = notified is not None and (is_off or (one.end_requested_at is not None and request is None))
    return Carded(
        subscription=one,
        request=END_REQUEST.made_of(request) if request is not None else None,
        grants=tuple(grant for grant in given if grant.product_id == one.product_id),
        pauses=tuple(map(PAUSE.made_of, pauses or ())),
        notified=NOTICE.made_of(notified) if is_told else None,
        late=tuple(PlainLate(MONEY.made_of(payment)) for payment in late or ()),
    )


def _is_invited(one: PlainSubscription) -> bool:
    return may_invite_back(one.status, relaunch_allowed=one.relaunch_allowed)


def _with_prospects(shown: Sequence[Carded], held: Sequence[AnySubscription], about: Any) -> list[Carded]:
    """Add what coming back depends on to what may be invited back; `held` are all that the customer has."""
    attempts: list[PlainAttempt] = [ATTEMPT.made_of(one) for one in about.attempts or ()]

    def prospect(one: PlainSubscription) -> PlainProspect | None:
        if not _is_invited(one):
            return None
        allowed = about.contact_allowed
        standing = comebacks.standing_of(one, held, attempts, sold_in=about.sold_in, contact_allowed=allowed)
        return PlainProspect(standing, comebacks.newest_of(one, attempts))

    return [replace(card, prospect=prospect(card.subscription)) for card in shown]


@cache
def _page() -> Select[Any]:
    """The page: a row for each subscription, the live ones first, and one without where there is none.  Built once."""
    product, plan = PRODUCT.column(_contents()), case((Plan.id.is_not(None), PLAN.column()))
    held = json_list(SUBSCRIPTION.column(), product, plan, _request(), _pauses(), _notified(), _late())
    mine = and_(SOLD.customer_id == Customer.id, SOLD.merchant_id == Customer.merchant_id)
    return (
        select(case((SOLD.id.is_not(None), held)).label("held"), Customer.contact_allowed, *_of_all())
        .select_from(Customer)
        .outerjoin(SOLD, mine)
        .outerjoin(OF_PRODUCT, OF_PRODUCT.id == SOLD.product_id)
        .outerjoin(Plan, Plan.id == SOLD.plan_id)
        .where(Customer.id == bindparam("customer_id"), Customer.merchant_id == bindparam("merchant_id"))
        .order_by(SOLD.ended_at.is_not(None), SOLD.created_at.desc(), SOLD.id)
        .offset(bindparam("start"))
        .limit(bindparam("size"))
    )


def _of_all() -> tuple[Label[Any], ...]:
    """What concerns all that the customer has: each is looked up once."""
    customer: BindParameter[uuid.UUID] = bindparam("customer_id")
    merchant: BindParameter[uuid.UUID] = bindparam("merchant_id")
    sold_in = select(PayPalAccount.environment).where(
        PayPalAccount.merchant_id == merchant, PayPalAccount.provider == Provider.PAYPAL_REST
    )
    attempts = select(json_all(ATTEMPT.column(), TRIED.created_at, TRIED.id)).where(
        TRIED.merchant_id == merchant, TRIED.customer_id == customer
    )
    is_subscribed = exists().where(
        Subscription.merchant_id == merchant,
        Subscription.customer_id == customer,
        Subscription.product_id == Grant.product_id,
        Subscription.ended_at.is_(None),  # the card of one that is over may be folded: what is open is not
    )
    given = (
        select(json_all(GRANT.column(Product.name, is_subscribed), Grant.since, Grant.id))
        .join_from(Grant, Product, Grant.product_id == Product.id)
        .where(Grant.merchant_id == merchant, Grant.customer_id == customer)
    )
    return (
        sold_in.correlate(None).scalar_subquery().label("sold_in"),
        attempts.correlate(None).scalar_subquery().label("attempts"),
        given.correlate(None).scalar_subquery().label("given"),
    )


def _contents() -> ScalarSelect[Any]:
    of_product = ProductContent.product_id == OF_PRODUCT.id
    return (
        select(json_all(CONTENT.column(), ProductContent.position))
        .where(of_product)
        .correlate(OF_PRODUCT)
        .scalar_subquery()
    )


def _request() -> ScalarSelect[Any]:
    """The newest request that stands; its payments where it may wait for its day (`domain.end_requests.is_planned`)."""
    own = Payment.subscription_id == ASKED.subscription_id
    payments = select(json_all(PAYMENT.column(), Payment.paid_at)).where(own).correlate(ASKED).scalar_subquery()
    may_wait = and_(ASKED.state == RequestState.RECORDED, ASKED.due_at.is_not(None))
    return (
        select(json_list(END_REQUEST.column(), case((may_wait, payments))))
        .where(ASKED.subscription_id == SOLD.id, ASKED.state != RequestState.WITHDRAWN)
        .order_by(ASKED.created_at.desc())
        .limit(1)
        .correlate(SOLD)
        .scalar_subquery()
    )


def _pauses() -> ScalarSelect[Any]:
    """Every one, newest first."""
    own = PAUSED.subscription_id == SOLD.id
    newest_first = PAUSED.created_at.desc(), PAUSED.id
    return select(json_all(PAUSE.column(), *newest_first)).where(own).correlate(SOLD).scalar_subquery()


def _notified() -> ScalarSelect[Any]:
    """The newest that was notified by the form of the subscription's page."""
    return (
        select(NOTICE.column())
        .where(NOTIFIED.subscription_id == SOLD.id)
        .order_by(NOTIFIED.received_at.desc(), NOTIFIED.id.desc())
        .limit(1)
        .correlate(SOLD)
        .scalar_subquery()
    )


def _late() -> ColumnElement[Any]:
    """Of one that is over, what came after the end and is not settled, the newest payment first."""
    newest_first = Payment.paid_at.desc(), Payment.id
    late = (
        select(json_all(MONEY.column(), *newest_first))
        .join_from(LatePayment, Payment, Payment.id == LatePayment.payment_id)
        .where(LatePayment.subscription_id == SOLD.id, LatePayment.state == LateState.OPEN)
        .correlate(SOLD)
    )
    return case((SOLD.ended_at.is_not(None), late.scalar_subquery()))
