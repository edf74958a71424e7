"""The PayPal key: entered, tested live before it is stored, tested again; the secret is never shown (style.md, 14)."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.policies import Role
from portal.queries import desk, paypal_accounts
from portal.secrets import CannotOpen
from portal.services import paypal_keys
from portal.services.key_checks import SUBSCRIPTIONS_RIGHT, WEBHOOKS_RIGHT, Finding, KeyCheck
from portal.web.access import recent_login_required
from portal.web.admin import bp, presenting, showing, words
from portal.web.admin.forms import KeyForm
from portal.web.admin.presenting import Row
from portal.web.identity import context, person

ANSWERS_OF_PAYPAL = frozenset({Finding.NO_ANSWER, Finding.TOO_MANY_CALLS})  # 502: it was not the form


@bp.route("/paypal", methods=["GET", "POST"], endpoint="paypal")
def show() -> ResponseReturnValue:
    """Show what is known of the stored key; owners may enter another one, after a recent log-in."""
    return _edit() if person().role is Role.OWNER else _page(None)


@recent_login_required()
def _edit() -> ResponseReturnValue:
    merchant_id = person().merchant_id
    with context().db.read() as session:
        account = paypal_accounts.of_merchant(session, merchant_id)
    form = KeyForm(environment=account.environment if account else "sandbox")
    if form.validate_on_submit():
        found = paypal_keys.save(
            context(),
            merchant_id,
            environment=form.environment.data,
            client_id=form.client_id.data,
            secret=form.client_secret.data,
            now=utc_now(),
        )
        if found.works:
            flash(_("PayPal accepted the key. It is stored encrypted."), "success")
            return redirect(url_for(".paypal"), 303)
        _refuse(form, found)
        if found.finding in ANSWERS_OF_PAYPAL:
            return _page(form), 502
    return _page(form), 422 if form.errors else 200


def _page(form: KeyForm | None) -> str:
    merchant_id = person().merchant_id
    with context().db.read() as session:
        account = paypal_accounts.of_merchant(session, merchant_id)
        elsewhere = account is not None and desk.has_subscriptions_elsewhere(session, merchant_id, account.environment)
        return showing.page(
            "paypal.html",
            session,
            form=form,
            rows=_facts(account) if account else [],
            state=account.state.value if account else None,
            finding=_finding(account) if account else "",
            elsewhere=elsewhere,
        )


@bp.post("/paypal/check", endpoint="paypal_check")
@recent_login_required()
def check() -> ResponseReturnValue:
    """Test the stored key again."""
    try:
        found = paypal_keys.check_stored(context(), person().merchant_id, now=utc_now())
    except CannotOpen:
        flash(str(words.KEY_UNREADABLE), "error")
        return redirect(url_for(".paypal"), 303)
    if found.works:
        flash(_("The key works. Requests that waited for it are being tried again."), "success")
    elif found.finding in ANSWERS_OF_PAYPAL:
        flash(str(words.STORED_UNTESTED[found.finding]), "warning")
    else:
        flash(str(words.FINDING[found.finding]), "error")
    return redirect(url_for(".paypal"), 303)


def _refuse(form: KeyForm, found: KeyCheck) -> None:
    """Put the finding where the person has to act; the secret has to be typed again, and the page says so."""
    match found.finding:
        case Finding.WRONG_KEY:
            form.client_secret.errors = [str(words.FINDING[found.finding])]
        case Finding.OTHER_ENVIRONMENT:
            form.environment.errors = [str(words.OTHER_ENVIRONMENT[found.environment])]
        case _:
            form.form_errors.append(str(words.FINDING[found.finding]))
    form.form_errors.append(_("Nothing was stored. Type the secret again: a page never shows it."))


def _finding(account: Any) -> str:
    finding = account.check_result.get("finding")
    return str(words.FINDING[Finding(finding)]) if finding in set(Finding) else ""


def _facts(account: Any) -> list[Row]:
    """Return what the last test saw, and what is stored, without the secret."""
    result = account.check_result
    rights = set(result.get("scopes", ()))
    has = result.get("has_subscriptions")
    since, ending = presenting.day(account.set_at), account.secret_ending
    rows: list[Row] = [
        (_("Environment"), str(words.ENVIRONMENT[account.environment])),
        (_("Client id"), account.client_id),
        (_("Secret"), _("set on %(date)s, ends in …%(ending)s", date=since, ending=ending)),
        (_("Last test"), presenting.moment(account.checked_at)),
        (_("PayPal application"), result.get("app_id") or None),
    ]
    if rights:
        not_needed = _("no – not needed yet, but tick “Webhooks” to learn of changes sooner")
        rows += [
            (_("Right to subscriptions"), _("yes") if SUBSCRIPTIONS_RIGHT in rights else _("no")),
            (_("Right to notifications"), _("yes") if WEBHOOKS_RIGHT in rights else not_needed),
        ]
    if has is not None:
        seen = _("at least one seen") if has else _("none seen: those sold by classic buttons do not show here")
        rows.append((_("Subscriptions in this account"), seen))
    if account.broken_since is not None:
        rows.append((_("Refused since"), presenting.moment(account.broken_since)))
    return rows
