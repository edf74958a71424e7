"""PayPal keys, one page a kind: entered, tested live before they are stored, tested again, replaced, removed.

Secrets go in and never come out (style.md, 14).  Whoever changes one has logged in a moment ago (`access`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from wtforms import PasswordField

from portal.clock import utc_now
from portal.domain.ends.duties import Duty, may
from portal.domain.merchants.merchants import Work
from portal.mail.composing import AUTOPAY_URL
from portal.providers.ports import ClassicCredentials
from portal.queries.desk import desk
from portal.queries.merchants import paypal_accounts
from portal.queries.merchants.paypal_accounts import Provider
from portal.queries.messages import webhook_endpoints
from portal.secrets import CannotOpen
from portal.services.keys import paypal_keys
from portal.services.keys.key_checks import Finding, KeyCheck
from portal.services.messages.webhook_endpoints import ipn_url
from portal.services.paypal.gateways import NoKey
from portal.web import standings
from portal.web.admin import bp, first_steps, showing, words
from portal.web.admin.keys import key_facts
from portal.web.admin.keys.key_forms import ClassicKeyForm, KeyForm, ReceiversForm, RemovalForm
from portal.web.identity import by, context, person

if TYPE_CHECKING:
    from portal.models import PayPalAccount

REST, CLASSIC = Provider.PAYPAL_REST, Provider.PAYPAL_CLASSIC
TEMPLATE: Final = {REST: "paypal_rest.html", CLASSIC: "paypal_classic.html"}
PAGE: Final = {REST: ".paypal_rest", CLASSIC: ".paypal_classic"}
ANSWERS_OF_PAYPAL: Final = frozenset({Finding.NO_ANSWER, Finding.TOO_MANY_CALLS})  # 502: it was not the form


@bp.get("/paypal", endpoint="paypal")
def show() -> ResponseReturnValue:
    """Say how both keys stand, and which of them a merchant needs."""
    with context().db.read() as session:
        accounts = paypal_accounts.all_of_merchant(session, person().merchant_id)
        return showing.page(
            "paypal.html",
            session,
            rest=key_facts.state_of(accounts.get(REST)),
            classic=key_facts.state_of(accounts.get(CLASSIC)),
        )


@bp.route("/paypal/rest", methods=["GET", "POST"], endpoint="paypal_rest")
def rest() -> ResponseReturnValue:
    """Guide to a REST key, show how the stored one stands; owners enter another."""
    _check_new(REST)
    return _edit_rest() if may(person().role, Duty.PAYPAL) else _page(REST, None)


def _edit_rest() -> ResponseReturnValue:
    form = KeyForm(environment=_environment(REST))
    if not form.validate_on_submit():
        return _page(REST, form), 422 if form.errors else 200
    found = paypal_keys.save(
        context(),
        person().merchant_id,
        environment=form.environment.data,
        client_id=form.client_id.data,
        secret=form.client_secret.data,
        by=by(),
        now=utc_now(),
    )
    return _saved(REST, form, found, secret=form.client_secret)


@bp.route("/paypal/classic", methods=["GET", "POST"], endpoint="paypal_classic")
def classic() -> ResponseReturnValue:
    """Guide to a classic key and say that PayPal retires it; owners enter one."""
    _check_new(CLASSIC)
    return _edit_classic() if may(person().role, Duty.PAYPAL) else _page(CLASSIC, None)


def _edit_classic() -> ResponseReturnValue:
    form = ClassicKeyForm(environment=_environment(CLASSIC), receivers=_receivers())
    if not form.validate_on_submit():
        return _page(CLASSIC, form), 422 if form.errors else 200
    credentials = ClassicCredentials(
        user=form.api_user.data,
        password=form.api_password.data,
        signature=form.api_signature.data,
        environment=form.environment.data,
    )
    found = paypal_keys.save_classic(
        context(), person().merchant_id, credentials, receivers=form.receivers_named(), by=by(), now=utc_now()
    )
    return _saved(CLASSIC, form, found, secret=form.api_password)


@bp.route("/paypal/classic/receivers", methods=["GET", "POST"], endpoint="paypal_classic_receivers")
def receivers() -> ResponseReturnValue:
    """Change to whom notifications of the classic kind may be addressed, without typing the key again."""
    if _account(CLASSIC) is None:
        return redirect(url_for(".paypal_classic"), 303)
    form = ReceiversForm(receivers=_receivers())
    if request.method == "GET":
        form.show({"receivers": _receivers()})
    if form.validate_on_submit():
        try:
            if not form.untouched:  # else a colleague's of meanwhile stay
                paypal_keys.set_receivers(context(), person().merchant_id, form.receivers_named(), by=by())
        except NoKey:  # removed in another window meanwhile
            abort(404)
        flash(_("The addresses are saved."), "success")
        return redirect(url_for(".paypal_classic"), 303)
    return showing.page("paypal_receivers.html", form=form), 422 if form.errors else 200


@bp.post("/paypal/rest/check", endpoint="paypal_rest_check")
def check_rest() -> ResponseReturnValue:
    """Test the stored REST key again."""
    return _check(provider=REST)


@bp.post("/paypal/classic/check", endpoint="paypal_classic_check")
def check_classic() -> ResponseReturnValue:
    """Test the stored classic key again."""
    return _check(provider=CLASSIC)


@bp.route("/paypal/rest/removal", methods=["GET", "POST"], endpoint="paypal_rest_removal")
def remove_rest() -> ResponseReturnValue:
    """Say what stops without the REST key; on confirmation forget it."""
    return _remove(provider=REST)


@bp.route("/paypal/classic/removal", methods=["GET", "POST"], endpoint="paypal_classic_removal")
def remove_classic() -> ResponseReturnValue:
    """Say what stops without the classic key; on confirmation forget it."""
    return _remove(provider=CLASSIC)


def _check_new(provider: Provider) -> None:
    """Refuse a first key where nothing new is begun; a stored one may be replaced: what is recorded waits for it."""
    if request.method != "POST" or standings.allows(Work.BEGIN):
        return
    with context().db.read() as session:
        if provider not in paypal_accounts.all_of_merchant(session, person().merchant_id):
            standings.check(Work.BEGIN)


def _check(*, provider: Provider) -> ResponseReturnValue:
    try:
        found = paypal_keys.check_stored(context(), person().merchant_id, provider, by=by(), now=utc_now())
    except NoKey:
        abort(404)
    except CannotOpen:
        flash(str(words.KEY_UNREADABLE), "error")
        return redirect(url_for(PAGE[provider]), 303)
    if found.works:
        flash(_("The key works. Requests that waited for it are being tried again."), "success")
    elif found.finding in ANSWERS_OF_PAYPAL:
        flash(str(words.STORED_UNTESTED[found.finding]), "warning")
    else:
        flash(key_facts.sentence(provider, found.finding), "error")
    return redirect(url_for(PAGE[provider]), 303)


def _remove(*, provider: Provider) -> ResponseReturnValue:
    merchant_id, form = person().merchant_id, RemovalForm()
    account = _account(provider)
    if account is None:
        return redirect(url_for(PAGE[provider]), 303)
    if form.validate_on_submit():
        seen = form.set_at
        if seen is not None and paypal_keys.remove(context(), merchant_id, provider, set_at=seen, by=by()):
            flash(_("The key is removed. Nothing has changed at PayPal."), "success")
        else:
            flash(_("Another key was entered meanwhile: here it is. Nothing was removed."), "warning")
        return redirect(url_for(PAGE[provider]), 303)
    form.show(account.set_at)
    with context().db.read() as session:
        return showing.page(
            "paypal_removal.html",
            session,
            form=form,
            is_classic=provider is CLASSIC,
            back=url_for(PAGE[provider]),
            dependents=paypal_accounts.dependents(session, merchant_id, provider),
        ), 422 if form.errors else 200


def _page(provider: Provider, form: KeyForm | ClassicKeyForm | None) -> str:
    merchant_id = person().merchant_id
    with context().db.read() as session:
        account = paypal_accounts.of_merchant(session, merchant_id, provider)
        elsewhere = account is not None and desk.has_subscriptions_elsewhere(session, merchant_id, account.environment)
        return showing.page(
            TEMPLATE[provider],
            session,
            form=form,
            key=key_facts.state_of(account),
            following=first_steps.following(session),
            elsewhere=elsewhere,
            ipn_address=_ipn_address(session, account),
            autopay_url=AUTOPAY_URL,
        )


def _ipn_address(session: Session, account: PayPalAccount | None) -> str:
    """Return the secret address for IPN, for owners alone; empty when there is none to show."""
    if account is None or not may(person().role, Duty.PAYPAL):
        return ""
    endpoint = webhook_endpoints.of_merchant(session, person().merchant_id, account.environment)
    return ipn_url(context(), endpoint) if endpoint else ""


def _saved(
    provider: Provider, form: KeyForm | ClassicKeyForm, found: KeyCheck, *, secret: PasswordField
) -> ResponseReturnValue:
    """Say what the test found: where the person has to act, when nothing was stored."""
    if not found.works:
        _refuse(provider, form, found, secret=secret)
        return _page(provider, form), 502 if found.finding in ANSWERS_OF_PAYPAL else 422
    flash(_("PayPal accepted the key. It is saved, encrypted."), "success")
    return redirect(url_for(PAGE[provider]), 303)


def _refuse(provider: Provider, form: KeyForm | ClassicKeyForm, found: KeyCheck, *, secret: PasswordField) -> None:
    """Put the finding where the person has to act; secrets have to be typed again, and the page says so."""
    if provider is CLASSIC:
        again = _("Nothing was saved. Type the password and the signature again: they are never shown.")
    else:
        again = _("Nothing was saved. Type the secret again: it is never shown.")
    match found.finding:
        case Finding.WRONG_KEY:
            secret.errors = [f"{key_facts.sentence(provider, found.finding)} {again}"]
        case Finding.OTHER_ENVIRONMENT:
            form.environment.errors = [f"{words.OTHER_ENVIRONMENT[found.environment]} {again}"]
        case _:
            form.form_errors.append(f"{key_facts.sentence(provider, found.finding)} {again}")


def _account(provider: Provider) -> PayPalAccount | None:
    with context().db.read() as session:
        return paypal_accounts.of_merchant(session, person().merchant_id, provider)


def _environment(provider: Provider) -> str:
    account = _account(provider)
    return account.environment if account is not None else "sandbox"


def _receivers() -> str:
    account = _account(CLASSIC)
    return "\n".join(account.receivers) if account is not None else ""
