"""Customers log in with a code or a link from one mail (product.md, decision 8). A link never acts on GET."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.clock import utc_now
from portal.domain.people import email_addresses
from portal.queries.people.people import Kind
from portal.services.people import logins
from portal.services.people.logins import Entry
from portal.web import addresses, identity, login_codes, site_buttons
from portal.web.auth import bp
from portal.web.auth.forms import EmailForm
from portal.web.csrf import EmptyForm
from portal.web.login_fields import CodeForm


@bp.route("/account/<merchant_slug>/login", methods=["GET", "POST"])
def customer_login() -> ResponseReturnValue:
    """Ask for an address; the answer is the same whether it is known or not."""
    if g.person is not None and g.person.task is None and request.method == "GET":
        return redirect(wanted(request.args.get("next")), 303)
    form = EmailForm()
    if form.validate_on_submit():
        _ask_for(form.email.data)
        return redirect(url_for(".customer_code"), 303)
    page = render_template("auth/customer_login.html", form=form, site=site_buttons.label(), log_out_there=_left())
    return page, 422 if form.errors else 200


@bp.route("/account/<merchant_slug>/login/again", methods=["GET", "POST"])
def customer_again() -> ResponseReturnValue:
    """Ask somebody who is logged in for a new code, before something sensitive (`confirming`)."""
    form, email = EmptyForm(), identity.person().own_email
    if email is not None and form.validate_on_submit():
        _ask_for(email)
        return redirect(url_for(".customer_code"), 303)
    address = email_addresses.shown(email) if email else None
    page = render_template("auth/customer_again.html", form=form, address=address, site=site_buttons.label())
    return page, 422 if form.errors else 200


@bp.route("/account/<merchant_slug>/login/code", methods=["GET", "POST"])
def customer_code() -> ResponseReturnValue:
    """Ask for the code of the mail, in the browser that asked for it."""
    browser = login_codes.browser()
    if not browser:
        return redirect(url_for(".customer_login"), 303)
    form = CodeForm()
    if form.validate_on_submit():
        entry = logins.enter_by_code(
            identity.context(),
            g.merchant.id,
            browser,
            form.code.data,
            visitor=identity.visitor(Kind.CUSTOMER),
            now=utc_now(),
        )
        if entry is not None:
            return welcome(entry)
        form.code.errors = [_("This code is wrong or has expired. Use the latest email, or ask for another code.")]
    status = 422 if form.errors else 200
    standing = logins.standing(identity.context(), g.merchant.id, browser, now=utc_now())
    takes_codes = standing is not None and standing.takes_codes
    page = render_template(
        "auth/customer_code.html",
        form=form if takes_codes else None,  # a field that opens nothing is not shown
        asked_for=session.get(login_codes.ASKED_FOR, ""),
        by_number=session.get(login_codes.BY_NUMBER, False),
        standing=standing,
    )
    return page, status


@bp.route("/account/<merchant_slug>/login/link/<token>", methods=["GET", "POST"])
def customer_link(token: str) -> ResponseReturnValue:
    """Show a button; only pressing it logs in, once, in the browser that asked."""
    ctx, browser, now = identity.context(), login_codes.browser(), utc_now()
    form = EmptyForm()
    if form.validate_on_submit():
        visitor = identity.visitor(Kind.CUSTOMER)
        entry = logins.enter_by_link(ctx, g.merchant.id, token, browser, visitor=visitor, now=now)
        if entry is not None:
            return welcome(entry)
    opens = logins.can_open_link(ctx, g.merchant.id, token, browser, now=now)
    if opens is None:
        return render_template("auth/link_over.html", again=url_for(".customer_login")), 410
    if not opens:
        return render_template("auth/customer_link_elsewhere.html"), 409 if request.method == "POST" else 200
    return render_template("auth/customer_link.html", form=form), 422 if form.errors else 200


@bp.post("/account/<merchant_slug>/logout")
def customer_logout() -> ResponseReturnValue:
    """End this browser's session."""
    viewed = g.person.id if g.person is not None and g.person.viewer_id is not None else None
    is_task = g.person is not None and g.person.task is not None
    by_site = g.person is not None and g.person.site_proof is not None
    there = url_for(".customer_login", left_site=1 if by_site else None)
    if viewed is not None:
        there = url_for("admin.customer", customer_id=viewed)
    response = identity.log_out(redirect(there, 303), Kind.CUSTOMER)
    if viewed is None:
        flash(_("You have left the page.") if is_task else _("You are logged out."), "success")
    return response


def _ask_for(email: str) -> None:
    """Have a code sent to an address, for this browser and the page that is wanted. Raises TooManyTries."""
    login_codes.ask(email, next_path=wanted(request.args.get("next")), typed=email.strip())


def _left() -> str:
    """Return where to log out of the merchant's site, for whoever has just left a session that it opened."""
    return site_buttons.log_out_there() if g.person is None and "left_site" in request.args else ""


def _home() -> str:
    return url_for("customer.subscriptions")


def wanted(wish: str | None) -> str:
    """Return the page of the account that was asked for before the log-in, else its first."""
    return addresses.safe_path(wish, under=f"/account/{g.merchant.slug}/") or _home()


def welcome(entry: Entry) -> Response:
    """Give the browser its session, and lead to where the customer was going."""
    there = wanted(entry.next_path)
    there = url_for("customer.accounts", next=there) if entry.has_choice else there
    return identity.log_in(redirect(there, 303), Kind.CUSTOMER, entry.token)
