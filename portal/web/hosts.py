"""Under which names and from which proxies the portal is reached: no page is built for a Host that is not its own.

A merchant's own host has its customers' pages and nothing else; while it is active they are there alone
(docs/decisions/0050).
"""

from __future__ import annotations

from datetime import date
from typing import Final

import structlog
from flask import Flask, Response, abort, g, redirect, request
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException

from config import Config
from portal.clock import utc_now
from portal.domain.merchants.own_hosts import OurHost
from portal.queries.merchants import own_hosts
from portal.web import identity
from portal.web.addresses import this_page

log = structlog.get_logger("portal.web")

# Asked by an address of its own, by a balancer, a scraper, what stands in front, or before the host is a merchant's.
WATCHED: Final = frozenset({"public.healthz", "public.livez", "public.readyz", "public.metrics"})
OPEN: Final = WATCHED | {"public.host_sign", "public.host_asked"}
FILES: Final = frozenset({"static", "stylesheet", "logo"})  # of pages on either side
# Pages of customers that do not name their merchant.
SHARED: Final = FILES | {
    "public.language",
    "public.accessibility",
    "public.accessibility_fr",
    "declarations.declared",
    "declarations.declared_file",
    "declarations.answer",
}


def install(app: Flask, config: Config) -> None:
    """Refuse a foreign Host before anything is read or built; say when a proxy stands in front that nobody named."""
    ours = OurHost(config.base_url, config.is_pretend)

    def check() -> Response | None:
        g.is_our_host, g.is_own_host = ours.is_it(request.host), False
        if g.is_our_host or request.endpoint in OPEN:
            return None
        found = _visited(ours.told(request.host))
        return _at_own_host(config, *found) if found is not None else _refused(app, ours.name)

    app.before_request(check)
    if not config.trusted_proxies:
        app.extensions["portal_proxy_noted"] = None
        app.before_request(lambda: _note_proxy(app))
        app.context_processor(_for_desk)


def _refused(app: Flask, ours: str) -> Response:
    log.warning("host_refused", expected=ours)
    if _is_readable(app):
        abort(400)
    return Response("400 Bad Request\n", 400, mimetype="text/plain")


def install_leading(app: Flask, config: Config) -> None:
    """Lead whoever opens a customers' page at the installation's address to its merchant's own host."""

    def lead() -> Response | None:
        merchant = g.merchant if g.merchant_slug else None
        if merchant is None or merchant.own_host is None or g.is_own_host or request.endpoint in FILES:
            return None
        return _led(f"https://{merchant.own_host}") if _only_looks() else None

    app.before_request(lead)


def _visited(host: str) -> tuple[str, bool] | None:
    if not own_hosts.MAYBE.fullmatch(host):
        return None
    with identity.context().db.read() as session:
        found = own_hosts.visited(session, host, now=utc_now())
    return (found.slug, bool(found.is_active)) if found is not None else None


def _at_own_host(config: Config, slug: str, is_active: bool) -> Response | None:
    """Show a merchant's pages alone; what was sent from a page that was still open there is taken in any case."""
    g.is_own_host = True
    if not is_active and _only_looks():
        return _led(config.base_url)
    if request.path == "/":
        return _led("", f"/account/{slug}/")
    named = g.merchant_slug
    if request.endpoint is not None and named != slug and (named is not None or request.endpoint not in SHARED):
        abort(404)
    return None


def _only_looks() -> bool:
    return request.method in ("GET", "HEAD")


def _led(address: str, path: str | None = None) -> Response:
    """Lead there, for now: a host may be given up, and no browser should remember it."""
    answer = redirect(address + (this_page() if path is None else path), 302)
    answer.headers["Cache-Control"] = "no-store"
    return answer  # type: ignore[return-value]


def _is_readable(app: Flask) -> bool:
    """Say whether addresses can be built under the Host that was sent, which a page of refusal does."""
    try:
        return app.create_url_adapter(request) is not None
    except HTTPException:
        return False


def _note_proxy(app: Flask) -> None:
    """Warn once a day and process when addresses arrive that are not trusted: all visitors then share one limit."""
    g.has_untrusted_proxy = "X-Forwarded-For" in request.headers
    if request.endpoint in OPEN:  # the date is the database's, and it may be away
        return
    today: date = utc_now().date()
    if g.has_untrusted_proxy and app.extensions["portal_proxy_noted"] != today:
        app.extensions["portal_proxy_noted"] = today
        log.warning("proxy_not_trusted", setting="PORTAL_TRUSTED_PROXIES", header="X-Forwarded-For")


def _for_desk() -> dict[str, object]:
    if not g.get("has_untrusted_proxy"):
        return {}
    alert = {
        "title": _("The portal cannot tell visitors apart"),
        "text": _(
            "Your request came through a proxy that the portal does not trust. If the proxy belongs to the "
            "portal, whoever runs it has to set PORTAL_TRUSTED_PROXIES: until then all visitors share the same "
            "limits."
        ),
    }
    return {"proxy_alert": alert}
