"""/metrics, and who may see more than a status: who shows a token, or sits at this machine."""

from __future__ import annotations

from flask import Response, abort, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST

from config import Config
from portal.domain.merchants.scrapers import shows_token
from portal.services.metrics import Figures
from portal.web import identity

LOOPBACK = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})
PASSED_ON = ("X-Forwarded-For", "Forwarded", "Via", "X-Real-Ip")  # what proxies add: a visitor of theirs is not here


def answer() -> Response:
    """Tell the figures to who shows a token; without any in the settings there is no such page."""
    config = _config()
    if not config.metrics_tokens:
        abort(404)
    if not _shows_token(config):
        return Response(status=401, headers={"WWW-Authenticate": "Bearer"})
    return Response(_figures(config).exposition(), content_type=CONTENT_TYPE_LATEST)


def may_see_reasons() -> bool:
    """Say whether whoever asks is told why: by a token, or because nobody else can ask from here."""
    local = request.remote_addr in LOOPBACK and not any(name in request.headers for name in PASSED_ON)
    return local or _shows_token(_config())


def _shows_token(config: Config) -> bool:
    return shows_token(request.headers.get("Authorization", ""), config.metrics_tokens)


def _figures(config: Config) -> Figures:
    found: Figures | None = current_app.extensions.get("portal_figures")
    if found is None:
        found = current_app.extensions["portal_figures"] = Figures(identity.context(), config.data_folder)
    return found


def _config() -> Config:
    found: Config = current_app.extensions["portal_config"]
    return found
