"""A passkey at the desk's door: alone, after the password, or where both factors are asked for again."""

from __future__ import annotations

import uuid
from functools import partial

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from portal.clock import utc_now
from portal.queries.people.people import Kind
from portal.services.people import passkey_logins
from portal.services.throttles import TooManyTries
from portal.web import confirming, identity, passkeys
from portal.web.auth import bp, staff, unlocking
from portal.web.auth.forms import PasswordForm, SecondFactorForm
from portal.web.passkeys import Purpose


@bp.route("/admin/login/passkey", methods=["GET", "POST"])
def staff_passkey() -> ResponseReturnValue:
    """Let in whoever's passkey answers, without a password."""
    wanted = request.args.get("next")
    if request.method != "POST":
        return redirect(url_for(".staff_login", next=wanted), 303)
    page = PasswordForm(formdata=None)
    act = partial(passkey_logins.log_in, identity.context(), visitor=identity.visitor(Kind.STAFF), now=utc_now())
    token = passkeys.take(Purpose.LOG_IN, act, page)
    if token is None:
        return staff.login_page(page)
    return identity.log_in(redirect(staff.wanted(wanted), 303), Kind.STAFF, token)


@bp.route("/admin/login/code/passkey", methods=["GET", "POST"])
def staff_second_factor_passkey() -> ResponseReturnValue:
    """Take a passkey in the code's place, within five minutes of the password."""
    first = staff.first_factor()
    if first is None or request.method != "POST":
        return redirect(url_for(".staff_second_factor"), 303)
    page, visitor, of = SecondFactorForm(formdata=None), identity.visitor(Kind.STAFF), uuid.UUID(first["staff"])
    act = partial(passkey_logins.enter, identity.context(), of, visitor=visitor, own_count=first["own"], now=utc_now())
    try:
        token = passkeys.take(Purpose.SECOND_FACTOR, act, page)
    except TooManyTries as refusal:
        return unlocking.too_many(refusal)
    if token is None:
        return staff.second_factor_page(page, of)
    return identity.log_in(redirect(staff.wanted(first["next"]), 303), Kind.STAFF, token)


@bp.route("/admin/confirm/passkey", methods=["GET", "POST"])
def staff_confirm_passkey() -> ResponseReturnValue:
    """Take a passkey for both factors, then go on to where the person was going."""
    if request.method != "POST":
        return redirect(url_for(".staff_confirm", next=request.args.get("next")), 303)
    page = confirming.ConfirmForm(formdata=None, carried=request.form.get("carried"))
    act = partial(
        passkey_logins.confirm,
        identity.context(),
        identity.person(),
        visitor=identity.visitor(Kind.STAFF),
        now=utc_now(),
    )
    token = passkeys.take(Purpose.CONFIRM, act, page)
    if token is None:
        return confirming.page(page), 422
    return staff.go_on(token, confirming.what_was_sent(page.carried.data))
