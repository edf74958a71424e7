"""Staff pause and resume: what it changes first, then the same engine as customers, and the truth said afterwards."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from flask import abort, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain import policies
from portal.domain.access.access import PausePreview
from portal.domain.ends.end_requests import Channel
from portal.domain.ends.pauses import PauseKind, PauseState, start_of_day
from portal.domain.errors import Denial, DomainError, NotAllowed
from portal.domain.policies import Actor
from portal.domain.subscriptions import ProviderStatus, Status
from portal.i18n import Translator
from portal.queries import subscriptions
from portal.queries.access import grants
from portal.queries.ends import end_requests
from portal.queries.ends import pauses as queries
from portal.services.carrying import pause_carrying
from portal.services.pauses import pauses
from portal.services.pauses.pauses import PauseWish
from portal.services.rules import settings_of
from portal.web import labels
from portal.web.admin import bp, presenting, showing, words
from portal.web.admin.pause_forms import PauseForm, StaffResumeForm
from portal.web.admin.presenting import Row
from portal.web.first_tries import try_now
from portal.web.formatting import formatter
from portal.web.identity import context, person
from portal.web.local_days import local_day

if TYPE_CHECKING:
    from portal.models import PauseRequest, Subscription


@bp.route("/subscriptions/<uuid:subscription_id>/pause/<kind>", methods=["GET", "POST"], endpoint="subscription_pause")
def ask(subscription_id: uuid.UUID, kind: str) -> ResponseReturnValue:
    """Show what a pause or a resume changes at PayPal and on access; on confirmation do it."""
    if kind not in set(PauseKind):
        abort(404)
    wanted, who, now = PauseKind(kind), person(), utc_now()
    with context().db.read() as session:
        found = subscriptions.of_merchant(session, who.merchant_id, subscription_id)
        history = queries.all_of_subscription(session, found.id)
        given = grants.of_customer(session, who.merchant_id, found.customer_id, product_id=found.product_id)
        ending = end_requests.open_of(session, found.id) is not None
    settings = settings_of(g.merchant, found, now=now)
    policies.check(Actor.STAFF, pauses.ACTIONS[wanted], settings, role=who.role)
    if any(row.kind is wanted and row.is_open and not row.waits(now) for row in history):
        return redirect(url_for(".subscription", subscription_id=found.id), 303)
    if ending:
        raise NotAllowed(Denial.END_UNDER_WAY)
    pauses.check_state(found, wanted, history)
    zone = g.merchant.time_zone
    first, last = pauses.days(found, history, Actor.STAFF, zone=zone, now=now).dates(zone)
    form = _form(wanted, history, now=now)
    if form.validate_on_submit() and form.is_within(first, last):
        _act(found.id, wanted, form)
        return redirect(url_for(".subscription", subscription_id=found.id), 303)
    seen = pauses.preview(found, tuple(given), now=now)
    page = _preview(found, wanted, seen, form=form, first=formatter().date(first), last=formatter().date(last))
    return page, 422 if form.errors else 200


def _form(wanted: PauseKind, history: list[PauseRequest], *, now: datetime) -> PauseForm | StaffResumeForm:
    note = _neutral_note(wanted)
    if wanted is PauseKind.PAUSE:
        return PauseForm(provider_note=note)
    planned = next((row.due_at for row in history if row.kind is wanted and row.waits(now)), None)
    day = local_day(planned) if planned is not None else None
    return StaffResumeForm(provider_note=note, day=day)


def _preview(found: Subscription, wanted: PauseKind, seen: PausePreview, **more: object) -> str:
    """Return the page that shows what it changes."""
    is_pause = wanted is PauseKind.PAUSE
    return showing.page(
        "pause.html",
        subscription=found,
        customer_name=presenting.name_of(found.customer),
        is_pause=is_pause,
        title=_("Pause this subscription?") if is_pause else _("Resume this subscription?"),
        at_paypal=_at_paypal(found, wanted),
        stops=[presenting.closing(window) for window in seen.stops],
        stays=[presenting.closing(window) for window in seen.stays],
        **more,
    )


@bp.post("/pauses/<uuid:request_id>/retry", endpoint="pause_retry")
def retry(request_id: uuid.UUID) -> ResponseReturnValue:
    """Try one at once, though a later try is planned."""
    found = _request(request_id)
    if found.is_open:
        try_now(pause_carrying.carry_out, request_id, insist=True)
    say(request_id)
    return redirect(url_for(".subscription", subscription_id=found.subscription_id), 303)


@bp.post("/pauses/<uuid:request_id>/withdrawal", endpoint="pause_withdrawal")
def withdrawal(request_id: uuid.UUID) -> ResponseReturnValue:
    """Take one back while nothing was sent to PayPal: a planned resume too, the pause then has no end."""
    found = _request(request_id)
    pauses.withdraw(context(), request_id, _wish(found.subscription_id, found.kind), now=utc_now())
    flash(_("Withdrawn. Nothing was sent to PayPal."), "success")
    return redirect(url_for(".subscription", subscription_id=found.subscription_id), 303)


def say(request_id: uuid.UUID) -> None:
    """Tell, once, where it stands, as its row says."""
    found = _request(request_id)
    if found.state is PauseState.DONE:
        flash(str(labels.PAUSE_CONFIRMED[found.kind]), "success")
    elif found.refused_for is not None:
        flash(str(labels.PAUSE_REFUSED[found.refused_for]), "warning")
    elif found.due_at is not None and found.due_at > utc_now():
        flash(_("It starts again on %(date)s.", date=formatter().day(found.due_at)), "success")
    else:
        flash(_("Recorded. PayPal has not confirmed it yet: the portal keeps trying."), "warning")


def possible(
    subscription: Subscription, history: list[PauseRequest], *, ending: bool, now: datetime
) -> list[tuple[str, LazyString]]:
    """Return what may be asked for (kind and label): never what PayPal must refuse, nor beside an end."""
    if ending:
        return []
    settings, role = settings_of(g.merchant, subscription, now=now), person().role
    running = {row.kind for row in history if row.is_open and not row.waits(now)}
    found = []
    for kind in PauseKind:
        try:
            pauses.check_state(subscription, kind, history)
            policies.check(Actor.STAFF, pauses.ACTIONS[kind], settings, role=role)
        except DomainError:
            continue
        if kind not in running:
            found.append((kind.value, words.PAUSE_ACTION[kind]))
    return found


def lines(history: list[PauseRequest], *, now: datetime) -> list[dict[str, object]]:
    """Return the requests for the record, newest first, with what may be done with each."""
    return [
        {
            "id": row.id,
            "title": words.PAUSE_KIND[row.kind],
            "state": row.state.value,
            "label": words.PAUSE_STATE[row.state],
            "rows": _rows(row),
            "may_retry": row.is_open and not row.waits(now),
            "may_withdraw": pauses.may_withdraw(row, Actor.STAFF),
        }
        for row in history
    ]


def notice(subscription: Subscription, history: list[PauseRequest]) -> str:
    """Return what staff must know of one that is late, or was: what PayPal allows, and what it does not."""
    if subscription.is_left_suspended(history):
        return _(
            "What was unpaid has come. PayPal had suspended this subscription after failed payments, and has not "
            "started it again: no payment is taken until it does, or until you resume it."
        )
    if subscription.status is not Status.PAST_DUE:
        return ""
    if subscription.provider_status == ProviderStatus.SUSPENDED:
        return _(
            "PayPal has suspended this subscription after failed payments: it cannot be resumed from here. The "
            "customer can settle the payment at PayPal, or you can end the subscription."
        )
    return _(
        "A payment failed. PayPal may try it again, or take what is unpaid together with the next payment. "
        "A pause is not possible for now."
    )


def _rows(row: PauseRequest) -> list[Row]:
    answer = row.answer or {}
    rows: list[Row] = [
        (_("Requested by"), presenting.acted(row.actor, row.actor_name, row.channel)),
        (_("Requested on"), presenting.short(row.created_at)),
    ]
    until = row.resume_at or row.due_at
    if until is not None:
        rows.append((_("Starts again on"), presenting.day(until)))
    if row.done_at is not None:
        rows.append((_("Confirmed on"), presenting.short(row.done_at)))
    if row.refused_for is not None:
        rows.append((_("What happened"), str(labels.PAUSE_REFUSED[row.refused_for])))
    elif row.is_open and row.trouble is not None:
        rows.append((_("What happened"), str(words.PAUSE_TROUBLE[row.trouble])))
    if row.is_open and row.next_try_at is not None:
        rows.append((_("Next try"), presenting.short(row.next_try_at)))
    if answer.get("debug_id"):
        rows.append((_("PayPal debug ID"), str(answer["debug_id"])))
    return rows


def _request(request_id: uuid.UUID) -> PauseRequest:
    with context().db.read() as session:
        return queries.of_merchant(session, person().merchant_id, request_id)


def _wish(subscription_id: uuid.UUID, kind: PauseKind, day: datetime | None = None, note: str = "") -> PauseWish:
    who = person()
    return PauseWish(
        merchant_id=who.merchant_id,
        subscription_id=subscription_id,
        kind=kind,
        actor=Actor.STAFF,
        actor_id=who.id,
        actor_name=who.name,
        role=who.role,
        channel=Channel.STAFF,
        resume_at=day,
        provider_note=note,
    )


def _act(subscription_id: uuid.UUID, kind: PauseKind, form: PauseForm | StaffResumeForm) -> None:
    day = start_of_day(form.chosen, zone=g.merchant.time_zone) if form.chosen else None
    wish = _wish(subscription_id, kind, day, form.provider_note.data)
    asked = pauses.record(context(), wish, now=utc_now())
    if asked.is_new and asked.is_due_now:
        try_now(pause_carrying.carry_out, asked.request_id)
    say(asked.request_id)


def _neutral_note(kind: PauseKind) -> str:
    """Return the note proposed for PayPal, in the merchant's language: its customers read it."""
    if kind is PauseKind.PAUSE:
        return Translator(g.merchant.locale).gettext("Subscription paused")
    return Translator(g.merchant.locale).gettext("Subscription resumed")


def _at_paypal(subscription: Subscription, kind: PauseKind) -> list[str]:
    """Return the effect at PayPal, in sentences."""
    price = presenting.price(subscription)
    if kind is PauseKind.RESUME:
        return [_("PayPal is told to take payments again (%(price)s), from its own next billing date.", price=price)]
    said = _(
        "PayPal is told now: no payment (%(price)s) is taken while the pause lasts. It can be resumed.", price=price
    )
    at = subscription.next_payment_at
    due = [_("The payment due on %(date)s will not be taken.", date=presenting.day(at))] if at is not None else []
    return [said, *due, _("If you choose a day below, it starts again by itself; otherwise when somebody resumes it.")]
