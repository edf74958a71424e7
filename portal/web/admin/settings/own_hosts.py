"""The merchant's own host for its customers' pages: entered, checked, given up. Owners only, both factors again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flask import abort, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, StringField, SubmitField
from wtforms.validators import DataRequired

from portal.clock import utc_now
from portal.domain.ends.duties import Duty, may
from portal.domain.merchants import own_hosts as rules
from portal.domain.merchants.merchants import Work
from portal.domain.merchants.own_hosts import HostRefused, HostTaken, Standing
from portal.queries.merchants import own_hosts
from portal.queries.people import merchants
from portal.services.merchants import own_hosts as acts
from portal.web import standings
from portal.web.admin import bp, presenting, showing
from portal.web.admin.presenting import Row
from portal.web.admin.settings.own_host_words import REFUSED, WRONG
from portal.web.csrf import BaseForm, EmptyForm
from portal.web.identity import by, context, person
from portal.web.typed_text import one_line

if TYPE_CHECKING:
    from portal.models import OwnHost

PAGE: Final = ".setting_host"


class HostForm(BaseForm):
    """The name."""

    host = StringField(
        _l("Host name"),
        description=_l("A name under your own domain that nothing else uses, for example account.your-shop.com."),
        filters=[one_line],
        validators=[DataRequired(_l("Enter the host name."))],
    )
    submit = SubmitField(_l("Continue"))


class GivingUpForm(BaseForm):
    """The wish to use it no more: the one that its page is about."""

    given_up = HiddenField()  # its name
    submit = SubmitField(_l("Give up this address"))


@bp.route("/settings/host", methods=["GET", "POST"], endpoint="setting_host")
def show() -> ResponseReturnValue:
    """Show how the host stands and what to enter at the domain's provider; owners enter another."""
    form = HostForm()
    if form.validate_on_submit():
        try:
            acts.enter(context(), person().merchant_id, form.host.data, by=by(), now=utc_now())
        except HostRefused as refusal:
            form.host.errors = [str(REFUSED[refusal.why])]
        else:
            flash(_("The name is kept. Now add the two records below, then check it."), "success")
            return redirect(url_for(PAGE), 303)
    return _page(form), 422 if form.errors else 200


@bp.post("/settings/host/check", endpoint="setting_host_check")
def check() -> ResponseReturnValue:
    """Look now whether the name is the merchant's and leads here; use it if so."""
    if EmptyForm().validate_on_submit():
        try:
            fault = acts.check(context(), person().merchant_id, by=by(), now=utc_now())
        except HostTaken:
            flash(_("Another merchant of this portal uses this name. Its record has to go first."), "error")
        else:
            if fault is None:
                flash(_("The name is yours and leads here: your customers’ pages are there now."), "success")
            else:
                flash(str(WRONG[fault]), "error")
    return redirect(url_for(PAGE), 303)


@bp.route("/settings/host/removal", methods=["GET", "POST"], endpoint="setting_host_removal")
def remove() -> ResponseReturnValue:
    """Say what happens without it; on confirmation give it up."""
    form = GivingUpForm()
    if form.validate_on_submit():
        if acts.give_up(context(), person().merchant_id, host=form.given_up.data or "", by=by(), now=utc_now()):
            flash(_("Your customers’ pages are under the portal’s own address again."), "success")
        else:
            flash(_("Another address was entered meanwhile: here it is. Nothing was given up."), "warning")
        return redirect(url_for(PAGE), 303)
    with context().db.read() as session:
        row = own_hosts.of_merchant(session, person().merchant_id)
        if row is None:
            abort(404)
        form.given_up.data = row.host
        return showing.page("setting_host_removal.html", session, form=form, own_host=rules.shown(row.host)), (
            422 if form.errors else 200
        )


def _page(form: HostForm) -> str:
    ctx, who = context(), person()
    with ctx.db.read() as session:
        row = own_hosts.of_merchant(session, who.merchant_id)
        active = merchants.of(session, who.merchant_id).own_host
        standing = row.standing(active) if row is not None else None
        return showing.page(
            "setting_host.html",
            session,
            form=form,
            own_host=rules.shown(row.host) if row is not None else "",
            standing=standing,
            fault=str(WRONG[row.fault]) if row is not None and row.fault is not None else "",
            records=_records(row) if row is not None else [],
            rows=_rows(row) if row is not None else [],
            may_edit=may(who.role, Duty.INTEGRATIONS) and standings.allows(Work.BEGIN),
            may_stop=may(who.role, Duty.INTEGRATIONS),
            is_active=standing is Standing.ACTIVE,
            portal_host=urlsplit(ctx.base_url).hostname,
        )


def _records(row: OwnHost) -> list[tuple[str, str, str]]:
    """Return (kind, name, value) of what is to be entered at the domain's provider."""
    here = urlsplit(context().base_url).hostname or ""
    return [
        ("TXT", rules.challenge_name(row.host), rules.challenge_value(row.token)),
        ("CNAME", row.host, f"{here}."),
    ]


def _rows(row: OwnHost) -> list[Row]:
    moments = (
        (_("Entered"), row.created_at),
        (_("In use since"), row.active_since),
        (_("Last checked"), row.checked_at),
    )
    return [(label, presenting.short(at)) for label, at in moments if at is not None]
