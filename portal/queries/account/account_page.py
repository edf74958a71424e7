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
    func,
    literal_column,
    select,
)
from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import RequestState
from portal.domain.law.withdrawals import NO_PROOF, Consents
from portal.domain.money.late_payments import LateState
from portal.domain.policies import Override
from portal.domain.subscriptions import may_invite_back
from portal.models import (
    Provider,
    TimelineEntry,
)
from portal.models.held import AnySubscription
from portal.models.money.payments import STANDS
from portal.queries import subscriptions
from portal.queries.account.account_rows import (
    ASKED,
    ATTEMPT,
    BUYER,
    CONSENT,
    CONTENT,
    END_REQUEST,
    GIVEN,
    GRANT,
    HELD,
    IS_GIVEN,
    LATE,
    MONEY,
    NONE_TAKEN,
    NOTICE,
    NOTIFIED,
    OF_PLAN,
    OF_PRODUCT,
    OPENS,
    PAID,
    PAUSE,
    PAUSED,
    PAYMENT,
    PLAN,
    PRODUCT,
    SAID,
    SELLS,
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
    Taken,
    consents_of,
    taken_of,
)
from portal.queries.ends import comebacks
from portal.queries.json_rows import Document, json_all, json_list

PAGE: Final = 20  # cards: a page that is read to its end, also on a phone


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
    taken: Taken = NONE_TAKEN
    consents: Consents = NO_PROOF


@dataclass(frozen=True, kw_only=True)
class AccountPage:
    """A page of one customer's subscriptions, the live ones first; on the first, what they were given besides.

    `live` and `over` count all that they have, on this page and on others.
    """

    subscriptions: tuple[Carded, ...]
    gifts: tuple[PlainGrant, ...]
    has_more: bool  # there is another page
    live: int = 0
    over: int = 0


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
    whose = {"m": merchant_id, "c": customer_id, "start": (number - 1) * PAGE}
    found = session.connection().execute(_page(), whose).all()
    if not found:
        return AccountPage(subscriptions=(), gifts=(), has_more=False)
    first, own = found[0], Override.ON if self_cancellation else Override.OFF
    total, over = first.counts
    given = tuple(GRANT.made_of(one) for one in first.given or ())
    shown = [_carded(row.held, given, own) for row in found if row.held is not None]
    if any(_is_invited(one.subscription) for one in shown):
        held: Sequence[AnySubscription] = [one.subscription for one in shown]
        if total > PAGE:
            held = subscriptions.sold_to(session, merchant_id, customer_id)
        shown = _with_prospects(shown, held, first)
    return AccountPage(
        subscriptions=tuple(shown),
        gifts=tuple(one for one in given if number == 1 and not one.is_subscribed),
        has_more=total > number * PAGE,
        live=total - over,
        over=over,
    )


def _carded(document: Document, given: tuple[PlainGrant, ...], own: Override) -> Carded:
    subscription, product, plan, asked, pauses, notified, late, taken, said = document
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
        taken=taken_of(taken),
        consents=consents_of(said),
    )


def _is_invited(one: PlainSubscription) -> bool:
    return may_invite_back(one.status, relaunch_allowed=one.relaunch_allowed, is_schedule=one.is_schedule)


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
    product, plan = PRODUCT.column(product_contents()), case((OF_PLAN.id.is_not(None), PLAN.column()))
    held = json_list(
        SUBSCRIPTION.column(), product, plan, standing_request(), _pauses(), _notified(), _late(), _taken(), _said()
    )
    mine = and_(SOLD.customer_id == BUYER.id, SOLD.merchant_id == BUYER.merchant_id)
    return (
        select(case((SOLD.id.is_not(None), held)).label("held"), BUYER.contact_allowed, *_of_all())
        .select_from(BUYER)
        .outerjoin(SOLD, mine)
        .outerjoin(OF_PRODUCT, OF_PRODUCT.id == SOLD.product_id)
        .outerjoin(OF_PLAN, OF_PLAN.id == SOLD.plan_id)
        .where(BUYER.id == bindparam("c"), BUYER.merchant_id == bindparam("m"))
        .order_by(SOLD.ended_at.is_not(None), SOLD.created_at.desc(), SOLD.id)
        .offset(bindparam("start"))
        .limit(PAGE)
    )


def _of_all() -> tuple[Label[Any], ...]:
    """What concerns all that the customer has: each is looked up once."""
    customer: BindParameter[uuid.UUID] = bindparam("c")
    merchant: BindParameter[uuid.UUID] = bindparam("m")
    sold_in = select(SELLS.environment).where(SELLS.merchant_id == merchant, SELLS.provider == Provider.PAYPAL_REST)
    attempts = select(json_all(ATTEMPT.column(), TRIED.created_at, TRIED.id)).where(
        TRIED.merchant_id == merchant, TRIED.customer_id == customer
    )
    is_subscribed = exists().where(
        HELD.merchant_id == merchant,
        HELD.customer_id == customer,
        HELD.product_id == GIVEN.product_id,
        HELD.ended_at.is_(None),  # the card of one that is over may be folded: what is open is not
    )
    given = (
        select(json_all(GRANT.column(IS_GIVEN.name, is_subscribed), GIVEN.since, GIVEN.id))
        .join_from(GIVEN, IS_GIVEN, GIVEN.product_id == IS_GIVEN.id)
        .where(GIVEN.merchant_id == merchant, GIVEN.customer_id == customer)
    )
    counts = select(json_list(func.count(), func.count(HELD.ended_at)).label("j")).where(
        HELD.merchant_id == merchant, HELD.customer_id == customer
    )
    return (
        counts.correlate(None).scalar_subquery().label("counts"),
        sold_in.correlate(None).scalar_subquery().label("sold_in"),
        attempts.correlate(None).scalar_subquery().label("attempts"),
        given.correlate(None).scalar_subquery().label("given"),
    )


def product_contents() -> ScalarSelect[Any]:
    of_product = OPENS.product_id == OF_PRODUCT.id
    return select(json_all(CONTENT.column(), OPENS.position)).where(of_product).correlate(OF_PRODUCT).scalar_subquery()


def standing_request() -> ScalarSelect[Any]:
    """The newest request that stands; its payments where it may wait for its day (`domain.end_requests.is_planned`)."""
    own = PAID.subscription_id == ASKED.subscription_id
    payments = select(json_all(PAYMENT.column(), PAID.paid_at)).where(own).correlate(ASKED).scalar_subquery()
    may_wait = and_(ASKED.state == RequestState.RECORDED, ASKED.due_at.is_not(None))
    return (
        select(json_list(END_REQUEST.column(), case((may_wait, payments))).label("j"))
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
        select(NOTICE.column().label("j"))
        .where(NOTIFIED.subscription_id == SOLD.id)
        .order_by(NOTIFIED.received_at.desc(), NOTIFIED.id.desc())
        .limit(1)
        .correlate(SOLD)
        .scalar_subquery()
    )


def _late() -> ColumnElement[Any]:
    """Of one that is over, what came after the end and is not settled, the newest payment first."""
    newest_first = PAID.paid_at.desc(), PAID.id
    late = (
        select(json_all(MONEY.column(), *newest_first))
        .join_from(LATE, PAID, PAID.id == LATE.payment_id)
        .where(LATE.subscription_id == SOLD.id, LATE.state == LateState.OPEN)
        .correlate(SOLD)
    )
    return case((SOLD.ended_at.is_not(None), late.scalar_subquery()))


def _taken() -> ColumnElement[Any]:
    """Of one that lives by a finite plan, how many payments stand and when the first of them came."""
    own = PAID.subscription_id == SOLD.id, PAID.state.in_(STANDS)
    taken = select(json_list(func.count(), func.min(PAID.paid_at)).label("j")).where(*own)
    is_finite = and_(SOLD.ended_at.is_(None), OF_PLAN.total_cycles > literal_column("0"))
    return case((is_finite, taken.correlate(SOLD).scalar_subquery()))


def _said() -> ScalarSelect[Any]:
    """What was said when the contract began, the oldest word first."""
    own = SAID.subscription_id == SOLD.id
    return select(json_all(CONSENT.column(), SAID.created_at, SAID.id)).where(own).correlate(SOLD).scalar_subquery()
