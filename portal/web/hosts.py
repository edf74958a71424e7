"""Under which names and from which proxies the portal is reached: no page is built for a Host that is not its own."""

from __future__ import annotations

import re
from datetime import date
from typing import Final
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, abort, g, request
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException

from config import Config
from portal.clock import utc_now

log = structlog.get_logger("portal.web")

# A balancer, or a scraper, asks by an address of its own, and is told no address.
OPEN: Final = frozenset({"public.healthz", "public.livez", "public.readyz", "public.metrics"})
LOCAL: Final = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?")
DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


def install(app: Flask, config: Config) -> None:
    """Refuse a foreign Host before anything is read or built; say when a proxy stands in front that nobody named."""
    parts = urlsplit(config.base_url)
    default = DEFAULT_PORTS[parts.scheme]
    ours = parts.netloc.lower().removesuffix(default)

    def check() -> Response | None:
        host = request.host.lower().removesuffix(default)
        local = config.is_pretend and LOCAL.fullmatch(host)  # the demo, through a tunnel
        if host != ours and not local and request.endpoint not in OPEN:
            log.warning("host_refused", expected=ours)
            if not _is_readable(app):
                return Response("400 Bad Request\n", 400, mimetype="text/plain")
            abort(400)
        return None

    app.before_request(check)
    if not config.trusted_proxies:
        app.extensions["portal_proxy_noted"] = None
        app.before_request(lambda: _note_proxy(app))
        app.context_processor(_for_desk)


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
