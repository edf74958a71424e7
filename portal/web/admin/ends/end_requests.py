"""Staff end a subscription: a preview of three effects by the function that acts, then the same engine as customers.

What is said afterwards is where the request really stands: "confirmed" rests on PayPal's read alone.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from flask import abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.documents.planned_ends import planned_words
from portal.domain import policies
from portal.domain.access.access import Grant
from portal.domain.dates.end_dates import Schedule
from portal.domain.ends.end_requests import Basis, Channel, RequestState
from portal.domain.money.refunds import CannotRefund
from portal.domain.policies import Actor
from portal.domain.subscriptions import ENDINGS, Action, Status
from portal.mail.facts import PlannedWords
from portal.queries import subscriptions
from portal.queries.access import grants
from portal.queries.ends import comebacks, received_requests
from portal.queries.ends import end_requests as requests
from portal.services.carrying import end_carrying
from portal.services.dates import planned_ends
from portal.services.dates.end_schedules import beginning_of, plan
from portal.services.ends import end_requests, end_withdrawals
from portal.services.ends.end_requests import AnotherPlan, OverAlready
from portal.services.ends.end_wishes import Wish
from portal.services.notices import end_drafts
from portal.services.rules import grants_of, settings_of
from portal.web import labels, threads
from portal.web.admin import bp, presenting, showing, words
from portal.web.admin.ends import end_choices, end_effects, end_facts
from portal.web.admin.ends.end_forms import EndForm, LocalEndForm, neutral_note
from portal.web.admin.ends.refused_ends import may_be_over
from portal.web.admin.received import received_pages
from portal.web.confirming import ask_again
from portal.web.day_form import chosen_day
from portal.web.first_tries import try_now
from portal.web.formatting import formatter
from portal.web.identity import context, person

if TYPE_CHECKING:
    from portal.models import EndRequest, ReceivedRequest, Subscription


@bp.route("/subscriptions/<uuid:subscription_id>/end/<action>", methods=["GET", "POST"], endpoint="subscription_end")
@may_be_over
def end(subscription_id: uuid.UUID, action: str) -> ResponseReturnValue:
    """Show what the end would change at PayPal, on access and on relaunch; on confirmation do it."""
    wanted = _ending(action)
    who, now = person(), utc_now()
    with context().db.read() as session:
        found = subscriptions.of_merchant(session, who.merchant_id, subscription_id)
        named = received_pages.answered(session, who.merchant_id)
        received = named or received_pages.waiting(session, found)
        stranger = received_pages.strangers(session, received, (found,)).get(found.id, "")
        standing, is_abandoned = requests.open_of(session, found.id), comebacks.is_abandoned(session, found.customer_id)
        by_hand = grants.of_customer(session, who.merchant_id, found.customer_id, product_id=found.product_id)
        notified = received is not None or (standing is not None and received_requests.is_waited_for(session, found.id))
    if named is not None and not named.may_be_about(found.id):
        return received_pages.not_this_one(named)
    policies.check(Actor.STAFF, wanted, settings_of(g.merchant, found, now=now, notified=notified), role=who.role)
    if standing is not None and end_facts.is_in_the_way(standing, now):
        _say_standing(standing)
        return redirect(url_for(".subscription", subscription_id=found.id), 303)
    form = LocalEndForm() if found.is_over else EndForm(provider_note=neutral_note())
    known = _known(standing, received)
    is_stale = isinstance(form, EndForm) and form.is_submitted() and not form.was_drawn_after(known)
    is_local, wished_on = found.is_over, received.wished_on if received else None
    if isinstance(form, EndForm):
        chosen = end_choices.chosen(form, found, now=now, wished_on=wished_on, is_stale=is_stale)
    else:
        chosen = chosen_day(now, wished_on=wished_on)
    planned = _planned(found, chosen.day, now=now)
    replaced, obstacle = end_choices.of_standing(standing, found, is_planned=planned is not None, now=now)
    sums = end_choices.refund_of(found, now=now) if isinstance(form, EndForm) and planned is None else ""
    if isinstance(form, EndForm) and not isinstance(sums, str):
        end_choices.offer_refunds(form, sums)
    given = grants_of(found.product, by_hand)
    preview = end_requests.preview(found, wanted, given, planned=planned, now=now)  # 409: the state forbids it
    is_meant = form.validate_on_submit() and (is_local or (chosen.is_confirmed and not is_stale and not obstacle))
    if is_meant and isinstance(form, EndForm) and form.showed_planned not in (None, planned is not None):
        form.ask_again()
        is_meant = False
    lost = end_choices.lost_refund(form) if is_meant else ()
    if is_meant and not lost:
        again = ask_again() if isinstance(form, EndForm) and end_choices.gives_back(form) else None
        if again is not None:
            return again
        received_id = received.id if received else None
        _act(subscription_id, wanted, form, chosen.day, received_id=received_id)
        return redirect(url_for(".subscription", subscription_id=found.id), 303)
    if isinstance(form, EndForm):
        form.after.data = known
        form.show(is_planned=planned is not None)
    is_refused = bool(obstacle) and form.is_submitted() and "show" not in request.form
    form.form_errors += [*chosen.on.errors, *([obstacle] if is_refused else [])]
    stops, stays = presenting.effects(preview)
    too_early = end_effects.too_early(found, planned.due_at if planned is not None else now)
    told = _told(found, planned, ENDINGS[wanted], chosen.day, given, now=now)
    return showing.page(
        "end_request.html",
        form=form,
        subscription=found,
        customer_name=presenting.name_of(found.customer),
        action=wanted,
        title=words.END_TITLE[wanted],
        confirm=(words.ACTION if is_local else words.CONFIRM_END)[wanted],
        meaning=end_effects.meaning(found, wanted, is_early=bool(too_early)),
        too_early=too_early,
        replaced="" if is_refused else replaced or obstacle,
        may_wait=found.status is not Status.PENDING,
        at_paypal=end_effects.at_paypal(found, told),
        planned=told,
        day_form=chosen,
        stops=stops,
        stays=stays,
        relaunch=end_effects.relaunch(found, ENDINGS[wanted], is_abandoned=is_abandoned),
        hints=end_choices.hints(found, now),
        day_hint=end_choices.day_hint(found),
        lost=lost,
        refund_hints=end_choices.refund_hints(form) if isinstance(form, EndForm) else {},
        refund_note=sums if isinstance(sums, str) else "",
        thread=None if is_local else threads.of_end(found, preview.access_until, planned=planned, now=now),
        letter_of=_letter(found, ENDINGS[wanted], now=now),
        is_local=is_local,
        received=received,
        stranger=stranger,
    ), (422 if form.errors else 200)


def say(request_id: uuid.UUID) -> None:
    """Tell, once, where a request stands, as its row says."""
    with context().db.read() as session:
        found = requests.of_merchant(session, person().merchant_id, request_id)
    reference = found.reference
    if found.state in (RequestState.CONFIRMED, RequestState.CLOSED):
        flash(_confirmed(found.basis, status=found.outcome, reference=reference), "success")
    elif found.state is RequestState.NEEDS_MERCHANT and found.trouble is not None:
        flash(
            _(
                "Recorded, but PayPal has not confirmed it: %(trouble)s. It needs your attention. Reference: "
                "%(reference)s.",
                trouble=labels.TROUBLE[found.trouble],
                reference=reference,
            ),
            "warning",
        )
    else:
        flash(
            _(
                "Recorded. PayPal has not confirmed it yet: the portal keeps trying. Reference: %(reference)s.",
                reference=reference,
            ),
            "warning",
        )


@bp.post("/requests/<uuid:request_id>/withdrawal", endpoint="request_withdrawal")
def withdrawal(request_id: uuid.UUID) -> ResponseReturnValue:
    """Take back an end that the team planned for a later day, while PayPal was not told."""
    with context().db.read() as session:
        found = requests.of_merchant(session, person().merchant_id, request_id)
    end_withdrawals.withdraw_planned(context(), _wish(found.subscription_id, Action.CANCEL), request_id, now=utc_now())
    flash(_("The planned end was withdrawn. The subscription continues."), "success")
    return redirect(url_for(".subscription", subscription_id=found.subscription_id), 303)


def _letter(subscription: Subscription, outcome: Status, *, now: datetime) -> end_drafts.Draft | None:
    """Return what the customer will be told; None where PayPal, and so nobody, is told anything."""
    if subscription.is_over:
        return None
    return end_drafts.of_end(context(), subscription.merchant_id, subscription.id, outcome, now=now)


def _known(standing: EndRequest | None, received: ReceivedRequest | None) -> str:
    """Return what the page shows of what was asked so far: the end that is planned, and what a new one would answer."""
    asked = (received.reference, str(received.wished_on or "")) if received is not None else ()
    return " ".join([standing.reference if standing is not None else "", *asked])


def _wish(subscription_id: uuid.UUID, action: Action) -> Wish:
    who = person()
    return Wish(
        merchant_id=who.merchant_id,
        subscription_id=subscription_id,
        action=action,
        actor=Actor.STAFF,
        channel=Channel.STAFF,
        actor_id=who.id,
        actor_name=who.name,
        role=who.role,
    )


def _act(
    subscription_id: uuid.UUID,
    action: Action,
    form: EndForm | LocalEndForm,
    day: date | None,
    *,
    received_id: uuid.UUID | None,
) -> None:
    """Do it. What remains to be done is decided under the lock: the end may have come since the page was drawn."""
    wish = replace(
        _wish(subscription_id, action),
        reason_text=form.internal_note.data or "",
        provider_note=form.provider_note.data if "provider_note" in form else "",
        wished_on=day,
        received_request_id=received_id,
        showed_planned=form.showed_planned if isinstance(form, EndForm) else None,
    )
    if isinstance(form, EndForm) and form.refund.choices:
        choice, amount = end_choices.refund_sent(form)
        wish = replace(wish, refund=choice, refund_amount=amount)
    try:
        recorded = end_requests.record(context(), wish, now=utc_now())
    except OverAlready:
        end_requests.mark_abandoned(context(), wish, now=utc_now())
        flash(_("Marked as abandoned. PayPal was not told: the subscription had already ended there."), "success")
        return
    except AnotherPlan:
        flash(_("Something happened since you opened this page. Check it and confirm again."), "warning")
        return
    except CannotRefund:
        flash(end_choices.refund_is_gone(), "warning")
        return
    if not recorded.is_new:
        flash(_("A request was already recorded: %(reference)s.", reference=recorded.reference), "info")
        return
    if not recorded.is_due_now:
        flash(
            _("Planned: PayPal will be told on that day. Reference: %(reference)s.", reference=recorded.reference),
            "success",
        )
        return
    try_now(end_carrying.carry_out, recorded.request_id)
    say(recorded.request_id)


def _say_standing(standing: EndRequest) -> None:
    """Tell whoever confirmed an end, perhaps with a refund, that another one was there before."""
    if request.method != "POST":
        return
    flash(_("A request was already recorded: %(reference)s.", reference=standing.reference), "info")
    if end_choices.is_refund_lost(standing):
        flash(end_choices.refund_is_gone(), "warning")


def _confirmed(basis: Basis | None, *, status: Status, reference: str) -> str:
    over = str(words.SAID_OVER[status])
    if basis is Basis.NEVER_STARTED:
        how = _(
            "Nothing had started at PayPal, so no payment can be taken. Reference: %(reference)s.", reference=reference
        )
    elif basis is Basis.ALREADY_OVER:
        how = _("It had already ended at PayPal. Reference: %(reference)s.", reference=reference)
    else:
        how = _("PayPal has confirmed it. Reference: %(reference)s.", reference=reference)
    return f"{over} {how}"


def _ending(word: str) -> Action:
    if word not in {action.value for action in ENDINGS}:
        abort(404)
    return Action(word)


def _planned(subscription: Subscription, day: date | None, *, now: datetime) -> Schedule | None:
    zone = g.merchant.time_zone
    wished_at = beginning_of(day, zone) if day is not None else None
    return plan(subscription, Actor.STAFF, time_zone=zone, wished_at=wished_at, now=now)


def _told(
    subscription: Subscription,
    planned: Schedule | None,
    outcome: Status,
    day: date | None,
    given: tuple[Grant, ...],
    *,
    now: datetime,
) -> PlannedWords | None:
    if planned is None:
        return None
    facts = planned_ends.told_before(
        subscription, planned, g.merchant, actor=Actor.STAFF, outcome=outcome, wished_on=day, given=given, now=now
    )
    return planned_words(facts, formatter(), is_recorded=False)
