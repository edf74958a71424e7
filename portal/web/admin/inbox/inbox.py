"""What needs the merchant, of every kind: what happened in words, what to do, and the button that does it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.desk.subscription_filters import Answer
from portal.extensions import keep_plans
from portal.queries import inbox as stored
from portal.queries.comparisons import comparisons
from portal.queries.ends import end_requests, under_way
from portal.queries.law import proofs
from portal.services.carrying import end_carrying
from portal.services.inbox import inbox as marks
from portal.services.proofs import issue
from portal.web import addresses
from portal.web.admin import archive, bp, figures, first_steps, health, legal_standings, presenting, showing
from portal.web.admin.ends.end_requests import say
from portal.web.admin.inbox import inbox_cards, inbox_filters, several
from portal.web.admin.lists import inbox_place, key_text, turn
from portal.web.files import handed_over
from portal.web.first_tries import try_now
from portal.web.identity import by, context, person


@bp.get("/", endpoint="inbox")
def index() -> ResponseReturnValue:
    """List them, the next payment at risk first; below the first page, what the portal carries on by itself.

    While nothing waits for an owner whose shop is not set up, the steps that lead there are this page.
    """
    who, now, place = person(), utc_now(), inbox_place()
    about = inbox_filters.chosen()
    with context().db.browse() as session:
        keep_plans(session)
        kinds = inbox_filters.KINDS[about] if about is not None else None
        found = stored.page(session, who.merchant_id, now=now, place=place, kinds=kinds)
        if not found.items and place != stored.Place():  # what stood there is settled: what stands before it is not
            place = stored.Place()
            found = stored.page(session, who.merchant_id, now=now, kinds=kinds)
        is_first = place == stored.Place() and about is None
        going = under_way.of_merchant(session, who.merchant_id, now=now) if is_first else None
        is_late = comparisons.is_late(session, who.merchant_id, now=now)
        way = first_steps.of_owner(session)
        waits = found.items or is_late or not is_first or (going is not None and going.requests)
        if way is not None and first_steps.is_under_way(way) and not waits:
            return first_steps.page(session, way)
        return showing.page(
            "inbox.html",
            session,
            cards=inbox_cards.cards(found.items, role=who.role),
            next_url=turn(after=key_text(found.following)),
            previous_url=turn(before=key_text(found.previous)),
            **_under_way(session, going, now),
            has_first_steps=first_steps.is_under_way(way),
            lacks_key=way is not None and way.key is None,
            lacks_notice=way is not None and legal_standings.lacks_notice(session),
            comparison_is_late=is_late,
            health=health.of_merchant(session, is_late=is_late, now=now) if is_first else [],
            is_first=is_first,
            figures=figures.of_merchant(session, now=now) if is_first else None,
            before=_before(found),
            filters=inbox_filters.InboxFilter(request.args),
            is_narrowed=about is not None,
            is_senseless=inbox_filters.is_senseless(),
            here=request.full_path if request.args else request.path,
            several=sum(several.may_be_settled(item) for item in found.items),
        )


def _under_way(session: Session, going: under_way.UnderWay | None, now: datetime) -> dict[str, Any]:
    ids = [one.subscription_id for one in going.requests] if going is not None else []
    return {
        "under_way": going,
        "plans": presenting.plans(end_requests.waiting_of(session, ids), now=now),
        "planned_url": figures.listed(planned=Answer.YES),
    }


def _before(found: stored.Inbox) -> str | None:
    """Return the day of the next payment at risk, by which the first thing is to be done; None where one was taken."""
    if any(item.is_money_taken for item in found.items):
        return None
    days = [item.at_risk_at for item in found.items if item.at_risk_at is not None]
    return presenting.day(min(days)) if days else None


@bp.post("/inbox/differences/<uuid:difference_id>/seen", endpoint="difference_seen")
def see_difference(difference_id: uuid.UUID) -> ResponseReturnValue:
    """Take note of what a comparison found."""
    who = person()
    marks.see_difference(context(), who.merchant_id, difference_id, by=who.name, now=utc_now())
    return _noted()


@bp.post("/inbox/messages/<uuid:event_id>/seen", endpoint="paypal_event_seen")
def see_event(event_id: uuid.UUID) -> ResponseReturnValue:
    """Take note of a message of PayPal's that was given up."""
    marks.see_event(context(), person().merchant_id, event_id, by=by(), now=utc_now())
    return _noted()


@bp.post("/inbox/mails/<uuid:mail_id>/seen", endpoint="mail_seen")
def see_mail(mail_id: uuid.UUID) -> ResponseReturnValue:
    """Take note of a message that could not be delivered."""
    who = person()
    marks.see_mail(context(), who.merchant_id, mail_id, by=who.name, now=utc_now())
    return _noted()


@bp.post("/inbox/mails/<uuid:mail_id>/resend", endpoint="mail_resend")
def resend_mail(mail_id: uuid.UUID) -> ResponseReturnValue:
    """Send a confirmation that was refused once more."""
    address = marks.resend_mail(context(), person().merchant_id, mail_id, now=utc_now())
    flash(
        _(
            "The message is being sent again to %(address)s. If it is refused once more, it comes back here.",
            address=address,
        )
    )
    return _back()


@bp.get("/requests/<uuid:request_id>/proof.pdf", endpoint="request_proof")
def proof(request_id: uuid.UUID) -> ResponseReturnValue:
    """Hand over the proof of a confirmed end: the file that the customer gets."""
    with context().db.read() as session:
        found = proofs.of_merchant(session, person().merchant_id, request_id)
        ended = end_requests.of_merchant(session, person().merchant_id, request_id)
        archive.check(session, ended.subscription.customer)
    return handed_over(issue(context(), found, now=utc_now()))


@bp.post("/requests/<uuid:request_id>/retry", endpoint="request_retry")
def retry(request_id: uuid.UUID) -> ResponseReturnValue:
    """Try one request at once, though a later try is planned."""
    who = person()
    with context().db.read() as session:
        found = end_requests.of_merchant(session, who.merchant_id, request_id)
    if not found.is_open:
        flash(_("This request is no longer open: there is nothing to try again."), "info")
        return redirect(url_for(".subscription", subscription_id=found.subscription_id), 303)
    try_now(end_carrying.carry_out, request_id, insist=True)
    say(request_id)
    return redirect(url_for(".subscription", subscription_id=found.subscription_id), 303)


def _noted() -> ResponseReturnValue:
    flash(_("Noted: it is no longer in your to-do list."), "success")
    return _back()


def _back() -> ResponseReturnValue:
    """Go back to the list as it was narrowed, and to the same page of it."""
    return redirect(addresses.safe_path(request.form.get("back"), under="/admin/") or url_for(".inbox"), 303)
