"""What needs the merchant: requests that PayPal holds up, in words, with what to do."""

from __future__ import annotations

import uuid

import structlog
from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.queries import comparisons, desk, end_requests, mails, proofs
from portal.services import carrying_out
from portal.services.proofs import file_of
from portal.web.admin import bp, showing
from portal.web.admin.endings import say
from portal.web.files import handed_over
from portal.web.identity import context, person

log = structlog.get_logger("portal.web")


@bp.get("/", endpoint="inbox")
def index() -> ResponseReturnValue:
    """List them, the next payment at risk first; below, what the portal carries on by itself."""
    merchant_id = person().merchant_id
    with context().db.read() as session:
        return showing.page(
            "inbox.html",
            session,
            requests=end_requests.needing_merchant(session, merchant_id),
            under_way=desk.requests_under_way(session, merchant_id),
            comparison_is_late=comparisons.is_late(session, merchant_id, now=utc_now()),
            refused_mails=mails.refused(session, merchant_id, limit=20),
        )


@bp.get("/requests/<uuid:request_id>/proof.pdf", endpoint="request_proof")
def proof(request_id: uuid.UUID) -> ResponseReturnValue:
    """Hand over the proof of a confirmed end: the very file that the customer has."""
    with context().db.read() as session:
        found = proofs.of_merchant(session, person().merchant_id, request_id)
    return handed_over(file_of(found))


@bp.post("/requests/<uuid:request_id>/retry", endpoint="request_retry")
def retry(request_id: uuid.UUID) -> ResponseReturnValue:
    """Try one request at once, though a later try is planned."""
    who = person()
    with context().db.read() as session:
        found = end_requests.of_merchant(session, who.merchant_id, request_id)
    if not found.is_open:
        flash(_("This request is no longer open: there is nothing to try again."), "info")
        return redirect(url_for(".subscription", subscription_id=found.subscription_id), 303)
    try:
        carrying_out.carry_out(context(), who.merchant_id, request_id, patience=carrying_out.VISITOR, insist=True)
    except Exception:
        # Not swallowed: the request is recorded with its next try, and the page says where it stands.
        log.exception("end_request.retry_failed", request_id=str(request_id))
    say(request_id)
    return redirect(url_for(".subscription", subscription_id=found.subscription_id), 303)
