"""Staff log in with a password and a second factor, always both; again before something sensitive.

By passkey: `passkeys`.
"""

from __future__ import annotations

import uuid
from typing import Final

from flask import flash, g, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from itsdangerous import BadData, URLSafeTimedSerializer

from portal.clock import utc_now
from portal.queries.people import passkeys as stored
from portal.queries.people.people import Kind
from portal.services.people import staff_logins
from portal.services.throttles import TooManyTries
from portal.web import addresses, confirming, identity, passkeys
from portal.web.auth import bp, unlocking
from portal.web.auth.forms import PasswordForm, SecondFactorForm
from portal.web.csrf import EmptyForm
from portal.web.passkeys import Purpose
from portal.web.signing import signer

FIRST_FACTOR: Final = "first_factor"  # in the signed cookie, signed again for this purpose alone
FIRST_FACTOR_SECONDS: Final = 300


@bp.route("/admin/login", methods=["GET", "POST"])
def staff_login() -> ResponseReturnValue:
    """Ask for address and password; one answer for a wrong address and a wrong password."""
    if g.person is not None and request.method == "GET":
        return redirect(wanted(request.args.get("next")), 303)
    form = PasswordForm()
    if form.validate_on_submit():
        own = unlocking.own_count(form.email.data)
        try:
            staff_id = staff_logins.check_password(
                identity.context(),
                form.email.data,
                form.password.data,
                network=identity.network(),
                own_count=own,
                now=utc_now(),
            )
        except TooManyTries as refusal:
            return unlocking.too_many(refusal, form.email.data)
        if staff_id is not None:
            first = {"staff": str(staff_id), "next": wanted(request.args.get("next")), "own": own}
            session[FIRST_FACTOR] = _signer().dumps(first)
            return redirect(url_for(".staff_second_factor"), 303)
        form.form_errors.append(_("Wrong address or password."))
    return login_page(form)


def login_page(form: PasswordForm) -> ResponseReturnValue:
    """Return the page that asks for address and password, or a passkey."""
    passkey = passkeys.offer(Purpose.LOG_IN)
    return render_template("auth/staff_login.html", form=form, passkey=passkey), 422 if form.errors else 200


@bp.route("/admin/login/code", methods=["GET", "POST"])
def staff_second_factor() -> ResponseReturnValue:
    """Ask for the second factor, within five minutes of the first."""
    first = first_factor()
    if first is None:
        flash(_("Five minutes have passed: enter your password again."), "info")
        return redirect(url_for(".staff_login"), 303)
    form = SecondFactorForm()
    if form.validate_on_submit():
        try:
            token = staff_logins.enter(
                identity.context(),
                uuid.UUID(first["staff"]),
                form.code.data,
                visitor=identity.visitor(Kind.STAFF),
                own_count=first["own"],
                now=utc_now(),
            )
        except TooManyTries as refusal:
            return unlocking.too_many(refusal)
        if token is not None:
            return identity.log_in(redirect(wanted(first["next"]), 303), Kind.STAFF, token)
        form.code.errors = [_wrong_code()]
    return second_factor_page(form, uuid.UUID(first["staff"]))


def second_factor_page(form: SecondFactorForm, staff_id: uuid.UUID) -> ResponseReturnValue:
    """Return the page that asks for a code, or a passkey of whoever has one."""
    with identity.context().db.read() as reading:
        has_passkey = stored.has_any(reading, staff_id)
    passkey = passkeys.offer(Purpose.SECOND_FACTOR) if has_passkey else None
    return render_template("auth/staff_second_factor.html", form=form, passkey=passkey), 422 if form.errors else 200


@bp.route("/admin/confirm", methods=["GET", "POST"])
def staff_confirm() -> ResponseReturnValue:
    """Ask for both factors again, then go on to where the person was going."""
    form = confirming.ConfirmForm()
    if form.validate_on_submit():
        token = staff_logins.confirm(
            identity.context(),
            identity.person(),
            form.password.data,
            form.code.data,
            visitor=identity.visitor(Kind.STAFF),
            now=utc_now(),
        )
        if token is not None:
            return go_on(token, confirming.what_was_sent(form.carried.data))
        form.form_errors.append(_("The password or the code is wrong. Wait for a new code if you used this one."))
    return confirming.page(form), 422 if form.errors else 200


@bp.post("/admin/logout")
def staff_logout() -> ResponseReturnValue:
    """End this browser's session."""
    response = identity.log_out(redirect(url_for(".staff_login"), 303), Kind.STAFF)
    flash(_("You are logged out."), "success")
    return response


def go_on(token: str, sent: confirming.Sent | None) -> ResponseReturnValue:
    """Lead to where the person was going; what they had sent waits under a button."""
    if sent is None:
        return identity.log_in(redirect(wanted(request.args.get("next")), 303), Kind.STAFF, token)
    page = identity.log_in(make_response(), Kind.STAFF, token)
    page.set_data(render_template("auth/staff_go_on.html", form=EmptyForm(), sent=sent))  # with the new form token
    return page


def _wrong_code() -> str:
    return str(_("This code is wrong or was already used. Wait for the next one and enter it."))


def wanted(wish: str | None) -> str:
    """Return the page of the desk that somebody was going to, else its first."""
    return addresses.safe_path(wish, under="/admin/") or url_for("admin.inbox")


def _signer() -> URLSafeTimedSerializer:
    return signer("staff-first-factor")


def first_factor() -> dict[str, str] | None:
    """Return what the first factor has left in this browser; None after five minutes."""
    try:
        first: dict[str, str] = _signer().loads(session.get(FIRST_FACTOR, ""), max_age=FIRST_FACTOR_SECONDS)
    except BadData:
        return None
    return {"own": "", **first}  # one that was signed before the last release has none
