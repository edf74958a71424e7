"""Requests to end that came by letter, email, telephone: written down, matched to a subscription, or closed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.ends.received_requests import AlreadySettled, Way, may_answer
from portal.domain.law.countries import Function
from portal.domain.subscriptions import Action
from portal.queries import subscriptions
from portal.queries.ends import end_requests
from portal.queries.ends import received_requests as stored
from portal.queries.law import likely_subscriptions
from portal.queries.people import customers
from portal.services.inbox import received_answers, received_requests
from portal.services.inbox.received_requests import Declaration
from portal.web.admin import archive, bp, presenting, showing
from portal.web.admin.forms import SearchForm
from portal.web.admin.lists import search_words
from portal.web.admin.narrowing import may_be_too_broad, only_searched
from portal.web.admin.received import received_pages
from portal.web.admin.received.received_forms import DismissalForm, ReceivedForm, WordDismissalForm
from portal.web.identity import by, context, person
from portal.web.local_days import noon_of, today
from portal.web.typed_text import as_id

if TYPE_CHECKING:
    from portal.models import ReceivedRequest


@bp.route("/received/new", methods=["GET", "POST"], endpoint="received_new")
def new() -> ResponseReturnValue:
    """Write one down; whoever gave an address gets an acknowledgement at once."""
    form = ReceivedForm(received_on=today())
    if form.validate_on_submit():
        who, function = person(), Function(form.function.data)
        declaration = Declaration(
            merchant_id=who.merchant_id,
            received_at=noon_of(form.received_on.data),
            way=Way(form.way.data),
            name=form.name.data,
            email=form.email.data or None,
            contract=form.contract.data or "",
            wished_on=form.wished_on.data if function is Function.CANCELLATION else None,
            function=function,
            sent_on=form.sent_on.data if function is Function.WITHDRAWAL else None,
            message=form.message.data or "",
            recorded_by=who.name,
            by=by(),
        )
        received = received_requests.record(context(), declaration, now=utc_now())
        said = _("It is recorded: %(reference)s.", reference=received.reference)
        flash(said + (" " + _("An acknowledgement is on its way.") if received.email else ""), "success")
        return redirect(url_for(".received", received_id=received.id), 303)
    return showing.page("received_new.html", form=form), 422 if form.errors else 200


@bp.get("/received/<uuid:received_id>", endpoint="received")
@may_be_too_broad(only_searched)
def show(received_id: uuid.UUID) -> ResponseReturnValue:
    """Show what was declared, and the subscriptions it may be about."""
    return _page(received_id)


def _page(received_id: uuid.UUID, form: DismissalForm | None = None, *, status: int = 200) -> ResponseReturnValue:
    who, search = person(), search_words()
    with context().db.browse() as session:
        received = stored.of_merchant(session, who.merchant_id, received_id)
        if received.subscription is not None:
            archive.check(session, customers.of_merchant(session, who.merchant_id, received.subscription.customer_id))
        likely = likely_subscriptions.of_request(session, received) if received.is_open else []
        is_sought = received.is_open and received.subscription_id is None
        likely, namesakes = received_pages.sorted_out(received, likely)
        found = likely_subscriptions.found(session, who.merchant_id, search) if is_sought and search else []
        hints = received_pages.hints(session, received, (*likely, *namesakes, *found))
        shown = [row.id for row in (*likely, *namesakes, *found)]
        rows = [*received_pages.received_rows(received), *received_pages.particular_rows(received)]
        is_word = received.way is Way.NO_LOGIN
        is_cancellation = received.function is Function.CANCELLATION
        sought = [received] if received.is_open and not is_word and is_cancellation else []
        over = likely_subscriptions.over_since(session, who.merchant_id, sought).get(received.id)
        over = over if may_answer(over, received.received_at) else None
        over_on = presenting.day(over)
        reason = _("It had already ended, on %(date)s.", date=over_on) if over else ""
        form = form or _form_of(received)(reason=reason)
        form.after.data = _said(received)
        return showing.page(
            "received.html",
            session,
            received=received,
            rows=rows,
            title=received_pages.title(received, received_pages.product_of(received)),
            settled=presenting.short(received.settled_at) if received.settled_at else "",
            likely=likely,
            namesakes=namesakes,
            plans=presenting.plans(end_requests.waiting_of(session, shown), now=utc_now()),
            found=found,
            is_sought=is_sought,
            is_stranger=is_word,
            is_declared=received.way is Way.PUBLIC_FORM,
            is_refused=received.declaration is not None and received.declaration.refused_at is not None,
            hints=hints,
            search=search,
            filters=SearchForm(request.args),
            over_on=over_on,
            form=form,
        ), (422 if form.errors else status)


def _form_of(received: ReceivedRequest) -> type[DismissalForm]:
    return WordDismissalForm if received.way is Way.NO_LOGIN else DismissalForm


def _said(received: ReceivedRequest) -> str:
    """Return what tells a request from itself before its customer added to it: their day, and how much they wrote."""
    return f"{received.wished_on or ''} {len(received.message)}"


@bp.post("/received/<uuid:received_id>/match", endpoint="received_match")
def match(received_id: uuid.UUID) -> ResponseReturnValue:
    """Say which subscription it is about: its end is then previewed; one that has been asked for already is linked."""
    who = person()
    subscription_id = as_id(request.form.get("subscription_id")) or abort(404)
    with context().db.read() as session:
        received = stored.of_merchant(session, who.merchant_id, received_id)
        found = subscriptions.of_merchant(session, who.merchant_id, subscription_id)
    if not received.may_be_about(found.id):
        return received_pages.not_this_one(received)
    if received.is_open and received.function is Function.WITHDRAWAL:
        return redirect(url_for(".subscription_withdrawal", subscription_id=found.id, received=received_id), 303)
    if received.is_open and not received_answers.match_standing(
        context(), who.merchant_id, received_id, found.id, by=who.name, now=utc_now()
    ):
        if not found.is_over:
            action = Action.CANCEL.value
            end = url_for(".subscription_end", subscription_id=found.id, action=action, received=received_id)
            return redirect(end, 303)
        flash(
            _("This subscription had already ended. Close the request with that reason, and tell the person."), "info"
        )
    elif received.is_open:
        flash(_("Its end was already requested: that request now answers this one."), "success")
    else:
        flash(_("Somebody has settled this request in the meantime."), "info")
    return redirect(url_for(".received", received_id=received_id), 303)


@bp.post("/received/<uuid:received_id>/dismissal", endpoint="received_dismissal")
def dismiss(received_id: uuid.UUID) -> ResponseReturnValue:
    """Close it without ending anything, with the reason."""
    who = person()
    with context().db.read() as session:
        received = stored.of_merchant(session, who.merchant_id, received_id)
    form = _form_of(received)()
    was_read = not received.is_open or form.was_drawn_after(_said(received))
    if not form.validate_on_submit() or not was_read:
        return _page(received_id, form)
    try:
        received_requests.dismiss(
            context(), who.merchant_id, received_id, reason=form.reason.data, by=who.name, by_id=who.id, now=utc_now()
        )
        flash(_("Closed. It is no longer in your to-do list."), "success")
    except AlreadySettled:
        flash(_("Somebody has settled this request in the meantime."), "info")
        flash(_("Your reason was not saved. You had written: %(reason)s", reason=form.reason.data), "info")
        return _page(received_id, status=409)  # here: a cookie would lose a long one
    return redirect(url_for(".received", received_id=received_id), 303)
