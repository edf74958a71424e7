"""The merchant's first steps, from the key to the first customer: the desk's home until they are taken."""

from __future__ import annotations

from io import BytesIO

from flask import g, send_file, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.domain import first_steps
from portal.domain.duties import Duty, may
from portal.domain.first_steps import Stage
from portal.queries import first_steps as stored
from portal.web.admin import bp, showing
from portal.web.identity import context, person
from portal.web.qr_codes import file_of


@bp.get("/start", endpoint="start")
def index() -> ResponseReturnValue:
    """Show the way, also to whoever has gone it."""
    with context().db.browse() as session:
        return page(session, stored.of_merchant(session, person().merchant_id))


@bp.get("/start/qr.png", endpoint="start_code")
def code() -> ResponseReturnValue:
    """Give the QR code of the customers' address as a file, large enough for a poster."""
    kept = BytesIO(file_of(_address()))
    return send_file(kept, "image/png", as_attachment=True, download_name=f"qr-{g.merchant.slug}.png")


def _address() -> str:
    return url_for("auth.customer_login", merchant_slug=g.merchant.slug, _external=True)


def of_owner(session: Session) -> stored.Found | None:
    """Return how far an owner's shop is, None for whoever is no owner."""
    who = person()
    return stored.of_merchant(session, who.merchant_id) if may(who.role, Duty.PAYPAL) else None


def is_under_way(found: stored.Found | None) -> bool:
    """Say whether an owner looks whose shop no customer has entered yet."""
    return found is not None and not first_steps.is_over(found.facts)


def goes_on(session: Session) -> bool:
    """Say whether what an owner has just done was a step of the way, so that the page leads back to it."""
    return is_under_way(of_owner(session))


def page(session: Session, found: stored.Found) -> str:
    """Return the page of the steps."""
    stages = first_steps.stages(found.facts)
    return showing.page(
        "first_steps.html",
        session,
        found=found,
        stages=stages,
        done=sum(stage is Stage.DONE for stage in stages.values()),
        minutes=first_steps.minutes_left(found.facts),
        address=_address(),
    )
