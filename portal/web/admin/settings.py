"""The merchant's settings."""

from __future__ import annotations

from flask import flash, g, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.domain.errors import NotAllowed
from portal.services import settings
from portal.services.settings import MerchantSettings
from portal.web.admin import bp, showing
from portal.web.admin.forms import SettingsForm
from portal.web.identity import by, context, person


@bp.route("/settings", methods=["GET", "POST"], endpoint="settings")
def edit() -> ResponseReturnValue:
    """Show the settings and write them; the switch says why it cannot be turned on."""
    merchant_id = person().merchant_id
    form = SettingsForm(obj=g.merchant)
    form.offer_zone(g.merchant.time_zone)
    if form.validate_on_submit():
        try:
            settings.save(context(), merchant_id, _wish(form), by=by())
        except NotAllowed:
            form.self_cancellation.errors = [_why_not()]
        else:
            flash(_("The settings are saved."), "success")
            return redirect(url_for(".settings"), 303)
    with context().db.read() as session:
        key_passed = settings.key_passed(session, merchant_id)
        return showing.page("settings.html", session, form=form, key_passed=key_passed), 422 if form.errors else 200


def _why_not() -> str:
    return _("This can be switched on once your PayPal key has passed its test: see the PayPal page.")


def _wish(form: SettingsForm) -> MerchantSettings:
    return MerchantSettings(
        name=form.name.data,
        support_email=form.support_email.data,
        time_zone=form.time_zone.data,
        locale=form.locale.data,
        self_cancellation=form.self_cancellation.data,
        cancellation_text=form.cancellation_text.data or "",
    )
