"""The recap, and the confirmation that follows it (cancellation.md, « The customer's way »).

The page shows what `expectation` computes, by the function that the end itself uses, so that what it
promises is what happens.  Opening it changes nothing.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.documents.planned_ends import planned_words
from portal.domain import policies
from portal.domain.dates.end_dates import Schedule
from portal.domain.errors import NotAllowed
from portal.domain.integrations.return_addresses import host_of
from portal.domain.law.offers import OfferAnswer
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action, IllegalTransition, Status, transition
from portal.mail.facts import PlannedFacts, PlannedWords
from portal.mail.letterhead import one_line
from portal.queries import holdings
from portal.queries.ends import end_requests
from portal.queries.holdings import Holding
from portal.services.carrying import end_carrying
from portal.services.dates import planned_ends
from portal.services.dates.end_schedules import beginning_of, expectation, is_free, plan
from portal.services.ends.end_requests import AnotherPlan, record
from portal.services.ends.end_wishes import Wish
from portal.services.people import task_visits
from portal.services.people.acting import by_person, channel_of
from portal.services.rules import grants_of, settings_of
from portal.web import task_scope, threads
from portal.web.customer import account_cards, bp, offers, presenting, task_codes
from portal.web.customer.forms import CancellationForm
from portal.web.customer.sentences import tells_commitment
from portal.web.day_form import chosen_day
from portal.web.first_tries import try_now
from portal.web.formatting import formatter
from portal.web.identity import context, person
from portal.web.local_days import local_day


@dataclass(frozen=True, kw_only=True)
class Recap:
    """What the customer reads before confirming. Dates are words; None means unknown, or not concerned."""

    product: str
    thread: threads.Thread | None
    price: str
    amount: str | None
    next_payment: str | None
    takes_no_payment: bool
    stops: tuple[str, ...]
    stays: tuple[str, ...]
    never: tuple[str, ...]
    is_schedule: bool  # one price paid in instalments
    is_pending: bool
    is_late: bool
    committed_until: str | None
    wished_on: str | None  # the day the customer chose
    planned: PlannedWords | None  # how the end waits; None: PayPal is told at once
    day_before: date | None  # the last day as an end that avoids the next payment which is still taken; None: today
    is_binding: bool  # the commitment: it may not be left before its end
    near_payment: str | None  # too near for the wished day to be waited for


@bp.route("/subscriptions/<uuid:subscription_id>/cancellation", methods=["GET", "POST"])
def cancellation(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Show the recap; on confirmation record the request, try PayPal for a few seconds, show the result page."""
    now = utc_now()
    with context().db.read() as session:
        newest = end_requests.newest_of(session, subscription_id)
    chosen = chosen_day(now)
    form = CancellationForm()
    task_codes.prepare(form)
    seen = newest.reference if newest is not None else ""
    is_sent = form.validate_on_submit() and not task_codes.is_another_wanted(form)
    if is_sent and chosen.is_confirmed and form.was_drawn_after(seen) and task_codes.is_proven(form):
        try:
            onward, reference = task_scope.leads_on_to(), _confirm(subscription_id, form, chosen.day)
        except IllegalTransition:
            return _over(_held(subscription_id, now=now)), 409
        except AnotherPlan:
            form.ask_again()
        else:
            return redirect(onward, 303) if onward else _to_result(reference, 303)
    held = _held(subscription_id, now=now)
    if held.request is not None and (presenting.is_in_the_way(held, now) or held.subscription.is_over):
        # Not whoever presses twice what had shown them a day, nor who only looks at another one.
        asked_now = form.is_submitted() and form.showed_planned is False and "show" not in request.form
        if asked_now and held.request.is_planned(now):
            flash(
                _(
                    "Your wish to end now was not recorded: an end is planned already, on the day below. To end now, "
                    "withdraw this request first, then cancel again."
                ),
                "warning",
            )
        return _to_result(held.request.reference, 303 if form.is_submitted() else 302)
    if held.subscription.is_over:
        return _over(held), 409 if form.is_submitted() else 200
    shown = recap(held, chosen.day, now=now)
    form.after.data = seen
    form.show(is_planned=shown.planned is not None)
    g.leads_to = host_of(task_scope.leads_on_to())
    form.form_errors += chosen.on.errors
    page = render_template(
        "customer/end_request.html",
        form=form,
        recap=shown,
        day_form=chosen,
        subscription_id=subscription_id,
        comment_hint=_("%(merchant)s will read it. At most 500 characters.", merchant=one_line(g.merchant.name)),
    )
    return page, 422 if form.errors else 200


def _held(subscription_id: uuid.UUID, *, now: datetime) -> Holding:
    """Return the customer's subscription; a refusal of its end then names the way that is open."""
    who = person()
    with context().db.read() as session:
        held = holdings.of_customer(session, who.merchant_id, who.id, subscription_id)
    if account_cards.card(held, now=now).may_notify:
        g.notify_url = url_for(".notification", merchant_slug=g.merchant.slug, subscription_id=subscription_id)
    return held


def recap(holding: Holding, wished_on: date | None = None, *, now: datetime) -> Recap:
    """Return what a customer's cancellation would change; raise IllegalTransition or NotAllowed when it may not be."""
    subscription, fmt = holding.subscription, formatter()
    outcome = transition(subscription.status, Action.CANCEL)
    policies.check(Actor.CUSTOMER, Action.CANCEL, settings_of(g.merchant, subscription, now=now))
    zone = g.merchant.time_zone
    wished_at = beginning_of(wished_on, zone) if wished_on is not None else None
    planned = plan(subscription, Actor.CUSTOMER, time_zone=zone, wished_at=wished_at, now=now)
    given = grants_of(subscription.product, holding.grants)
    preview, payment = expectation(subscription, outcome, planned=planned, given=given, now=now)
    told = _told(holding, planned, wished_on, now=now)
    committed = subscription.committed_until if tells_commitment(holding) else None
    money = presenting.price_of(holding)
    return Recap(
        product=presenting.product_name(holding),
        thread=threads.of_end(subscription, preview.access_until, planned=planned, now=now),
        price=presenting.price(holding),
        amount=fmt.money(money) if money is not None else None,
        next_payment=presenting.known_day(payment),
        takes_no_payment=subscription.takes_no_payment,
        stops=tuple(presenting.closing(window, now) for window in preview.stops),
        stays=tuple(presenting.opening(window, now, is_schedule=subscription.is_schedule) for window in preview.stays),
        never=tuple(presenting.never(window) for window in preview.never),
        is_schedule=subscription.is_schedule,
        is_pending=subscription.status is Status.PENDING,
        is_late=subscription.status is Status.PAST_DUE,
        committed_until=fmt.last_day(committed) if committed is not None and committed > now else None,
        wished_on=fmt.date(wished_on) if wished_on is not None else None,
        planned=planned_words(told, fmt, is_recorded=False) if told is not None else None,
        day_before=_day_before(told, now=now) if told is not None else None,
        is_binding=subscription.product.commitment_binds and not is_free(subscription, now=now),
        near_payment=presenting.known_day(payment if subscription.interval_unit is not None else None),
    )


def _told(holding: Holding, planned: Schedule | None, wished_on: date | None, *, now: datetime) -> PlannedFacts | None:
    if planned is None:
        return None
    return planned_ends.told_before(
        holding.subscription,
        planned,
        g.merchant,
        actor=Actor.CUSTOMER,
        outcome=Status.CANCELLED,
        wished_on=wished_on,
        given=grants_of(holding.subscription.product, holding.grants),
        now=now,
    )


def _day_before(told: PlannedFacts, *, now: datetime) -> date | None:
    """Return the day before the payment that an earlier end would avoid: what the page offers to show instead.

    It is a day of the end; asking for it has its own last day (`avoid_on`), which a notice period puts before.
    """
    day = local_day(told.avoidable_at) - timedelta(days=1) if told.avoidable_at is not None else None
    return day if day is not None and day > local_day(now) else None


def _confirm(subscription_id: uuid.UUID, form: CancellationForm, wished_on: date | None) -> str:
    """Record the wish, then try PayPal while the customer waits. Returns the reference that now stands."""
    who = person()
    by = by_person(who)
    wish = Wish(
        merchant_id=who.merchant_id,
        subscription_id=subscription_id,
        customer_id=who.id,
        action=Action.CANCEL,
        actor=Actor.CUSTOMER,
        actor_id=by.actor_id,
        actor_name=by.name,
        channel=channel_of(who),
        reason_code=form.reason.data or "",
        reason_text=form.comment.data or "",
        wished_on=wished_on,
        showed_planned=form.showed_planned,
    )
    try:
        recorded = record(context(), wish, now=utc_now())
    except NotAllowed:
        _held(subscription_id, now=utc_now())
        raise
    offers.note(subscription_id, OfferAnswer.CANCELLED)
    if who.task is not None:
        task_visits.finish(context(), who, who.task, now=utc_now())
    if recorded.is_new and recorded.is_due_now:
        try_now(end_carrying.carry_out, recorded.request_id)
    if recorded.noted:
        said = _(
            "%(merchant)s had already planned this end, and it still stands. Your own request is recorded with "
            "it: %(reference)s.",
            merchant=g.merchant.name,
            reference=recorded.noted,
        )
        flash(said, "success")
    return recorded.reference


def _over(held: Holding) -> str:
    """Say that it has ended by another way, and where to go on."""
    there = url_for(".subscription", merchant_slug=g.merchant.slug, subscription_id=held.subscription.id)
    log_in = url_for("auth.customer_login", merchant_slug=g.merchant.slug, next=there)
    name = presenting.product_name(held)
    return render_template("customer/end_over.html", product=name, subscription_url=there, log_in=log_in)


def _to_result(reference: str, code: int) -> ResponseReturnValue:
    return redirect(url_for(".request", merchant_slug=g.merchant.slug, reference=reference), code)
