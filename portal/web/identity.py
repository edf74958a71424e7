"""Who is asking: two cookies, one a face, each only a random token whose hash is a session's row.

`g.merchant` (MerchantFacts or None), `g.person` (Person or None), `g.broken_keys` and `g.stopped_endpoints` are set
before every view, with one SQL statement at most; Flask-Login's `current_user` is the same person.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from flask import Flask, Request, abort, current_app, g, request, session
from flask_babel import gettext as _
from flask_login import LoginManager
from sqlalchemy.exc import NoResultFound
from werkzeug.wrappers import Response

from config import Config
from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel
from portal.domain.integrations.networks import network_of
from portal.domain.merchants import own_hosts
from portal.domain.policies import Actor
from portal.queries.merchants.paypal_accounts import Provider
from portal.queries.people import account_visits, people
from portal.queries.people.people import Kind, Person
from portal.secrets import new_token, token_hash
from portal.services.context import Context
from portal.services.people import sessions, staff_devices
from portal.services.people.sessions import Visitor
from portal.web import access, drafts, formatting, locale, standings, task_scope

BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),  # what names itself so on an iPhone names Safari, too
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
KEPT_AT_LOG_IN: Final = ("language", "draft")


def install(app: Flask) -> None:
    """Find the merchant and the person before every request; give templates what they need of them."""
    login_manager = LoginManager()
    login_manager.session_protection = None
    login_manager.request_loader(_loaded)
    login_manager.init_app(app, add_context_processor=True)

    app.url_value_preprocessor(_take_slug)
    app.url_defaults(_give_slug)
    app.before_request(_load)
    app.context_processor(_for_templates)
    idle = sessions.IDLE[Kind.CUSTOMER] - sessions.TOUCH_EVERY  # a page of a moment before may not have been noted
    app.jinja_env.globals["session_idle"] = int(idle.total_seconds())


def context() -> Context:
    """Return what the use cases need."""
    found: Context = current_app.extensions["portal"]
    return found


def customers_address(path: str) -> str:
    """Return the full address of a path as the customers of the desk's merchant know it."""
    return own_hosts.address(context().base_url, g.merchant.own_host, path)


def person() -> Person:
    """Return who is logged in; the guard has made sure that somebody is."""
    found: Person = g.person
    return found


def by() -> By:
    """Return who acts at the desk, for the audit chain, and by name for what is shown."""
    who = person()
    return By(actor=Actor.STAFF, actor_id=who.id, channel=Channel.STAFF, name=who.name)


def visitor(kind: Kind) -> Visitor:
    """Return the browser as far as it is kept: « Firefox · Linux », a shortened network, its former session."""
    return Visitor(
        browser=_shortened(request.user_agent.string),
        network=network(),
        old_token=request.cookies.get(cookie_name(kind)),
        language=locale.chosen(),
        wish=locale.of_browser(),
        device=_device() if kind is Kind.STAFF else "",
    )


def network() -> str:
    """Return the visitor's network."""
    return network_of(request.remote_addr)


def cookie_name(kind: Kind) -> str:
    """Return the name of a face's cookie: `__Host-` wherever visitors come by https."""
    return cookie_called(kind.value)


def cookie_called(name: str) -> str:
    """Return the name of a cookie of ours: `__Host-` wherever visitors come by https."""
    return f"{'__Host-' if _config().is_https else ''}portal_{name}"


def log_in(response: Response, kind: Kind, token: str) -> Response:
    """Give the browser the token of a new session; everything of the old one is forgotten but language and draft."""
    _renew(keep=KEPT_AT_LOG_IN)
    give_token(response, kind, token)
    if kind is Kind.STAFF:
        set_cookie(response, _device_cookie(), _device(), staff_devices.KEPT)
    return response


def give_token(response: Response, kind: Kind, token: str) -> Response:
    """Give the browser the token of a face's session; the other face stays as it is."""
    set_cookie(response, cookie_name(kind), token, sessions.ABSOLUTE[kind])
    return response


def set_cookie(response: Response, name: str, value: str, max_age: timedelta) -> None:
    """Give the browser a cookie that no script reads and no other site sends along."""
    secure = _config().is_https
    response.set_cookie(name, value, max_age=max_age, secure=secure, httponly=True, samesite="Lax", path="/")


def drop_cookie(response: Response, name: str) -> None:
    """Take a cookie of ours away."""
    response.delete_cookie(name, path="/", secure=_config().is_https, httponly=True, samesite="Lax")


def _device() -> str:
    """Return the token by which the desk knows this browser again: it opens nothing (services.staff_devices)."""
    if "device" not in g:
        g.device = request.cookies.get(_device_cookie()) or new_token()
    return str(g.device)


def _device_cookie() -> str:
    return cookie_called("device")


def log_out(response: Response, kind: Kind) -> Response:
    """End the browser's session at its row, and take cookie, form token and draft away.

    Whose browser it was is remembered, as where a session ran out: what another tab of theirs still sends is kept for
    their next log-in, and for nobody else's.
    """
    if g.person is not None:
        sessions.end(context(), g.person, g.person.session_id, now=utc_now())
    _renew(keep=("language", drafts.OWNERS))
    drop_cookie(response, cookie_name(kind))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _renew(*, keep: tuple[str, ...]) -> None:
    kept = {key: session[key] for key in keep if key in session}
    session.clear()  # the form token too: what was prepared before does not act after
    session.update(kept)
    g.pop("csrf_token", None)


def _config() -> Config:
    found: Config = current_app.extensions["portal_config"]
    return found


def _take_slug(_endpoint: str | None, values: dict[str, object] | None) -> None:
    g.merchant_slug = values.pop("merchant_slug", None) if values else None


def _give_slug(endpoint: str, values: dict[str, object]) -> None:
    slug = g.get("merchant_slug")
    if slug and "merchant_slug" not in values and current_app.url_map.is_endpoint_expecting(endpoint, "merchant_slug"):
        values["merchant_slug"] = slug


def _load() -> None:
    g.merchant = g.person = None
    g.broken_keys, g.stopped_endpoints = {}, 0
    is_of_desk = access.is_of_desk(request.endpoint)
    if request.endpoint is None:  # nothing stands here: the error page has the menu of the face it was looked for on
        match request.path.split("/"):
            case ["", "admin", *_]:
                is_of_desk = True
            case ["", "account", slug, _, *_]:
                g.merchant_slug = slug
    if g.merchant_slug:
        _load_account(g.merchant_slug)
        if request.endpoint is None and g.person is None:  # to a stranger it looks like a merchant who is not there
            g.merchant = g.merchant_slug = None
    elif is_of_desk:
        _load_desk()
    if g.person is not None:
        sessions.touch(context(), g.person, now=utc_now())
        drafts.know(g.person)


def _load_account(slug: str) -> None:
    if "\0" in slug:  # PostgreSQL knows no such text
        abort(404)
    now = utc_now()
    token = request.cookies.get(cookie_name(Kind.CUSTOMER), "")
    with context().db.once() as database:
        try:
            visit = account_visits.at_account(
                database, slug, token_hash(token), now=now, seen_after=now - sessions.IDLE[Kind.CUSTOMER]
            )
        except NoResultFound:
            abort(404)
    g.merchant, g.person = visit.merchant, visit.person


def _load_desk() -> None:
    now = utc_now()
    token = request.cookies.get(cookie_name(Kind.STAFF))
    if not token:
        return
    with context().db.once() as database:
        visit = people.at_desk(database, token_hash(token), now=now, seen_after=now - sessions.IDLE[Kind.STAFF])
    if visit is not None:
        g.merchant, g.person, g.broken_keys = visit.merchant, visit.person, visit.broken_keys
        g.stopped_endpoints = visit.stopped_endpoints


def _loaded(_request: Request) -> Person | None:
    found: Person | None = g.get("person")  # never from here to the database: error pages ask too
    return found


def _for_templates() -> dict[str, object]:
    alerts = [_key_alert(provider, since) for provider, since in g.get("broken_keys", {}).items()]
    is_of_desk = access.is_of_desk(request.endpoint) or request.path.startswith("/admin/")
    return {
        "merchant": g.get("merchant"),
        "key_alerts": alerts,
        "stopped_endpoints": g.get("stopped_endpoints", 0),
        "merchant_notice": standings.at_desk() if is_of_desk else None,
        "leaving_line": "" if is_of_desk else standings.for_customers(),
        "return_address": "" if is_of_desk else task_scope.return_address(),
    }


def _key_alert(provider: Provider, since: datetime) -> dict[str, str]:
    """Return what every page of the desk says while a key is broken, and where it is mended."""
    date = formatting.formatter().short(since)
    if provider is Provider.PAYPAL_CLASSIC:
        return {
            "title": _("PayPal no longer accepts your classic key"),
            "text": _(
                "Since %(date)s, cancellations of subscriptions sold by classic buttons are recorded and wait for a "
                "key that works.",
                date=date,
            ),
            "endpoint": "admin.paypal_classic",
        }
    return {
        "title": _("PayPal no longer accepts your key"),
        "text": _("Since %(date)s, cancellations are recorded and wait for a key that works.", date=date),
        "endpoint": "admin.paypal_rest",
    }


def _shortened(agent: str) -> str:
    found = (next((name for mark, name in table if mark in agent), "") for table in (BROWSERS, SYSTEMS))
    return " · ".join(filter(None, found))
