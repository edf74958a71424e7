"""The desk's log-in page when strangers have used up an address's tries: a mailed link opens it in one browser."""

from __future__ import annotations

from math import ceil
from typing import Final

from flask import flash, make_response, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from itsdangerous import BadData, URLSafeTimedSerializer

from portal.clock import utc_now
from portal.domain.people.login_mails import LinkPurpose
from portal.services.people import staff_links
from portal.services.people.logins import normal_email
from portal.services.throttles import TooManyTries
from portal.web import identity, locale
from portal.web.auth import bp
from portal.web.auth.forms import UnlockForm
from portal.web.csrf import EmptyForm
from portal.web.signing import signer

UNLOCKED: Final = "unlocked"  # in the signed cookie, signed again for this purpose alone
UNLOCKED_SECONDS: Final = 900


def own_count(email: str) -> str:
    """Return what the browser's tries for an address are counted by, empty for one that no link has unlocked."""
    try:
        of, unlock_id = _signer().loads(session.get(UNLOCKED, ""), max_age=UNLOCKED_SECONDS)
    except BadData:
        return ""
    return str(unlock_id) if of == normal_email(email) else ""


def too_many(refusal: TooManyTries, email: str = "") -> ResponseReturnValue:
    """Say that the tries are used up, perhaps by strangers, and offer the link."""
    form = UnlockForm(formdata=None, data={"email": email})
    seconds = max(1, ceil(refusal.wait.total_seconds()))
    wait = ngettext("%(num)d minute", "%(num)d minutes", ceil(seconds / 60))
    page = make_response(render_template("auth/staff_locked.html", form=form, wait=wait), 429)
    page.headers["Retry-After"] = str(seconds)
    return page


@bp.route("/admin/login/unlock", methods=["GET", "POST"])
def staff_unlock() -> ResponseReturnValue:
    """Send the link; the answer is the same whether the address is known or not."""
    form = UnlockForm()
    if form.validate_on_submit():
        leaves = staff_links.offer(
            identity.context(),
            form.email.data,
            LinkPurpose.LOG_IN,
            network=identity.network(),
            language=locale.chosen() or "",
            now=utc_now(),
        )
        flash(
            _("If this address is known here, you are about to receive an email: press its button in this browser.")
            if leaves
            else _("If this address is known here, you already have our last email: press its button."),
            "info",
        )
        return redirect(url_for(".staff_login"), 303)
    return render_template("auth/staff_locked.html", form=form, wait=None), 422 if form.errors else 200


@bp.route("/admin/login/link/<token>", methods=["GET", "POST"])
def staff_unlock_link(token: str) -> ResponseReturnValue:
    """Show a button; only pressing it opens the log-in page, once, in this browser."""
    form, now = EmptyForm(), utc_now()
    if form.validate_on_submit():
        unlocked = staff_links.open_once(identity.context(), token, now=now)
        if unlocked is not None:
            session[UNLOCKED] = _signer().dumps([unlocked.email, str(unlocked.id)])
            flash(_("You can enter your password again in this browser."), "success")
            return redirect(url_for(".staff_login"), 303)
    if not staff_links.can_open(identity.context(), token, LinkPurpose.LOG_IN, now=now):
        return render_template("auth/link_over.html", again=url_for(".staff_unlock")), 410
    return render_template("auth/staff_unlock_link.html", form=form), 422 if form.errors else 200


def _signer() -> URLSafeTimedSerializer:
    return signer("staff-unlocked")
