"""The customer's profile: what they say of themselves, which mails they want, their address, their browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.people.email_addresses import shown
from portal.domain.people.profiles import Answer
from portal.i18n import pick_locale
from portal.queries.people import address_changes as stored_changes
from portal.queries.people import address_holds, customers
from portal.services.people import address_changes, customer_profiles
from portal.services.people.acting import by_person
from portal.services.people.address_changes import Own
from portal.web import locale
from portal.web.csrf import EmptyForm
from portal.web.customer import bp
from portal.web.customer.profile_forms import OF_THE_SHOP, AddressForm, ProfileForm
from portal.web.identity import context, person

if TYPE_CHECKING:
    from portal.models import Customer


@bp.route("/profile", methods=["GET", "POST"])
def profile() -> ResponseReturnValue:
    """Show it; write what was changed."""
    who, now = person(), utc_now()
    with context().db.read() as session:
        found = customers.of_merchant(session, who.merchant_id, who.id)
        waiting = stored_changes.open_of(session, who.id)
        is_held = bool(address_holds.waiting_of(session, who.id))
    form = ProfileForm(data=_standing(found))
    form.offer_zones(found.time_zone or "")
    if not form.is_submitted():
        form.show(_standing(found))
    if form.validate_on_submit():
        return _save(form)
    page = render_template(
        "customer/profile.html",
        form=form,
        address=shown(found.email) if found.email else None,
        waiting=waiting if waiting is not None and waiting.is_live(now) else None,
        is_held=is_held,
    )
    return page, 422 if form.errors else 200


@bp.route("/profile/address", methods=["GET", "POST"])
def address_change() -> ResponseReturnValue:
    """Ask for a new address; it has to confirm itself. Whether somebody else has it is not said."""
    who, form = person(), AddressForm()
    back = url_for(".profile", merchant_slug=g.merchant.slug)
    with context().db.read() as session:
        if address_holds.waiting_of(session, who.id):
            flash(_stopped(), "warning")
            return redirect(back, 303)
    if form.validate_on_submit():
        match address_changes.ask_own(context(), who.merchant_id, who.id, form.email.data, now=utc_now()):
            case Own.ASKED:
                flash(_("An email goes to %(address)s. Press its button there.", address=form.email.data), "success")
                return redirect(back, 303)
            case Own.HELD:
                flash(_stopped(), "warning")
                return redirect(back, 303)
            case Own.SAME:
                form.email.errors = [_("This is your address already. Enter another one.")]
    page = render_template("customer/address_change.html", form=form, back=back, address=shown(who.email or ""))
    return page, 422 if form.errors else 200


@bp.post("/profile/address/withdrawal")
def address_withdrawal() -> ResponseReturnValue:
    """Take the new address back."""
    who = person()
    if EmptyForm().validate_on_submit():
        done = address_changes.withdraw_own(context(), who.merchant_id, who.id, now=utc_now())
        flash(
            _("Withdrawn: your address stays as it is.") if done else _("No new address is waiting any more."),
            "success" if done else "info",
        )
    return redirect(url_for(".profile", merchant_slug=g.merchant.slug), 303)


def _save(form: ProfileForm) -> ResponseReturnValue:
    who, touched = person(), form.touched
    changed = customer_profiles.save(context(), who.merchant_id, who.id, touched, by=by_person(who), now=utc_now())
    if Answer.LOCALE in touched:
        locale.follow_profile(touched[Answer.LOCALE])
    flash(_("Saved.") if changed else _("Nothing was changed."), "success" if changed else "info")
    return redirect(url_for(".profile", merchant_slug=g.merchant.slug), 303)


def _standing(found: Customer) -> dict[str, object]:
    """Return what the form shows first: the language and zone that count for this customer."""
    return {
        Answer.NAME: found.name,
        Answer.LOCALE: pick_locale(found.locale, g.merchant.locale),
        Answer.TIME_ZONE: found.time_zone or OF_THE_SHOP,
        Answer.REMINDERS: found.reminders_allowed,
        Answer.CONTACT: found.contact_allowed,
    }


def _stopped() -> str:
    return _(
        "Your address cannot be changed now: from your former address somebody contested the last change. "
        "%(merchant)s decides and writes to both.",
        merchant=g.merchant.name,
    )
