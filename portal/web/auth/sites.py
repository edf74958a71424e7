"""Log in with the merchant's own site: there by a link, back by the site, which alone can lead back by GET.

That way back is the one GET that opens a session: what acts is the round that this browser carries, once, for ten
minutes (docs/decisions/0036-log-in-with-the-site.md).
"""

from __future__ import annotations

from typing import Any, Final

import structlog
from flask import current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from portal.clock import utc_now
from portal.domain.integrations.site_logins import LASTS, SiteLoginRefused, Wrong
from portal.queries.people.people import Kind
from portal.services.people import site_logins
from portal.services.people.site_logins import Answer, Round
from portal.web import identity
from portal.web.auth import bp, site_words
from portal.web.auth.customers import wanted, welcome
from portal.web.signing import signer

log = structlog.get_logger("portal.site_logins")

COOKIE: Final = "site_round"
LONGEST: Final = 4000  # characters of a code or an error that a site may send


@bp.get("/account/<merchant_slug>/login/site")
def customer_site() -> ResponseReturnValue:
    """Lead to the merchant's site; with `again` it asks for its log-in anew. A foreign page sends nobody there."""
    there = wanted(request.args.get("next"))
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.headers.get("Sec-Fetch-User") != "?1":
        return redirect(url_for(".customer_login", next=there or None), 303)  # ASVS 7.6.2: nobody wanted a session
    try:
        url, begun = site_logins.begin(
            identity.context(),
            (g.merchant.id, g.merchant.slug),
            next_path=there,
            again="again" in request.args,
            now=utc_now(),
        )
    except SiteLoginRefused as refusal:
        return _refused(refusal, there)
    away: Response = redirect(url, 303)
    identity.set_cookie(away, identity.cookie_called(COOKIE), _signer().dumps(begun.facts), LASTS)
    return away


@bp.get("/account/<merchant_slug>/login/site/back")
def customer_site_back() -> ResponseReturnValue:
    """Log in whom the site has proven, in the browser that went there; else say why not, and show the way by a code."""
    begun = _carried()
    answer = Answer(**{name: request.args.get(sent, "")[:LONGEST] for name, sent in SENT.items()})
    try:
        if begun is None or begun.merchant_id != str(g.merchant.id):
            raise SiteLoginRefused(Wrong.STALE)
        visitor = identity.visitor(Kind.CUSTOMER)
        entry = site_logins.finish(identity.context(), g.merchant.slug, begun, answer, visitor=visitor, now=utc_now())
    except SiteLoginRefused as refusal:
        return _refused(refusal, begun.next_path if begun is not None else "")
    return _forget(welcome(entry))


SENT: Final = {"state": "state", "code": "code", "error": "error", "issuer": "iss"}


def _refused(refusal: SiteLoginRefused, next_path: str) -> ResponseReturnValue:
    log.info("site_login.refused", wrong=refusal.wrong, detail=refusal.detail, merchant_id=str(g.merchant.id))
    told = site_words.told(refusal.wrong, g.merchant.name)
    there = wanted(next_path)
    page = render_template(
        "auth/site_refused.html",
        told=told,
        by_code=url_for(".customer_login", next=there),
        again=url_for(".customer_site", next=there) if told.may_try_again else None,
    )
    return _forget(current_app.make_response((page, told.status)))


def _forget(response: Response) -> Response:
    identity.drop_cookie(response, identity.cookie_called(COOKIE))
    return response


def _carried() -> Round | None:
    """Return the round that this browser has begun; None for none, an old one, or one of an older release."""
    try:
        facts: dict[str, Any] = _signer().loads(
            request.cookies.get(identity.cookie_called(COOKIE), ""), max_age=int(LASTS.total_seconds())
        )
        return Round(**facts)
    except (BadData, TypeError):
        return None


def _signer() -> URLSafeTimedSerializer:
    return signer("site-round")
