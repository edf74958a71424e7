"""A customer pauses, chooses the day, resumes, and reads what to do when a payment is late.

Opening a page changes nothing; each confirmation is the engine's request, tried within a visitor's patience.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain import policies
from portal.domain.ends.pauses import PauseKind, PauseState, start_of_day
from portal.domain.errors import Denial, NotAllowed
from portal.domain.law.offers import OfferAnswer
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.mail.composing import AUTOPAY_URL
from portal.queries import holdings
from portal.queries.ends import pauses as queries
from portal.queries.holdings import Holding
from portal.services.carrying import pause_carrying
from portal.services.pauses import pauses
from portal.services.pauses.pauses import PauseWish
from portal.services.people.acting import by_person, channel_of
from portal.services.rules import settings_of
from portal.web import labels
from portal.web.csrf import EmptyForm
from portal.web.customer import account_cards, bp, offers, pause_words, presenting, settlements
from portal.web.customer.forms import PauseForm
from portal.web.first_tries import try_now
from portal.web.formatting import formatter
from portal.web.identity import context, person
from portal.web.local_days import local_day
from portal.web.resume_form import ResumeForm


@bp.route("/subscriptions/<uuid:subscription_id>/pause", methods=["GET", "POST"])
def pause(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Show what a pause changes, with the day on which it ends; on confirmation ask for it."""
    held, now = _held(subscription_id), utc_now()
    if _is_answered(held, PauseKind.PAUSE, Status.PAUSED, now=now):
        return _back(subscription_id, 303)
    pauses.check_state(held.subscription, PauseKind.PAUSE, list(held.pauses))
    offered, fmt = pause_words.days_of(held, now=now), formatter()
    form = PauseForm(until=local_day(pause_words.proposed(offered), fmt.time_zone))
    if form.validate_on_submit() and form.is_within(*offered.dates(fmt.time_zone)):
        _ask(subscription_id, PauseKind.PAUSE, start_of_day(form.until.data, zone=fmt.time_zone))
        offers.note(subscription_id, OfferAnswer.ACCEPTED)
        return _back(subscription_id, 303)
    _require(held, PauseKind.PAUSE, now=now)
    seen = pauses.preview(held.subscription, held.grants, now=now)
    schedule = held.subscription.is_schedule
    page = render_template(
        "customer/pause.html",
        form=form,
        subscription_id=subscription_id,
        product=presenting.product_name(held),
        price=presenting.price(held),
        is_schedule=schedule,
        next_payment=presenting.known_day(held.subscription.next_payment_at),
        stops=[presenting.closing(window, now) for window in seen.stops],
        kept_by_cancelling=[window.title for window in seen.kept_by_cancelling],
        stays=[presenting.opening(window, now, is_schedule=schedule) for window in seen.stays],
        first=fmt.day(offered.first),
        last=fmt.day(offered.last),
    )
    return page, 422 if form.errors else 200


@bp.route("/subscriptions/<uuid:subscription_id>/resume", methods=["GET", "POST"])
def resume(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Show what starts again; resume on a day, or now, by the button that is pressed."""
    held, now = _held(subscription_id), utc_now()
    if _is_answered(held, PauseKind.RESUME, Status.ACTIVE, now=now):
        return _back(subscription_id, 303)
    pauses.check_state(held.subscription, PauseKind.RESUME, list(held.pauses))
    offered, fmt = pause_words.days_of(held, now=now), formatter()
    planned = next((row for row in held.pauses if row.waits(now)), None)
    due = planned.due_at if planned is not None else None
    form = ResumeForm(day=local_day(due, fmt.time_zone) if due is not None else None)
    if form.validate_on_submit() and form.is_within(*offered.dates(fmt.time_zone)):
        day = start_of_day(form.chosen, zone=fmt.time_zone) if form.chosen is not None else None
        _ask(subscription_id, PauseKind.RESUME, day)
        return _back(subscription_id, 303)
    _require(held, PauseKind.RESUME, now=now)
    page = render_template(
        "customer/resume.html",
        form=form,
        subscription_id=subscription_id,
        product=presenting.product_name(held),
        price=presenting.price(held),
        is_schedule=held.subscription.is_schedule,
        planned=presenting.known_day(due),
        first=fmt.day(offered.first),
        last=fmt.day(offered.last),
    )
    return page, 422 if form.errors else 200


@bp.post("/subscriptions/<uuid:subscription_id>/pause/<uuid:request_id>/withdrawal")
def pause_withdrawal(subscription_id: uuid.UUID, request_id: uuid.UUID) -> ResponseReturnValue:
    """Take a pause back while nothing was sent to PayPal."""
    if EmptyForm().validate_on_submit():
        pauses.withdraw(context(), request_id, _wish(subscription_id, PauseKind.PAUSE), now=utc_now())
        flash(_("Withdrawn. Nothing was sent to PayPal."), "success")
    return _back(subscription_id, 303)


@bp.get("/subscriptions/<uuid:subscription_id>/late")
def late(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Say why a payment is late or what a pause means, what PayPal allows, and the real choices."""
    who, now = person(), utc_now()
    with context().db.read() as session:
        held = holdings.of_customer(session, who.merchant_id, who.id, subscription_id)
        settle = settlements.choice(session, held, now=now)
    subscription = held.subscription
    if subscription.status not in (Status.PAST_DUE, Status.PAUSED):
        if person().task is not None:  # the subscription's own page is none of the task's
            return render_template("customer/late_over.html", product=presenting.product_name(held))
        return _back(subscription_id, 302)
    card = account_cards.card(held, now=now)
    money = presenting.unpaid(held)
    return render_template(
        "customer/late.html",
        card=card,
        is_paused=subscription.status is Status.PAUSED,
        because=pause_words.late_because(held),
        unpaid=formatter().money(money) if money is not None else None,
        settle=settle,
        autopay_url=AUTOPAY_URL,
    )


def _held(subscription_id: uuid.UUID) -> Holding:
    who = person()
    with context().db.read() as session:
        return holdings.of_customer(session, who.merchant_id, who.id, subscription_id)


def _is_answered(held: Holding, kind: PauseKind, target: Status, *, now: datetime) -> bool:
    """Say whether a click finds it asked for, or done, already: the subscription's page then says where it stands."""
    if held.subscription.status is target:
        return any(row.kind is kind for row in held.pauses) or kind is PauseKind.RESUME
    return any(row.kind is kind and row.is_open and not row.waits(now) for row in held.pauses)


def _require(held: Holding, kind: PauseKind, *, now: datetime) -> None:
    """Raise NotAllowed where the merchant does not offer it, or an end is under way: the page is not shown either."""
    if presenting.has_open_request(held):
        raise NotAllowed(Denial.END_UNDER_WAY)
    settings = settings_of(g.merchant, held.subscription, now=now)
    policies.check(Actor.CUSTOMER, pauses.ACTIONS[kind], settings)


def _wish(subscription_id: uuid.UUID, kind: PauseKind, day: datetime | None = None) -> PauseWish:
    who = person()
    by = by_person(who)
    return PauseWish(
        merchant_id=who.merchant_id,
        subscription_id=subscription_id,
        customer_id=who.id,
        kind=kind,
        actor=Actor.CUSTOMER,
        actor_id=by.actor_id,
        actor_name=by.name,
        channel=channel_of(who),
        resume_at=day,
    )


def _ask(subscription_id: uuid.UUID, kind: PauseKind, day: datetime | None) -> None:
    """Record the wish, try PayPal while the customer waits, and say where it stands."""
    who = person()
    asked = pauses.record(context(), _wish(subscription_id, kind, day), now=utc_now())
    if asked.is_new and asked.is_due_now:
        try_now(pause_carrying.carry_out, asked.request_id)
    with context().db.read() as session:
        request = queries.of_customer(session, who.merchant_id, who.id, asked.request_id)
    if request.state is PauseState.REFUSED:
        flash(_("PayPal does not allow this in its current status. Nothing was changed."), "warning")
    elif request.state is PauseState.DONE:
        flash(str(labels.PAUSE_CONFIRMED[request.kind]), "success")
    elif request.due_at is not None:
        flash(_("It starts again on %(date)s.", date=formatter().day(request.due_at)), "success")


def _back(subscription_id: uuid.UUID, code: int) -> ResponseReturnValue:
    return redirect(url_for(".subscription", merchant_slug=g.merchant.slug, subscription_id=subscription_id), code)
