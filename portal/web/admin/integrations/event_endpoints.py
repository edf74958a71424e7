"""Endpoints for events: make one, see how it fares, change it, stop it, send it something again."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Final

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.audit import Act
from portal.domain.integrations.outgoing_events import MOST_ENDPOINTS, BadAddress, DeliveryState, EndpointState
from portal.queries import audit
from portal.queries.integrations import event_deliveries as deliveries
from portal.queries.integrations import event_endpoints as stored
from portal.services.outgoing import event_endpoints, event_replays
from portal.services.outgoing.event_endpoints import Made, SameAddress, TooManyEndpoints
from portal.web.admin import bp, showing
from portal.web.admin.integrations import endpoint_facts, endpoint_words
from portal.web.admin.integrations.endpoint_forms import (
    DeliveryFilter,
    EndpointForm,
    RemovalForm,
    ReplayForm,
    SecretForm,
    standing_of,
)
from portal.web.admin.lists import place, turn
from portal.web.identity import by, context, person

if TYPE_CHECKING:
    from portal.models import EventEndpoint

REMEMBERED: Final = 10_000  # of the newest rows of the audit chain: among them a removal in another tab is looked for
View = Callable[..., ResponseReturnValue]


def may_be_removed(view: View) -> View:
    """Let the page of an endpoint that is there no more lead to the list, which says so: one that was never is a 404.

    Nothing is kept of one that was removed, but in the audit chain that it was.
    """

    @wraps(view)
    def answered(endpoint_id: uuid.UUID, **values: object) -> ResponseReturnValue:
        try:
            return view(endpoint_id, **values)
        except NoResultFound:
            merchant_id = person().merchant_id
            with context().db.read() as session:
                if not audit.was_lately(session, merchant_id, Act.ENDPOINT_REMOVED, endpoint_id, among=REMEMBERED):
                    raise
        flash(_("This endpoint was removed."), "info")
        return redirect(url_for(".event_endpoints"), 303)

    return answered


@bp.get("/integrations/endpoints", endpoint="event_endpoints")
def index() -> ResponseReturnValue:
    """List the endpoints."""
    with context().db.read() as session:
        rows = stored.all_of(session, person().merchant_id)
        return showing.page("event_endpoints.html", session, rows=rows, most=MOST_ENDPOINTS, words=endpoint_words)


@bp.route("/integrations/endpoints/new", methods=["GET", "POST"], endpoint="event_endpoint_new")
def make() -> ResponseReturnValue:
    """Add an endpoint; its secret is shown this once."""
    form = EndpointForm()
    if form.validate_on_submit():
        try:
            made = event_endpoints.make(context(), person().merchant_id, form.wish, by=by(), now=utc_now())
        except TooManyEndpoints:
            flash(_("There are %(num)s endpoints already: remove one first.", num=MOST_ENDPOINTS), "warning")
            return redirect(url_for(".event_endpoints"), 303)
        except (BadAddress, SameAddress) as error:
            _refuse(form, error)
        else:
            return _secret(made, is_new=True)
    return _form(form, None)


@bp.route(
    "/integrations/endpoints/<uuid:endpoint_id>/settings", methods=["GET", "POST"], endpoint="event_endpoint_change"
)
@may_be_removed
def change(endpoint_id: uuid.UUID) -> ResponseReturnValue:
    """Change where it is, what it is told, and how much."""
    endpoint, merchant_id = _stored(endpoint_id), person().merchant_id
    form = EndpointForm.of(endpoint)
    if request.method == "GET":
        form.show(standing_of(endpoint))
    if form.validate_on_submit():
        left = form.columns_left
        try:
            event_endpoints.change(
                context(), merchant_id, endpoint_id, form.wish, untouched=left, by=by(), now=utc_now()
            )
        except (BadAddress, SameAddress) as error:
            _refuse(form, error)
        else:
            flash(_("Saved."), "success")
            return redirect(url_for(".event_endpoint", endpoint_id=endpoint_id), 303)
    return _form(form, endpoint_id)


@bp.get("/integrations/endpoints/<uuid:endpoint_id>", endpoint="event_endpoint")
@may_be_removed
def show(endpoint_id: uuid.UUID) -> ResponseReturnValue:
    """Show how it fares, and what it was told, newest first."""
    return _page(endpoint_id, ReplayForm.usual())


@bp.post("/integrations/endpoints/<uuid:endpoint_id>/replay", endpoint="event_endpoint_replay")
@may_be_removed
def replay(endpoint_id: uuid.UUID) -> ResponseReturnValue:
    """Send a span of days again."""
    form = ReplayForm()
    if not form.validate_on_submit():
        return _page(endpoint_id, form), 422
    start, end = form.span
    count = event_replays.replay_span(
        context(),
        person().merchant_id,
        endpoint_id,
        since=start,
        until=end,
        only_failed=form.only_failed.data,
        by=by(),
        now=utc_now(),
    )
    if count:
        flash(ngettext("%(num)d event is sent again.", "%(num)d events are sent again.", count), "success")
    else:
        flash(_("No such event was written on these days."), "info")
    return redirect(url_for(".event_endpoint", endpoint_id=endpoint_id), 303)


@bp.route(
    "/integrations/endpoints/<uuid:endpoint_id>/secret", methods=["GET", "POST"], endpoint="event_endpoint_secret"
)
@may_be_removed
def renew(endpoint_id: uuid.UUID) -> ResponseReturnValue:
    """Say what a new secret means; on confirmation show it, this once."""
    endpoint, form = _stored(endpoint_id), SecretForm()
    if form.validate_on_submit():
        made = event_endpoints.renew_secret(context(), person().merchant_id, endpoint_id, by=by(), now=utc_now())
        return _secret(made, is_new=False)
    page = showing.page("event_endpoint_secret.html", form=form, endpoint=endpoint, words=endpoint_words)
    return page, 422 if form.errors else 200


@bp.post("/integrations/endpoints/<uuid:endpoint_id>/test", endpoint="event_endpoint_test")
@may_be_removed
def test(endpoint_id: uuid.UUID) -> ResponseReturnValue:
    """Send it an event that says nothing."""
    if event_endpoints.test(context(), person().merchant_id, endpoint_id, by=by(), now=utc_now()):
        flash(_("A test event is on its way. Load this page again to see the answer."), "info")
    else:
        flash(_("This endpoint is not called at the moment: switch it on or resume it first."), "warning")
    return redirect(url_for(".event_endpoint", endpoint_id=endpoint_id), 303)


@bp.post("/integrations/endpoints/<uuid:endpoint_id>/pause", endpoint="event_endpoint_pause")
@may_be_removed
def pause(endpoint_id: uuid.UUID) -> ResponseReturnValue:
    """Call it no more for now, or (`off`) at all."""
    is_off = request.form.get("off") == "1"
    state = EndpointState.DISABLED if is_off else EndpointState.PAUSED
    done = event_endpoints.stop(context(), person().merchant_id, endpoint_id, state, by=by(), now=utc_now())
    if is_off:
        flash(_("Nothing is sent to this endpoint any more."), "success")
    elif done or _stored(endpoint_id).state is EndpointState.PAUSED:
        flash(_("The endpoint is paused. New events wait."), "success")
    else:  # its receiver said that it is gone, or a colleague switched it off
        flash(_("This endpoint is switched off: no event is kept for it. Switch it on, then pause it."), "warning")
    return redirect(url_for(".event_endpoint", endpoint_id=endpoint_id), 303)


@bp.post("/integrations/endpoints/<uuid:endpoint_id>/resume", endpoint="event_endpoint_resume")
@may_be_removed
def resume(endpoint_id: uuid.UUID) -> ResponseReturnValue:
    """Call it again, with what waited for it."""
    count = event_replays.resume(context(), person().merchant_id, endpoint_id, by=by(), now=utc_now())
    if count:
        flash(
            ngettext("On again: %(num)d event is being sent.", "On again: %(num)d events are being sent.", count),
            "success",
        )
    else:
        flash(_("The endpoint is on."), "success")
    return redirect(url_for(".event_endpoint", endpoint_id=endpoint_id), 303)


@bp.route(
    "/integrations/endpoints/<uuid:endpoint_id>/removal", methods=["GET", "POST"], endpoint="event_endpoint_removal"
)
@may_be_removed
def remove(endpoint_id: uuid.UUID) -> ResponseReturnValue:
    """Say what goes with it; on confirmation forget it."""
    endpoint, form = _stored(endpoint_id), RemovalForm()
    if form.validate_on_submit():
        event_endpoints.remove(context(), person().merchant_id, endpoint_id, by=by(), now=utc_now())
        flash(_("The endpoint is removed."), "success")
        return redirect(url_for(".event_endpoints"), 303)
    page = showing.page("event_endpoint_removal.html", form=form, endpoint=endpoint, words=endpoint_words)
    return page, 422 if form.errors else 200


def _stored(endpoint_id: uuid.UUID) -> EventEndpoint:
    with context().db.read() as session:
        return stored.of_merchant(session, person().merchant_id, endpoint_id)


def _refuse(form: EndpointForm, error: BadAddress | SameAddress) -> None:
    if isinstance(error, BadAddress):
        form.refuse(error)
    else:
        form.address.errors = [_("Another endpoint has this address already.")]


def _form(form: EndpointForm, endpoint_id: uuid.UUID | None) -> ResponseReturnValue:
    hints = {one.value: said for one, said in endpoint_words.TYPE.items()}
    page = showing.page("event_endpoint_edit.html", form=form, endpoint_id=endpoint_id, hints=hints)
    return page, 422 if form.errors else 200


def _secret(made: Made, *, is_new: bool) -> str:
    return showing.page("event_endpoint_made.html", secret=made.secret, endpoint_id=made.endpoint_id, is_new=is_new)


def _page(endpoint_id: uuid.UUID, form: ReplayForm) -> str:
    with context().db.browse() as session:
        endpoint = stored.of_merchant(session, person().merchant_id, endpoint_id)
        return showing.page(
            "event_endpoint.html",
            session,
            endpoint=endpoint,
            form=form,
            rows=endpoint_facts.rows(session, endpoint),
            words=endpoint_words,
            **_log(session, endpoint_id),
        )


def _log(session: Session, endpoint_id: uuid.UUID) -> dict[str, object]:
    asked = request.args.get("state", "")
    state = DeliveryState(asked) if asked in list(DeliveryState) else None
    found = deliveries.page_of(session, person().merchant_id, endpoint_id, state=state, place=place())
    filters = DeliveryFilter(data={"state": state.value if state else ""})
    filters.offer()
    return {
        "log": found.rows,
        "filters": filters,
        "is_filtered": state is not None,
        "next_url": turn(after=found.next_id),
        "previous_url": turn(before=found.previous_id),
    }
