"""The result page, which is also the proof: what was asked, what PayPal said, and what follows.

No affirmative word stands here unless the request is confirmed or closed, and that rests on a read
at PayPal (cancellation.md, deciding test 17).  It can be opened again at any time.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from flask import Response, abort, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.documents.facts import ProofFacts
from portal.documents.proofs import wording
from portal.domain.ends.end_requests import Basis, RequestState
from portal.domain.errors import Denial, NotAllowed
from portal.domain.money.late_payments import LateState
from portal.domain.money.refunds import RefundState
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.mail.composing import AUTOPAY_URL
from portal.mail.facts import PlannedWords, ProofWords
from portal.queries import holdings
from portal.queries.ends import received_requests
from portal.queries.holdings import Holding
from portal.queries.law import proofs
from portal.queries.money import late_payments
from portal.services.comebacks import is_offered
from portal.services.ends import end_withdrawals
from portal.services.notices.notice_facts import is_payment_near
from portal.services.people.acting import by_person
from portal.services.proofs import gather, issue
from portal.services.rules import access_left
from portal.web import locale
from portal.web.csrf import EmptyForm
from portal.web.customer import bp, presenting, sentences
from portal.web.customer import end_result_figures as figures
from portal.web.customer.end_result_figures import Said
from portal.web.customer.planned_words import planned
from portal.web.customer.presenting import Row
from portal.web.files import handed_over
from portal.web.formatting import formatter, keep_shops_clock
from portal.web.identity import context, person


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result page in plain values; dates are words, None is unknown or not concerned."""

    said: Said
    state: RequestState
    state_label: str
    reference: str  # the one that they were given: a notification has its own
    is_own: bool  # the customer asked; else the merchant's team, or it was done at PayPal
    product: str
    asked_day: str
    asked_hour: str  # empty: the day alone is known
    withdrawn_at: str | None
    successor: str  # the reference of what stands since then; empty: the subscription goes on
    is_replaced: bool  # nobody took it back: the successor took its place
    planned: PlannedWords | None  # it waits for its day
    proof: ProofWords | None  # the confirmed end, as its proof says it
    has_file: bool
    confirmed_day: str | None
    access_today: str  # when it no longer is what the proof says
    next_payment: str | None
    is_payment_past: bool
    takes_no_payment: bool
    is_payment_near: bool
    may_be_charged: bool
    will_be_mailed: bool
    is_over: bool
    autopay_url: str
    lines: tuple[Row, ...]  # for people first
    details: tuple[Row, ...]  # the rest, folded away
    can_undo: bool
    may_come_back: bool


@bp.get("/requests/<reference>")
def request(reference: str) -> ResponseReturnValue:
    """Show where a request of the customer stands; a notification that nothing answers yet, on its subscription."""
    try:
        held = _held(reference)
    except NoResultFound:
        return redirect(url_for(".subscription", merchant_slug=g.merchant.slug, subscription_id=_notified(reference)))
    shown = result(held, now=utc_now())
    return render_template(
        "customer/end_result.html", result=shown, late_money=_late_money(held), subscription_id=held.subscription.id
    )


@bp.get("/requests/<reference>/proof.pdf")
def request_proof(reference: str) -> Response:
    """Hand over the proof of a confirmed end; 404 before there is one, as for what is not theirs."""
    if "\x00" in reference:  # PostgreSQL cannot even compare it
        abort(404)
    who = person()
    with context().db.read() as session:
        proof = proofs.of_customer(session, who.merchant_id, who.id, reference)
    return handed_over(issue(context(), proof, now=utc_now()))


@bp.post("/requests/<reference>/withdrawal")
def withdrawal(reference: str) -> ResponseReturnValue:
    """Take a request back while nothing was sent to PayPal; the row and its reason stay."""
    who, held = person(), _held(reference)
    if EmptyForm().validate_on_submit() and not _is_taken_back(held):
        if not presenting.can_undo(held):
            raise NotAllowed(Denial.ALREADY_SENT)
        by, now = by_person(who), utc_now()
        end_withdrawals.withdraw(context(), who.merchant_id, who.id, reference, by=by, now=now)
        if held.successor is None:
            flash(_("Your request was withdrawn. Your contract continues."), "success")
    return redirect(url_for(".request", merchant_slug=g.merchant.slug, reference=reference), 303)


def _held(reference: str) -> Holding:
    """Return the request with its subscription; 404 for what is not theirs, or is no reference at all."""
    if "\x00" in reference:  # PostgreSQL cannot even compare it
        abort(404)
    who = person()
    with context().db.read() as session:
        return holdings.of_request(session, who.merchant_id, who.id, reference)


def _notified(reference: str) -> uuid.UUID:
    """Return the subscription of which the customer notified the end under that reference; 404 for any other."""
    who = person()
    with context().db.read() as session:
        subscription_id = received_requests.own(session, who.merchant_id, who.id, reference).subscription_id
    assert subscription_id is not None  # noqa: S101 - it was found by its subscription
    return subscription_id


@dataclass(frozen=True, kw_only=True)
class LateMoney:
    """A payment that came after the end, in words; the merchant's reason for keeping it is not among them."""

    state: LateState
    amount: str
    back: str  # what went back of it so far, and
    left: str  # what did not; both empty while all of it or nothing did
    date: str
    settled: str | None
    is_taken_back: bool  # by PayPal, in whole or in part
    is_under_way: bool
    is_held_up: bool  # asked for, and PayPal does not do it


def _late_money(held: Holding) -> tuple[LateMoney, ...]:
    """Return the payments after a confirmed end that raised the alarm, newest first."""
    request, say = held.request, formatter()
    if request is None or request.state not in (RequestState.CONFIRMED, RequestState.CLOSED):
        return ()
    with context().db.read() as session:
        found = late_payments.of_subscription(session, held.subscription.id)
    return tuple(
        LateMoney(
            state=alarm.late.state,
            amount=say.money(alarm.amount),
            back=say.money(alarm.back) if alarm.is_partly_back else "",
            left=say.money(alarm.left) if alarm.is_partly_back else "",
            date=say.day(alarm.late.payment.paid_at),
            settled=presenting.known_day(alarm.late.settled_at),
            is_taken_back=alarm.late.payment.taken_back > 0,
            is_under_way=alarm.refund is not None and alarm.refund.is_open,
            is_held_up=alarm.refund is not None and alarm.refund.state is RefundState.NEEDS_MERCHANT,
        )
        for alarm in found
        if alarm.late.state is not LateState.DEBT
    )


def result(holding: Holding, *, now: datetime) -> Result:
    """Return what the page says of a request."""
    subscription, request, said = holding.subscription, holding.request, said_of(holding, now=now)
    assert request is not None  # noqa: S101 - the page is a request's
    if said is Said.PROVEN:  # as the proof
        keep_shops_clock()
    fmt = formatter()
    payment = subscription.next_payment_at
    proof, today = proven(holding, now=now) if said is Said.PROVEN else None, access(holding, now=now)
    lines = proof.lines if proof is not None else figures.lines(holding, said, now=now)
    rows = proof.rows if proof is not None else figures.details(holding, said, now=now)
    has_moved = proof is not None and today not in proof.lede
    if has_moved:  # money that came or went back since: the page says the dates of now, the file those of then
        lines, rows = (figures.as_of_now(of_then, holding, now=now) for of_then in (lines, rows))
    shown = {label for label, _value in lines}
    return Result(
        said=said,
        state=request.state,
        state_label=figures.state_label(holding),
        reference=request.asked_under,
        is_own=request.asked_by is Actor.CUSTOMER,
        product=presenting.product_name(holding),
        asked_day=fmt.day(request.asked_at),
        asked_hour=fmt.hour(request.asked_at) if request.has_hour else "",
        withdrawn_at=presenting.known_moment(request.withdrawn_at),
        successor=holding.successor.asked_under if holding.successor is not None else "",
        is_replaced=figures.is_replaced(holding),
        planned=planned(holding, now=now),
        proof=proof,
        has_file=holding.proof is not None,
        confirmed_day=presenting.known_day(request.confirmed_at),
        access_today=today if has_moved else "",
        next_payment=presenting.known_day(payment),
        is_payment_past=payment is not None and payment <= now,
        takes_no_payment=subscription.takes_no_payment,
        is_payment_near=is_payment_near(request, subscription, now=now),
        may_be_charged=subscription.status is not Status.PENDING,
        will_be_mailed=subscription.customer.email is not None,
        is_over=subscription.is_over,
        autopay_url=AUTOPAY_URL,
        lines=lines,
        details=tuple(row for row in rows if row not in lines and row[0] not in shown),
        can_undo=presenting.can_undo(holding) and person().may_change,
        may_come_back=is_offered(holding.prospect, g.merchant) and person().may_change,
    )


def said_of(holding: Holding, *, now: datetime) -> Said:
    """Return which text applies; of a confirmed end, the proof has the words."""
    request = holding.request
    assert request is not None  # noqa: S101
    match request.state:
        case RequestState.WITHDRAWN:
            return Said.WITHDRAWN
        case RequestState.NEEDS_MERCHANT:
            return Said.NEEDS_MERCHANT
        case RequestState.CONFIRMED | RequestState.CLOSED:
            return Said.PROVEN
        case RequestState.RECORDED if request.is_planned(now):
            return Said.SCHEDULED
    return Said.WAITING


def proven(holding: Holding, *, now: datetime) -> ProofWords:
    """Return what the proof says, in the reader's language.

    One confirmed by an older release has no stored proof until the aging job makes it: the rows say the same.
    """
    assert holding.request is not None  # noqa: S101
    if holding.proof is not None:
        return wording(ProofFacts.read(holding.proof.facts), code=holding.proof.code, locale=locale.current())
    facts = gather(
        holding.request,
        holding.subscription,
        g.merchant,
        holding.grants,
        holding.comment,
        language=locale.current(),
        base_url=context().base_url,
        now=now,
    )
    return wording(facts)


def access(holding: Holding, *, now: datetime) -> str:
    """Return the sentence about access after an end as it stands now; empty before the end."""
    if not holding.subscription.is_over:
        return ""
    never_started = holding.request is not None and holding.request.basis is Basis.NEVER_STARTED
    left = access_left(holding.subscription, holding.grants, never_started=never_started)
    return sentences.left(left, now=now)


def _is_taken_back(holding: Holding) -> bool:
    """A second click on the undo button finds the request taken back: that is success."""
    return holding.request is not None and holding.request.state is RequestState.WITHDRAWN
