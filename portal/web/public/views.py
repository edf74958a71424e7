"""The front door, the accessibility statement, the switch of language, and the health check."""

from __future__ import annotations

from flask import Response, abort, current_app, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.clock import utc_now
from portal.domain.law.accessibility import conformity, is_over
from portal.domain.people import security_contacts
from portal.queries.people import merchants, people
from portal.services import access_tokens
from portal.version import VERSION
from portal.web import accessibility as audits
from portal.web import addresses, health, identity, locale, metrics
from portal.web.csrf import EmptyForm
from portal.web.public import bp


@bp.get("/")
def home() -> ResponseReturnValue:
    """Say what this is, or lead to the making of the first merchant; the demo also shows its merchants."""
    shown = []
    with identity.context().db.read() as session:
        if not merchants.is_there_one(session):
            return redirect(url_for(".setup"))
        if current_app.extensions["portal_config"].is_pretend:
            shown = people.merchants_shown(session)
    return render_template("public/home.html", merchants=shown)


@bp.get("/accessibility")
@bp.get("/<merchant_slug>/accessibility")
def accessibility() -> ResponseReturnValue:
    """The accessibility statement (law.md R-AC-11): what the audit found, and what to do where something fails."""
    audit, day = audits.audit(), utc_now().date()
    return render_template(
        "public/accessibility.html",
        audit=audit,
        state=conformity(audit, day).value,
        percent=audits.percent(audit),
        is_over=is_over(audit, day),
        is_of_this_release=audit.release == VERSION,
        sample=audits.sample(),
    )


@bp.post("/language")
def language() -> ResponseReturnValue:
    """Switch the language and come back to the same page."""
    if EmptyForm().validate_on_submit():
        locale.choose(request.form.get("language", ""))
    return redirect(addresses.safe_path(request.form.get("next")) or "/", 303)


@bp.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Tell a machine whether the portal is well."""
    return health.answer()


@bp.get("/livez")
def livez() -> ResponseReturnValue:
    """Tell a machine that this process answers: nothing else is asked, so that nobody ends it for what is elsewhere."""
    return jsonify(status="alive")


@bp.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Tell a balancer whether to send people here."""
    return health.ready()


@bp.get("/metrics", endpoint="metrics")
def figures() -> ResponseReturnValue:
    """Tell the operator's Prometheus what it counts."""
    return metrics.answer()


@bp.get("/.well-known/jwks.json")
def signing_keys() -> ResponseReturnValue:
    """List the keys that verify access tokens (RFC 7517)."""
    return jsonify(access_tokens.published(identity.context(), now=utc_now()))


@bp.get("/.well-known/security.txt")
def security_txt() -> ResponseReturnValue:
    """Say to whom a weakness is reported (RFC 9116); 404 where the operator has named nobody."""
    config = current_app.extensions["portal_config"]
    if not config.security_contact:
        abort(404)
    text = security_contacts.written(config.security_contact, base_url=config.base_url, now=utc_now())
    return Response(text, mimetype="text/plain")
