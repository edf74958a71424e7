"""The customer's own data: taken along as a file, erased, and how long what is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session
from wtforms import SubmitField

from portal.clock import utc_now
from portal.domain.law.retention import Kind, until
from portal.domain.people.customer_erasures import REFLECTION, ErasureState, Hold
from portal.queries.account import data_exports as stored_exports
from portal.queries.merchants import customer_erasures as stored
from portal.queries.people import customers, merchants
from portal.secrets import CannotOpen
from portal.services.own_data import customer_erasures, data_exports
from portal.web import locale
from portal.web.confirming import is_fresh
from portal.web.csrf import BaseForm
from portal.web.customer import bp, erasure_words
from portal.web.files import download
from portal.web.formatting import formatter
from portal.web.identity import context, person
from portal.web.retention_words import TO_CUSTOMERS, length

if TYPE_CHECKING:
    from portal.models import CustomerErasure, DataExport, Merchant


class ErasureForm(BaseForm):
    """Asked beside what it does: one button."""

    submit = SubmitField(_l("Erase my data"))


@dataclass(frozen=True, kw_only=True)
class Archive:
    """The file as its page shows it."""

    is_waiting: bool
    has_failed: bool
    asked: str
    until: str  # "" of one that is not made
    size: str
    may_ask: bool


@bp.get("/data")
def data() -> str:
    """Show what can be done with one's data, and how long what is kept."""
    who, now = person(), utc_now()
    with context().db.read() as session:
        export = stored_exports.newest_of(session, who.merchant_id, who.id)
        erasure = stored.newest_of(session, who.merchant_id, who.id)
        merchant = merchants.of(session, who.merchant_id)
        may_withdraw = erasure is not None and customer_erasures.may_withdraw(session, erasure)
        waits = _waits(session, erasure, may_withdraw=may_withdraw, now=now)
    return render_template(
        "customer/data.html",
        archive=_archive(export, now=now),
        erasure=erasure if erasure is not None and erasure.state is ErasureState.OPEN else None,
        waits=waits,
        may_withdraw=may_withdraw,
        spans=[(TO_CUSTOMERS[kind], length(kind, merchant.retention)) for kind in Kind],
    )


def _archive(export: DataExport | None, *, now: datetime) -> Archive | None:
    if export is None or (export.ready_at is not None and export.ready_at + data_exports.KEPT <= now):
        return None
    fmt = formatter()
    return Archive(
        is_waiting=export.ready_at is None and export.failed_at is None,
        has_failed=export.failed_at is not None,
        asked=fmt.moment(export.created_at),
        until=fmt.moment(export.ready_at + data_exports.KEPT) if export.ready_at is not None else "",
        size=_("%(number)s kB", number=fmt.number(max(1, export.size // 1000))),
        may_ask=not data_exports.stands(export, now=now),
    )


def _waits(session: Session, erasure: CustomerErasure | None, *, may_withdraw: bool, now: datetime) -> list[str]:
    """Return what an open wish waits for, in words."""
    if erasure is None or erasure.state is not ErasureState.OPEN:
        return []
    customer = customers.of_merchant(session, erasure.merchant_id, erasure.customer_id)
    found = stored.holds(session, customer, now=now)
    last = stored.last_day_of_wait(session, customer.id, now=now) if Hold.PLANNED_END in found else None
    return erasure_words.waits(found, last, due_at=erasure.due_at, may_withdraw=may_withdraw, now=now)


@bp.post("/data/exports")
def data_export_new() -> ResponseReturnValue:
    """Have the file made; one that is under way, or fresh, is shown instead."""
    who = person()
    data_exports.ask(context(), who.merchant_id, who.id, language=locale.current(), now=utc_now())
    return redirect(url_for(".data", merchant_slug=g.merchant.slug), 303)


@bp.get("/data/export.zip")
def data_export() -> Response:
    """Hand the file over; 404 where there is none, or none any more."""
    who = person()
    try:
        export, content = data_exports.content_of(context(), who.merchant_id, who.id)
    except CannotOpen:  # sealed with a key that is gone: as one that has run out
        raise NoResultFound from None
    if export.ready_at is None or export.ready_at + data_exports.KEPT <= utc_now():
        raise NoResultFound
    return download(content, name=f"{g.merchant.slug}-data.zip", media_type="application/zip")


@bp.route("/data/erasure", methods=["GET", "POST"])
def erasure() -> ResponseReturnValue:
    """Say exactly what happens; on the click record the wish. A fresh log-in is asked for before."""
    who, now, form = person(), utc_now(), ErasureForm()
    there = url_for(".data", merchant_slug=g.merchant.slug)
    with context().db.read() as session:
        known = stored.newest_of(session, who.merchant_id, who.id)
    if known is not None and known.state is not ErasureState.WITHDRAWN:
        return redirect(there, 303 if request.method == "POST" else 302)
    if not is_fresh(who):
        page = render_template("customer/erasure_log_in.html", address=who.email, next=request.path)
        return page, 401 if request.method == "POST" else 200
    if form.validate_on_submit():
        asked = customer_erasures.ask(context(), who.merchant_id, who.id, now=now)
        flash(_("Your request is recorded: %(reference)s.", reference=asked.reference), "success")
        return redirect(there, 303)
    return render_template("customer/erasure.html", form=form, **_effect(now=now)), 422 if form.errors else 200


def _effect(*, now: datetime) -> dict[str, object]:
    """Return what the page says before: what ends and how, what is lost, what goes, what stays until when."""
    who, fmt = person(), formatter()
    with context().db.read() as session:
        merchant = merchants.of(session, who.merchant_id)
        paid = stored.paid_beyond(session, who.id, now=now)
        ends = erasure_words.ends(session, who.merchant_id, who.id, now=now)
        kept = _kept(merchant, stored.kept(session, who.id), ends=bool(ends))
    return {
        "ends": ends,
        "paid_until": fmt.last_day(paid) if paid is not None else None,
        "kept": kept,
        "due": fmt.moment(now + REFLECTION + timedelta(minutes=1)),
    }


def _kept(merchant: Merchant, found: stored.Kept, *, ends: bool) -> list[str]:
    """Return what the law keeps, each with its last day; `ends`: some are still to come."""
    fmt = formatter()
    lines = []
    proven = max((at for at in (found.proven_at, found.noticed_at) if at is not None), default=None)
    if found.paid_at is not None:
        last = fmt.day(until(Kind.PAYMENTS, merchant.retention, found.paid_at))
        said = ngettext(
            "%(num)d payment, for accounting: until %(date)s.",
            "%(num)d payments, for accounting: until %(date)s.",
            found.payments,
            date=last,
        )
        lines.append(str(said))
    if proven is not None:
        last = fmt.day(until(Kind.PROOFS, merchant.retention, proven))
        lines.append(_("Your requests to cancel and their proofs, in case of a dispute: until %(date)s.", date=last))
    if ends:
        lines.append(_("The ends that this request leads to are proven too, and kept in the same way."))
    lines.append(_("Your contracts under their PayPal IDs, without your name, so that a late payment is noticed."))
    lines.append(_("This request itself, under its reference, without your name."))
    return lines


@bp.post("/data/erasure/withdrawal")
def erasure_withdrawal() -> ResponseReturnValue:
    """Take the wish back, while no end was sent to PayPal for it."""
    who = person()
    if customer_erasures.withdraw(context(), who.merchant_id, who.id, now=utc_now()):
        flash(_("Your request to erase your data is withdrawn. Nothing was erased."), "success")
    return redirect(url_for(".data", merchant_slug=g.merchant.slug), 303)
