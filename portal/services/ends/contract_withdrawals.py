"""A customer withdraws from a contract: its access ends then, PayPal is told by the one engine, a refund is due.

Accepted whatever the dates say: a late declaration, or a doubtful one, waits for the merchant's word about the money
alone (law.md, R-FR-31).  Not to be taken for `end_withdrawals`, which takes a request to end back.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain.audit import By
from portal.domain.ends.end_requests import Cause
from portal.domain.ends.received_requests import was_timed
from portal.domain.errors import Denial, NotAllowed
from portal.domain.law.countries import Function
from portal.domain.law.withdrawals import REFUND_WITHIN, RefundDuty, Verdict, verdict
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import ENDED, Action
from portal.i18n import Translator
from portal.models import ReceivedRequest, Subscription, TimelineKind, Withdrawal
from portal.queries import subscriptions
from portal.queries.ends import end_requests as stored_ends
from portal.queries.ends import received_requests as received_stored
from portal.queries.law import withdrawals
from portal.queries.money import payments
from portal.queries.people import merchants
from portal.services import comebacks, contracts, outgoing_access
from portal.services.audit import timeline
from portal.services.context import Context
from portal.services.ends import end_requests
from portal.services.ends.end_requests import Recorded
from portal.services.ends.end_wishes import Wish
from portal.services.inbox import received_answers, received_requests
from portal.services.money import withdrawal_refunds
from portal.services.notices import end_confirmations, withdrawal_notices
from portal.services.renewals import advances
from portal.services.rules import write_end

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What somebody declared, of whom it is known by now which contract is meant.

    `informed_at`: when the merchant learned of it, from which the refund is due; None: at the declaration itself.
    """

    merchant_id: uuid.UUID
    subscription_id: uuid.UUID
    reference: str
    declared_at: datetime
    by: By
    customer_id: uuid.UUID | None = None  # whose it must be
    role: Role | None = None  # of staff who carry it out
    received_request_id: uuid.UUID | None = None  # the declaration, as it was received
    informed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The withdrawal that stands, and the request by which PayPal is told; None of what was over already."""

    withdrawal: Withdrawal
    recorded: Recorded | None = None


def accept(ctx: Context, declared: Declared, *, now: datetime) -> Accepted:
    """Carry a declaration out, in one transaction; of two for one contract the second gets the first's.

    Raises NoResultFound (not theirs), NotAllowed (staff whose role does not include it).
    """
    with ctx.db.begin() as session:
        subscription = subscriptions.lock(session, declared.merchant_id, declared.subscription_id)
        if declared.customer_id is not None and subscription.customer_id != declared.customer_id:
            raise NoResultFound
        return accept_held(ctx, session, subscription, declared, now=now)


def accept_held(
    ctx: Context, session: Session, subscription: Subscription, declared: Declared, *, now: datetime
) -> Accepted:
    """As `accept`, in the transaction that holds the subscription's lock."""
    before = withdrawals.of_subscription(session, subscription.id)
    if before is not None:
        _answer(ctx, session, declared, before, now=now)
        if declared.declared_at < before.declared_at:
            _count_from(session, subscription, before, declared, now=now)
            advances.give_way(session, subscription, by=declared.by, now=now)
            _note(session, subscription, before, declared, key=f"{before.id}:{declared.reference}", now=now)
        return Accepted(withdrawal=before)
    found = _reckoned(session, subscription, declared, now=now)
    subscription.withdrawn_at = found.declared_at
    subscription.relaunch_allowed = False  # nobody is invited back to what they have undone (R-FR-49)
    recorded = None
    if subscription.status in ENDED:
        _close(ctx, session, subscription, found, declared, now=now)
    else:
        recorded = end_requests.record_held(ctx, session, subscription, _wish(session, declared), now=now)
        request = stored_ends.lock(session, recorded.request_id)
        request.cause = Cause.WITHDRAWN  # also of an end that PayPal was being told of already
        found.end_request_id = request.id
        _answer(ctx, session, declared, found, now=now)
        first = _first_answered(session, request.id)
        if first is not None and first < found.declared_at:
            _count_from(session, subscription, found, replace(declared, declared_at=first), now=now)
    session.add(found)
    session.flush()
    advances.give_way(session, subscription, by=declared.by, now=now)
    _note(session, subscription, found, declared, key=str(found.id), now=now)
    outgoing_access.mark(session, subscription, now=now)
    withdrawal_notices.accepted(ctx, session, found, now=now)
    log.info("contract_withdrawn", withdrawal_id=str(found.id), subscription_id=str(subscription.id))
    return Accepted(withdrawal=found, recorded=recorded)


def _reckoned(session: Session, subscription: Subscription, declared: Declared, *, now: datetime) -> Withdrawal:
    """Return the row, with what the dates say of it and the sums of this moment."""
    contract, declared_at = contracts.contract_of(session, subscription), min(declared.declared_at, now)
    said = Verdict.IN_TIME if subscription.has_paid_nothing else verdict(contract, declared_at)
    zone = merchants.of(session, subscription.merchant_id).time_zone
    sums = withdrawal_refunds.sums(session, subscription, contract, declared_at=declared_at, time_zone=zone)
    is_known = sums.left is not None or not payments.are_unknown(session, subscription)
    is_nothing = is_known and sums.due <= 0 and said is Verdict.IN_TIME
    return Withdrawal(
        id=uuid.uuid4(),
        created_at=now,
        merchant_id=declared.merchant_id,
        subscription_id=subscription.id,
        received_request_id=declared.received_request_id,
        reference=declared.reference,
        declared_at=declared_at,
        verdict=said,
        actor=declared.by.actor,
        actor_id=declared.by.actor_id,
        actor_name=declared.by.name,
        channel=declared.by.channel,
        owed=sums.owed,
        due=sums.due,
        currency=sums.left.currency if sums.left is not None else None,
        refund=RefundDuty.NOTHING if is_nothing else RefundDuty.OPEN,
        refund_due_at=(declared.informed_at or declared_at) + REFUND_WITHIN,
        closed_at=now if is_nothing else None,
    )


def _first_answered(session: Session, request_id: uuid.UUID) -> datetime | None:
    """Return when the first of the withdrawals was declared that an end answers."""
    answered = received_stored.lock_matched(session, request_id)
    return min((one.received_at for one in answered if one.function is Function.WITHDRAWAL), default=None)


def _count_from(
    session: Session, subscription: Subscription, found: Withdrawal, declared: Declared, *, now: datetime
) -> None:
    """It had been declared before, though that was carried out later: what was sent first counts (R-EU-6).

    What staff have said of the money stands.  That all of it went back, or that nothing was due, nobody has said: with
    fewer days used more is due, and what is missing of it is a task again.
    """
    first = _reckoned(session, subscription, declared, now=now)
    subscription.withdrawn_at = found.declared_at = first.declared_at
    found.verdict = first.verdict
    if found.settled_until is not None:
        return
    found.owed, found.currency = first.owed, first.currency
    found.refund_due_at = min(found.refund_due_at, first.refund_due_at)
    if found.refund is not RefundDuty.REFUNDED:  # else the sum that went back stays, and `follow` asks for the rest
        found.due, found.refund, found.closed_at = first.due, first.refund, first.closed_at
    withdrawal_refunds.follow(session, subscription, now=now)


def _close(
    ctx: Context,
    session: Session,
    subscription: Subscription,
    found: Withdrawal,
    declared: Declared,
    *,
    now: datetime,
) -> None:
    """Close what a contract that is over had left open; its end answers the declaration, where there was one here."""
    write_end(subscription, subscription.facts, subscription.status, now)
    comebacks.close_open(session, subscription, now=now)
    end_confirmations.invitation_withdrawn(ctx, session, subscription, now=now)
    standing = stored_ends.standing(session, subscription.id)
    if standing is not None:
        standing.cause = Cause.WITHDRAWN
        found.end_request_id = standing.id
    _answer(ctx, session, declared, found, now=now)


def _wish(session: Session, declared: Declared) -> Wish:
    received_id = declared.received_request_id
    return Wish(
        merchant_id=declared.merchant_id,
        subscription_id=declared.subscription_id,
        action=Action.CANCEL,
        cause=Cause.WITHDRAWN,
        actor=declared.by.actor,
        channel=declared.by.channel,  # type: ignore[arg-type]  # whoever declares comes through a door
        actor_id=declared.by.actor_id,
        actor_name=declared.by.name,
        role=declared.role,
        received_request_id=received_id if _is_open(session, received_id) else None,
    )


def _is_open(session: Session, received_id: uuid.UUID | None) -> bool:
    """Say whether the declaration still waits: another end may have answered it before it was carried out."""
    received = session.get(ReceivedRequest, received_id) if received_id is not None else None
    return received is not None and received.is_open


def _answer(ctx: Context, session: Session, declared: Declared, found: Withdrawal, *, now: datetime) -> None:
    """Let the withdrawal's end answer a declaration that still waits; what had ended without one here closes it.

    The refund is a task of its own: nothing else is left of the declaration.
    """
    received_id, request_id = declared.received_request_id, found.end_request_id
    if received_id is None or not _is_open(session, received_id):
        return
    if request_id is None:
        _close_declaration(ctx, session, declared, received_id, found.subscription_id, now=now)
        return
    request = stored_ends.lock(session, request_id)
    by = declared.by.name or "PayPal"
    received_answers.match(ctx, session, declared.merchant_id, received_id, request, by=by, now=now)


def _close_declaration(
    ctx: Context,
    session: Session,
    declared: Declared,
    received_id: uuid.UUID,
    subscription_id: uuid.UUID,
    *,
    now: datetime,
) -> None:
    """Close a declaration that no end can answer, with a sentence in the merchant's language; its customer is told
    of the withdrawal, and not of this.
    """
    words = Translator(merchants.of(session, declared.merchant_id).locale)
    received = received_stored.lock(session, declared.merchant_id, received_id)
    if not received.may_be_about(subscription_id):
        raise NotAllowed(Denial.NAMES_ANOTHER)
    named = session.get_one(Subscription, received.subscription_id) if received.subscription_id else None
    reason = words.gettext("The contract was over already. The withdrawal is recorded, with its refund as a task.")
    received_requests.close_held(ctx, session, received, named, reason=reason, by=declared.by, now=now)


def _note(
    session: Session, subscription: Subscription, found: Withdrawal, declared: Declared, *, key: str, now: datetime
) -> None:
    by = (
        found.by
        if found.actor is Actor.CUSTOMER
        else By(actor=found.actor, actor_id=found.actor_id, name=found.actor_name)
    )
    received_id = declared.received_request_id
    received = session.get(ReceivedRequest, received_id) if received_id is not None else None
    is_timed = was_timed(declared.by.actor, received.way if received is not None else None)
    timeline.note(
        session,
        subscription,
        TimelineKind.WITHDRAWN,
        key=key,
        at=found.declared_at,
        by=by,
        reference=found.reference,
        verdict=found.verdict.value,
        **({} if is_timed else {"has_hour": False}),
        **(
            {"due": str(found.due), "owed": str(found.owed), "currency": found.currency}
            if found.currency is not None
            else {}
        ),
    )
