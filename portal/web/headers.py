"""What every answer carries: a strict policy for the browser, a request id, one line in the access log."""

from __future__ import annotations

import base64
import hashlib
import re
import time
import uuid
from functools import cache
from pathlib import Path
from typing import Any, Final

import structlog
from flask import Flask, Response, current_app, g, request

from config import Config
from portal import logs, metrics
from portal.domain.merchants.own_hosts import HTTPS_ALONE, HTTPS_ALONE_FOR_NOW
from portal.web import logos, stylesheets

log = structlog.get_logger("portal.web")

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
NOWHERE: Final = "frame-ancestors 'none'; base-uri 'none'"
ALWAYS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
WITHOUT_REFERRER: Final = frozenset(
    {
        "auth.customer_address",
        "auth.customer_code",
        "auth.customer_help",
        "auth.customer_helped",
        "auth.customer_link",
        "auth.customer_login",
        "auth.customer_number",
        "auth.customer_site",
        "auth.customer_site_back",
        "auth.customer_task",
        "auth.customer_task_again",
        "auth.portal_session",
        "declarations.answer",
        "declarations.declared",
        "auth.staff_invitation",
        "auth.staff_invitation_factor",
        "auth.staff_password_link",
        "auth.staff_unlock_link",
    }
)
# The same for everybody: kept by browsers, and no line in the log.
FILES: Final = frozenset({"static", "stylesheet", "logo"})
FOR_EVER: Final = "public, max-age=31536000, immutable"
TOKEN: Final = re.compile(r"(?<=/login/link/)[^/]+|[A-Za-z0-9_-]{40,}")  # a UUID has 36 characters
PLAIN: Final = re.compile(r"[A-Za-z0-9._~…-]*")  # of an address: what a route of ours is made of
IDS: Final = (uuid.UUID, int)
PROXY_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")


def install(app: Flask, config: Config) -> None:
    """Set the headers, the request id and the access log of every answer."""

    def begin() -> None:
        given = request.headers.get("X-Request-Id", "") if config.trusted_proxies else ""
        g.request_id = given if PROXY_ID.fullmatch(given) else uuid.uuid4().hex
        g.started = time.perf_counter()
        logs.begin(request_id=g.request_id)

    def finish(response: Response) -> Response:
        response.headers.update(ALWAYS)
        if leads_to := g.get("leads_to"):  # a form that ends on a page of the merchant's site, and on no other
            own = "form-action 'self'"
            response.headers["Content-Security-Policy"] = POLICY.replace(own, f"{own} https://{leads_to}")
        if style := g.get("shown_mail"):
            response.headers["Content-Security-Policy"] = mail_policy(style)
        if request.endpoint == "logo" and response.mimetype == "image/png":
            response.headers["Content-Security-Policy"] = logos.POLICY
        if config.is_https and (g.get("is_our_host") or g.get("is_own_host")):  # no foreign name is bound to anything
            response.headers["Strict-Transport-Security"] = HTTPS_ALONE if g.is_our_host else HTTPS_ALONE_FOR_NOW
        without = request.endpoint in WITHOUT_REFERRER
        response.headers["Referrer-Policy"] = "no-referrer" if without else "same-origin"
        response.headers["X-Request-Id"] = g.get("request_id", "")
        response.headers["Cache-Control"] = _caching(response)
        _log(response)
        return response

    app.before_request(begin)
    app.after_request(finish)
    app.url_defaults(_version)
    app.context_processor(lambda: {"request_id": g.get("request_id")})


def mail_policy(style: str) -> str:
    """Return what a mail that is shown by itself may do: wear its one style sheet, known by its hash."""
    known = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{known}'; form-action 'none'; {NOWHERE}; sandbox"


def shown_path() -> str:
    """Return the path for the log, without what is long enough to be a secret of a mailed link, or was typed."""
    return "/".join(part if PLAIN.fullmatch(part) else "…" for part in TOKEN.sub("…", request.path).split("/"))


def _caching(response: Response) -> str:
    if request.endpoint == "public.signing_keys":
        return "public, max-age=300"  # far shorter than a key is listed before it signs
    if request.endpoint not in FILES or response.status_code not in (200, 206, 304):
        return "no-store"
    if request.endpoint == "logo":
        return FOR_EVER if response.mimetype == "image/png" else "no-store"
    version = request.args.get("v")
    if request.endpoint == "stylesheet":
        face = (request.view_args or {}).get("face", "")
        versioned = stylesheets.is_current(face, request.args.get("accent", ""), version)
    else:
        versioned = version == _digest(_static_file(request.path.removeprefix("/static/")))
    return FOR_EVER if versioned else "no-cache"


def _version(endpoint: str, values: dict[str, Any]) -> None:
    """Add a version to addresses of static files, so that they may be cached for long."""
    if endpoint == "static" and "filename" in values:
        digest = _digest(_static_file(values["filename"]))
        if digest:
            values.setdefault("v", digest)


def _static_file(name: str) -> Path:
    return Path(current_app.static_folder or "") / name


def _digest(file: Path) -> str | None:
    try:
        changed = file.stat().st_mtime_ns
    except OSError:
        return None
    return _content_digest(file, changed)


@cache
def _content_digest(file: Path, _changed: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def _log(response: Response) -> None:
    """Count the answer, and write its one line: the rule of its route and the ids in its address, nothing typed."""
    spent = time.perf_counter() - g.get("started", time.perf_counter())
    route = request.url_rule.rule if request.url_rule is not None else None
    metrics.request(request.method, route, response.status_code, spent)
    if request.endpoint in FILES:
        return
    person = g.get("person")
    ids = {name: str(value) for name, value in (request.view_args or {}).items() if isinstance(value, IDS)}
    who = {"person_id": str(person.id)} if person else {}
    whose = {"merchant_id": str(g.merchant.id)} if g.get("merchant") else {}
    about = {"method": request.method, "route": route, "status": response.status_code, "ms": round(spent * 1000, 1)}
    log.info("request", **ids | about | who | whose | logs.jobs_put())
