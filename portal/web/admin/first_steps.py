"""The merchant's first steps, from the key to the first customer: the desk's home until they are taken."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from flask import g, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.domain.desk import first_steps
from portal.domain.desk.first_steps import Stage, Step
from portal.domain.ends.duties import Duty, may
from portal.queries.desk import first_steps as stored
from portal.queries.people import merchants
from portal.web.admin import bp, showing
from portal.web.admin.site_link_words import lacking
from portal.web.identity import context, customers_address, person
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
    return customers_address(url_for("auth.customer_login", merchant_slug=g.merchant.slug))


def of_owner(session: Session) -> stored.Found | None:
    """Return how far an owner's shop is, None for whoever is no owner."""
    who = person()
    return stored.of_merchant(session, who.merchant_id) if may(who.role, Duty.PAYPAL) else None


def is_under_way(found: stored.Found | None) -> bool:
    """Say whether an owner looks whose shop no customer has entered yet."""
    return found is not None and not first_steps.is_over(found.facts)


@dataclass(frozen=True, kw_only=True)
class Way:
    """Where a step is taken, and what its button says."""

    label: str
    url: str


def following(session: Session) -> Way | None:
    """Return the step that comes after what an owner has just done; None elsewhere, and on that step's own page."""
    found = of_owner(session)
    if found is None or not is_under_way(found):
        return None
    stages = first_steps.stages(found.facts)
    way = _way(next(step for step in Step if stages[step] is Stage.NOW), found)
    return None if way.url == request.path else way


def _way(step: Step, found: stored.Found) -> Way:
    match step:
        case Step.KEY:
            return Way(label=_("Enter the PayPal key"), url=url_for("admin.paypal_rest"))
        case Step.IMPORT:
            return Way(label=_("Import from PayPal"), url=url_for("admin.import_run"))
        case Step.PRODUCTS if found.unread is not None:
            product_id, name = found.unread
            label = _("Read the rules of %(product)s", product=name)
            return Way(label=label, url=url_for("admin.product", product_id=product_id))
        case Step.PRODUCTS:
            return Way(label=_("See the products"), url=url_for("admin.products"))
        case Step.SELF_CANCELLATION:
            return Way(label=_("Switch it on in the settings"), url=url_for("admin.settings"))
        case Step.ADDRESS:
            return Way(label=_("The address for your customers"), url=url_for("admin.start"))


def page(session: Session, found: stored.Found) -> str:
    """Return the page of the steps."""
    stages = first_steps.stages(found.facts)
    return showing.page(
        "first_steps.html",
        session,
        found=found,
        stages=stages,
        ways={step.value: _way(step, found) for step in Step},
        done=sum(stage is Stage.DONE for stage in stages.values()),
        minutes=first_steps.minutes_left(found.facts),
        address=_address(),
        absent=lacking(session, merchants.of(session, person().merchant_id)),
    )
