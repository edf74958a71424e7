"""The web face: settings of Flask, what happens around every request, and the blueprints."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import flask_wtf.csrf
from flask import Flask
from jinja2 import StrictUndefined, Template
from jinja2.environment import TemplateModule
from jinja2.runtime import Context
from werkzeug.middleware.proxy_fix import ProxyFix

from config import Config

MOST_BYTES = 1024 * 1024  # of a request: the portal's own forms are far smaller


class _Template(Template):
    """Every template knows the same names: what another one imports of it is made once.

    Jinja compares the names of both at each import, which a page does some twenty times.
    """

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:
        return super()._get_default_module()


def install(app: Flask, config: Config) -> None:
    """Make a bare Flask application the portal; raise RuntimeError if a route is not in the table of access."""
    from portal.web import (
        access,
        accessibility,
        admin,
        auth,
        confirming,
        csrf,
        customer,
        declarations,
        errors,
        formatting,
        function_links,
        headers,
        hosts,
        identity,
        locale,
        logos,
        public,
        qr_codes,
        resending,
        stylesheets,
        webhooks,
    )

    _settings(app, config)
    headers.install(app, config)
    hosts.install(app, config)  # before anybody is looked for or anything shown
    locale.install(app)
    formatting.install(app)
    qr_codes.install(app)
    stylesheets.install(app)
    accessibility.install(app)
    function_links.install(app)
    app.jinja_env.globals["operator_legal_url"] = config.operator_legal_url
    logos.install(app)
    errors.install(app)
    csrf.install_first(app)
    identity.install(app)  # before access: the guard asks who it is
    hosts.install_leading(app, config)  # before anything is shown, or asked for, at an address that has another now
    access.install(app)
    csrf.install(app)  # after access: whoever is not logged in hears that first
    confirming.install(app)  # last: what it keeps of a form has come with a good token
    resending.install(app)  # last: what the guards write is not what was sent
    for package in (public, auth, customer, admin, webhooks, declarations):
        load(package)
        app.register_blueprint(package.bp)
    access.check_table(app)
    declarations.check_reserved(app)


def load(package: ModuleType) -> None:
    """Import every module of a blueprint's package, so that its routes exist."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


def _settings(app: Flask, config: Config) -> None:
    app.config.update(
        SECRET_KEY=config.secret_key,
        SECRET_KEY_FALLBACKS=list(config.former_secret_keys),
        WTF_CSRF_SECRET_KEY=list(config.signing_keys),
        SESSION_COOKIE_NAME="__Host-portal" if config.is_https else "portal",
        SESSION_COOKIE_SECURE=config.is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        MAX_CONTENT_LENGTH=MOST_BYTES,
        MAX_FORM_MEMORY_SIZE=MOST_BYTES,
        WTF_CSRF_TIME_LIMIT=None,  # law.md R-AC-8: a form does not run out while somebody reads
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.template_class = _Template
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(csrf_token=flask_wtf.csrf.generate_csrf, is_demo=config.is_pretend)
    if config.trusted_proxies:
        proxies = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=0)  # type: ignore[method-assign]
