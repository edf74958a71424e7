"""What the demo's small sites share: one layout, two languages, a policy for each answer, one server."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from flask import Flask, Response, request
from flask_babel import Babel
from flask_babel.speaklater import LazyString
from werkzeug.serving import WSGIRequestHandler

HOST: Final = "127.0.0.1"
LANGUAGES: Final = ("fr", "en")
TRANSLATIONS: Final = Path(__file__).resolve().parents[1] / "translations"
POLICY: Final = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"


class QuietHandler(WSGIRequestHandler):
    """No line per request: the log keeps what matters."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def make_site(banner: LazyString, *, policy: str = POLICY) -> Flask:
    """Return a site without routes. `banner` is what each of its pages says first: that nothing here is real."""
    app = Flask(__name__, template_folder="templates", static_folder="static")
    Babel(app, default_translation_directories=str(TRANSLATIONS), locale_selector=language)
    app.jinja_env.globals.update(language=language, banner=banner)

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return app


def language() -> str:
    """Return the language that the visitor asks for."""
    asked = request.args.get("lang")
    return asked if asked in LANGUAGES else request.accept_languages.best_match(LANGUAGES, "fr") or "fr"
