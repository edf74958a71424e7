"""The merchant's face: looked at as customers will see it, on made-up pages that nobody else sees, then published."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from email.utils import parseaddr
from typing import Any, Final

from flask import g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.merchants import colours
from portal.domain.money.money import Money
from portal.domain.people.login_mails import LIFETIME
from portal.mail import logins
from portal.mail.composing import sender_name
from portal.mail.letterhead import Letterhead
from portal.queries.people.people import MerchantFacts
from portal.services import settings as stored
from portal.services.settings import Face
from portal.web import locale
from portal.web.admin import bp
from portal.web.admin.edits import Meanwhile
from portal.web.admin.settings import settings
from portal.web.admin.settings.settings_forms import FaceForm
from portal.web.formatting import formatter
from portal.web.identity import context

BUTTONS: Final = frozenset({"csrf_token", "look", "back", "nearest"})  # sent by a button: nobody filled them in
NEXT_PAYMENT: Final = timedelta(days=20)  # of the made-up subscription


@bp.route("/settings/face", methods=["GET", "POST"], endpoint="setting_face")
def edit() -> ResponseReturnValue:
    """Show the face, preview what is typed, and publish it.

    Three buttons send the form and save nothing: one looks at it as customers will see it, one comes back from there,
    one takes the nearest colour that can be read.
    """
    form = settings.stored(FaceForm, Face)
    if "nearest" in request.form:
        form.accent.data = colours.parse(request.form["nearest"]) or form.accent.data
    elif "back" not in request.form and form.validate_on_submit():
        if "look" in request.form:
            return _preview(form)
        meanwhile = settings.save(form, Face(**settings.answers(form, Face)))
        return _page(form, meanwhile) if meanwhile else redirect(url_for(".setting_face"), 303)
    return _page(form)


def _page(form: FaceForm, meanwhile: Meanwhile | None = None) -> ResponseReturnValue:
    return settings.page("setting_face.html", form, Face, meanwhile=meanwhile), settings.status(form, meanwhile)


def _preview(form: FaceForm) -> ResponseReturnValue:
    """Show what is typed; the page holds it, to publish it or to go back."""
    sent = [(name, value) for name, value in request.form.items(multi=True) if name not in BUTTONS]
    draft = replace(g.merchant, name=form.name.data, accent=form.accent.data)
    return preview(draft, sent=sent, publish_url=url_for(".setting_face"), sender=form.sender_name.data)


def preview(
    merchant: MerchantFacts,
    *,
    sent: list[tuple[str, str]],
    publish_url: str,
    back_url: str | None = None,
    sender: str | None = None,
) -> str:
    """Return customers' pages and a mail as they would be. `sent` is what the button to publish sends.

    Without `back_url` the way back sends it too, so that nothing typed is lost.
    """
    if sender is None:
        with context().db.read() as session:
            sender = stored.read(session, merchant.id, Face)["sender_name"]
    return render_template(
        "admin/face_preview.html",
        merchant=merchant,
        sent=sent,
        publish_url=publish_url,
        back_url=back_url,
        rows=_rows(),
        mail=sample_mail(merchant, sender=sender),
    )


def _rows() -> list[tuple[str, str]]:
    price = formatter().price(Money(Decimal("29.90"), "EUR"), "MONTH", 1)
    return [(_("Price"), price), (_("Next payment"), formatter().day(utc_now() + NEXT_PAYMENT))]


def sample_mail(merchant: MerchantFacts, *, sender: str) -> dict[str, Any]:
    """Return the mail that customers get most often as it would arrive; its code and link open nothing."""
    ctx, now = context(), utc_now()
    head = Letterhead.of(merchant, locale=locale.current(), base_url=ctx.base_url)
    path = url_for("auth.customer_login", merchant_slug=merchant.slug)
    minutes = LIFETIME // timedelta(minutes=1)
    composed = logins.login_code(head, code="123456", path=path, minutes=minutes, valid_until=now + LIFETIME)
    shown = sender_name(composed.kind, sender or merchant.name)
    return {
        "rows": [
            (_("From"), f"{shown} <{parseaddr(ctx.mail_from)[1]}>"),
            (_("Answers go to"), merchant.support_email),
        ],
        "subject": composed.subject,
        "lines": [line for line in composed.text.splitlines() if line.strip(" -")],
    }
