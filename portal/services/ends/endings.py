"""The one door: whoever learns something from PayPal ends here, so that one end gives one entry and one mail.

The web, the worker, the import and later the webhook and the nightly comparison all call
`record_reading` or `record_end` with the subscription locked (cancellation.md, rule 4).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session

from portal import metrics
from portal.domain.audit import PROVIDER
from portal.domain.ends.end_requests import Basis, Channel, RequestState, new_reference
from portal.domain.policies import Actor
from portal.domain.subscriptions import ProviderStatus, Status
from portal.models import EndRequest, Subscription, TimelineKind
from portal.providers.ports import Reading
from portal.queries.access import grants
from portal.queries.ends import end_requests
from portal.queries.people import merchants
from portal.services import outgoing_access, outgoing_facts, proofs, tries
from portal.services.audit import timeline
from portal.services.context import Context
from portal.services.dates.paid_time import is_unsettled, late_since, read_again, reread, status_of
from portal.services.dates.provider_facts import is_over, is_stale, take_over
from portal.services.ends import end_refunds
from portal.services.inbox import received_answers
from portal.services.money import given_dates, late_payments, settlements
from portal.services.notices import missed_payment_notices, moved_ends, notices, price_notices
from portal.services.pauses import pause_outcomes
from portal.services.people import customer_addresses
from portal.services.renewals import advances
from portal.services.rules import write_end

log = structlog.get_logger(__name__)

AHEAD: Final = timedelta(days=7)  # so far PayPal's clock may be ahead of ours: a time beyond is none
SOON: Final = timedelta(minutes=1)  # clocks differ: what is due already is not read without a pause
LAG: Final = timedelta(hours=1)  # so long a read may show an older state; one that stays is no lag: it did not hold


def record_reading(
    ctx: Context, session: Session, subscription: Subscription, reading: Reading, *, now: datetime
) -> None:
    """Take over what PayPal shows: facts always, a living state or an end by domain.md's table.

    A late or repeated word never revives an ended subscription; a word nobody has seen changes nothing.
    """
    if subscription.is_over:
        _after_the_end(ctx, session, subscription, reading, now=now)
        return
    stale, was_pending = is_stale(subscription, reading), subscription.status is Status.PENDING
    standing, terms = missed_payment_notices.Standing.of(subscription), outgoing_facts.terms_of(subscription)
    price = price_notices.price_of(subscription)
    take_over(subscription, reading, now=now)
    if not stale:
        customer_addresses.learn(session, subscription.customer, reading, now=now)
    if not is_over(reading):
        price_notices.follow(ctx, session, subscription, price, now=now)
    moved_ends.follow(ctx, session, subscription, now=now)
    outgoing_facts.of_terms(session, subscription, terms, now=now)
    if subscription.facts != standing.facts:
        outgoing_access.mark(session, subscription, now=now)
    if standing.status is Status.PAST_DUE and not stale:
        settlements.follow(ctx, session, subscription, now=now)
    seen = status_of(reading, subscription)
    if seen is None:
        log.warning("paypal_word_unknown", subscription_id=str(subscription.id), word=reading.status[:40])
        timeline.note(session, subscription, TimelineKind.UNKNOWN_WORD, key=reading.status, at=now, word=reading.status)
    elif is_over(reading):
        request = end_requests.open_of(session, subscription.id)
        basis = Basis.READ_AFTER_CALL if request is not None and request.sent_at else Basis.ALREADY_OVER
        request = request or _own_request(session, subscription, seen, Actor.PROVIDER, now=now)
        record_end(ctx, session, request, subscription, basis=basis, reading=reading, now=now)
    elif not stale and subscription.follow(seen, at=late_since(subscription, now=now)):
        if was_pending:
            read_again(session, subscription, reading, now=now)
        if pause_outcomes.follow(ctx, session, subscription, reading, now=now):
            return  # somebody asked for it here: the fact has its own entry
        missed_payment_notices.follow(ctx, session, subscription, standing, now=now)
        timeline.note(
            session,
            subscription,
            TimelineKind.STATUS_SEEN,
            key=f"{seen}:{now.isoformat()}",
            at=now,
            by=PROVIDER,
            status=seen,
            before=standing.status,
        )


def record_end(
    ctx: Context,
    session: Session,
    request: EndRequest,
    subscription: Subscription,
    *,
    basis: Basis,
    reading: Reading,
    now: datetime,
) -> None:
    """Write the end that PayPal's read has shown, with timeline, proof and mail, in one transaction."""
    _see_what_was_missed(subscription, request, reading, basis=basis, now=now)
    told = _told_at(request, reading, basis) or now
    at = now if basis is Basis.NEVER_STARTED else min(told, now)
    write_end(subscription, subscription.facts, request.outcome, at)
    if request.actor is not Actor.PROVIDER:  # nobody asked here for an end seen at PayPal: no date is made up
        subscription.end_requested_at = subscription.end_requested_at or request.created_at
    if basis is not Basis.NEVER_STARTED:
        # The first stop counts: it was told, and money after it is money after the end.
        # By PayPal's own clock, as payments are: one that it took before it stopped did not come after the end.
        stopped = subscription.stopped_at_provider_at or min(told, now + AHEAD)
        subscription.stopped_at_provider_at = stopped
        late_payments.begin_watch(subscription, request, reading, stopped=stopped, now=now)
    request.move(RequestState.CONFIRMED)
    request.confirmed_at = now
    request.basis = basis
    request.trouble = None
    request.next_try_at = None
    pause_outcomes.withdraw_all(session, subscription, request, now=now)
    received_answers.settle_notified(ctx, session, request, now=now)
    subscription.count_as(request.outcome, asked_by=request.asked_by)
    timeline.note(
        session,
        subscription,
        TimelineKind.ENDED,
        key=str(request.id),
        at=now,
        by=request.by,
        outcome=request.outcome,
        basis=basis,
        **request.names,
        **({"cause": request.cause.value} if request.cause is not None else {}),
    )
    merchant = merchants.of(session, subscription.merchant_id)
    # whoever approved a moment ago is told too
    customer_addresses.learn(session, subscription.customer, reading, now=now)
    given = grants.of_subscription(session, subscription)
    proof = proofs.write(ctx, session, request, merchant, given, now=now)
    notices.end_confirmed(ctx, session, request, proof, given, now=now)
    end_refunds.release(session, subscription, request, now=now)
    advances.owe(ctx, session, subscription, request, now=now)
    # A payment's message may have come before the end's: it is told after it, and changes nothing that the proof says.
    late_payments.look(ctx, session, subscription, now=now)
    notices.end_is_told(ctx, session, request, now=now)
    if request.actor is not Actor.PROVIDER:
        metrics.confirmed((now - (request.due_at or request.created_at)).total_seconds())
    log.info("end_confirmed", request_id=str(request.id), subscription_id=str(subscription.id), basis=basis)


def _told_at(request: EndRequest, reading: Reading, basis: Basis) -> datetime | None:
    """Return when PayPal says it stopped. Not before our call, which followed a read that showed it live."""
    if basis is not Basis.READ_AFTER_CALL or request.sent_at is None or reading.status_at is None:
        return reading.status_at
    return max(reading.status_at, request.sent_at - LAG)


def _see_what_was_missed(
    subscription: Subscription, request: EndRequest, reading: Reading, *, basis: Basis, now: datetime
) -> None:
    """Take over what happened at PayPal unseen before the end.

    One that was approved and paid meanwhile had begun: its paid time counts.  One whose every payment was
    made before our call could leave was carried through: it is *completed*, whatever was asked (docs/decisions/0002).
    One that was over here already, and is ended at PayPal again, keeps its end: no last payment was awaited.
    """
    if subscription.is_over:
        return
    paid = subscription.paid_until is not None and not subscription.has_paid_nothing
    began = subscription.last_payment_at is not None or paid
    if subscription.status is Status.PENDING and basis is not Basis.NEVER_STARTED and began:
        subscription.follow(Status.ACTIVE, at=now)
    expired = reading.status == ProviderStatus.EXPIRED
    if expired and request.sent_at is None and request.outcome is Status.CANCELLED:
        request.outcome = Status.COMPLETED


def _own_request(
    session: Session, subscription: Subscription, outcome: Status, actor: Actor, *, now: datetime
) -> EndRequest:
    """Make the row of an end that nobody asked for here: seen at PayPal, or an end that did not hold there."""
    request = EndRequest(
        merchant_id=subscription.merchant_id,
        subscription=subscription,
        reference=new_reference(),
        state=RequestState.RECORDED,
        outcome=outcome,
        actor=actor,
        channel=Channel.PROVIDER,
        shown={},
        created_at=now,
    )
    session.add(request)
    session.flush()
    return request


def _after_the_end(
    ctx: Context, session: Session, subscription: Subscription, reading: Reading, *, now: datetime
) -> None:
    """An ended subscription stays over.  If PayPal shows it live all the same, it is ended there (again).

    That happens when one was ended here before the buyer approved it: we kept watching (domain.md, pending).
    """
    if is_over(reading):
        was_unsettled, before = is_unsettled(subscription), subscription.facts
        take_over(subscription, reading, now=now)
        subscription.stopped_at_provider_at = subscription.stopped_at_provider_at or reading.status_at or now
        late_payments.look(ctx, session, subscription, now=now)
        if subscription.facts != before:  # a payment on its way came, or never will: access has another last day
            outgoing_access.mark(session, subscription, now=now)
        if was_unsettled:
            given_dates.tell_settled(ctx, session, subscription, now=now)
        return
    seen = status_of(reading)
    if seen is None or seen is Status.PENDING:
        return
    stopped = subscription.stopped_at_provider_at
    may_lag = stopped is not None and now - stopped < LAG
    if is_stale(subscription, reading) and (stopped is None or may_lag):
        return
    if reading.status_at is None and stopped is not None and may_lag:  # nothing tells its age, as of the classic API
        reread(session, subscription, at=max(stopped + LAG, now + SOON))
        return
    if end_requests.open_of(session, subscription.id) is not None:
        return
    log.warning("paypal_live_after_end", subscription_id=str(subscription.id), word=reading.status[:40])
    request = _own_request(session, subscription, subscription.status, Actor.SYSTEM, now=now)
    timeline.note(
        session,
        subscription,
        TimelineKind.END_REQUESTED,
        key=str(request.id),
        at=now,
        outcome=request.outcome,
        reference=request.reference,
    )
    tries.plan(session, request, at=now)
