"""The API: an application of its own under `/v1`, beside the pages, without cookies, sessions or forms.

What comes in is checked by schemas, and what goes out is made by `services/resources`, the same for every way out.
The description (`/v1/openapi.json`) is made from the same schemas; tests hold both ways of it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from apiflask import APIFlask
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from config import ROOT, Config
from portal.domain.merchants.own_hosts import OurHost
from portal.services.access_tokens import Signer
from portal.services.context import Context

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PREFIX: Final = "/v1"
MOST_BYTES: Final = 256 * 1024  # of a body: a batch of 500 is some 80 kB
NOUNS: Final = (
    *("access", "access_tokens", "customers", "end_requests", "events", "grants", "keys"),
    *("payments", "portal_sessions", "products", "subscriptions", "webhook_endpoints"),
)


def make_api(config: Config, context: Context) -> APIFlask:
    """Build the application; raise RuntimeError for a route that the table of scopes does not name."""
    from portal.api import bodies, calls, description, problems, routes, scopes, short_way

    api = APIFlask(
        "portal.api",
        title="Portal API",
        version="1.0.0",
        docs_path=None,
        spec_path=None,
        static_folder=None,  # type: ignore[arg-type]
        template_folder=str(ROOT / "templates"),
    )
    api.extensions["portal"] = context
    api.extensions["portal_config"] = config
    api.extensions["portal_signer"] = Signer()
    api.config.update(MAX_CONTENT_LENGTH=MOST_BYTES, MAX_FORM_MEMORY_SIZE=0)
    api.url_map.strict_slashes = True
    api.json = bodies.StrictJson(api)
    problems.install(api)
    calls.install(api)
    routes.install(api)
    for noun in NOUNS:
        api.register_blueprint(importlib.import_module(f"portal.api.{noun}").bp)
    description.install(api, config)
    scopes.check_table(api)
    api.wsgi_app = short_way.ShortWay(api, api.wsgi_app)  # type: ignore[method-assign,assignment]
    if config.trusted_proxies:
        api.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            api.wsgi_app, x_for=config.trusted_proxies, x_proto=config.trusted_proxies, x_host=0
        )
    return api


def mount(app: Flask, config: Config) -> None:
    """Answer what begins with `/v1` by the API, and everything else by the pages, as before.

    At the installation's own host alone: anywhere else `/v1` is a page that is not there, of merchants' hosts too.
    """
    api = make_api(config, app.extensions["portal"])
    app.extensions["portal_api"] = api
    pages, ours = app.wsgi_app, OurHost(config.base_url, config.is_pretend)
    mounted = DispatcherMiddleware(pages, {PREFIX: api.wsgi_app})

    def by_host(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = mounted if ours.is_it(environ.get("HTTP_HOST", "")) else pages
        return answer(environ, start_response)

    app.wsgi_app = by_host  # type: ignore[method-assign]
