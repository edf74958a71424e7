"""The Studio's own website in the demo: an OpenID provider of a few lines, where anybody may be anybody.

It is strict where a provider has to be (RFC 6749, RFC 7636, OpenID Connect Core): it leads back to the address that
was registered alone, and gives a token for a code once, to its client, for the right verifier.  Nothing outlives it.
"""

from __future__ import annotations

import argparse
import json
import secrets
import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from flask import Flask, Response, abort, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from joserfc import jws
from joserfc.jwk import ECKey
from werkzeug.serving import make_server

from portal.demo import pages
from portal.demo.pages import HOST, QuietHandler

CLIENT: Final = ("demo-portal", "demo-website-secret-5e1d")
PEOPLE: Final = ("emma@example.com", "kenji@example.com", "oliver@example.com", "somebody.else@example.com")
COOKIE: Final = "demo_website"
GOOD_FOR: Final = 60.0  # seconds of a code
POLICY: Final = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"  # forms lead away here


class Website:
    """What the site keeps: its key, who is logged in where, and the codes that it gave out."""

    def __init__(self, portal: str) -> None:
        self.portal = portal
        self.key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
        self.sessions: dict[str, tuple[str, float]] = {}  # cookie → who, since when
        self.codes: dict[str, dict[str, Any]] = {}

    @property
    def redirect_uri(self) -> str:
        """Return the one address that it leads back to."""
        return f"{self.portal}/account/studio/login/site/back"

    def check(self, asked: dict[str, str]) -> None:
        """Refuse a request that it may not answer by leading back."""
        known = (asked.get("client_id"), asked.get("redirect_uri")) == (CLIENT[0], self.redirect_uri)
        if not known or asked.get("response_type") != "code" or asked.get("code_challenge_method") != "S256":
            abort(400)

    def back(self, asked: dict[str, str], **said: str) -> Response:
        """Lead back with an answer."""
        answer = urlencode({**said, "state": asked.get("state", "")})
        return make_response(redirect(f"{self.redirect_uri}?{answer}", 303))

    def give_code(self, asked: dict[str, str], who: str, since: float) -> Response:
        """Lead back with a code for that person."""
        code = secrets.token_urlsafe(24)
        self.codes[code] = {"asked": asked, "who": who, "since": since, "until": time.time() + GOOD_FOR}
        return self.back(asked, code=code)

    def token(self, sent: dict[str, str], issuer: str) -> str | None:
        """Return the id token for a code, once; None for what is no code of this client."""
        found = self.codes.pop(sent.get("code", ""), None)
        proof = create_s256_code_challenge(sent.get("code_verifier", ""))
        if found is None or found["until"] < time.time() or found["asked"].get("code_challenge") != proof:
            return None
        now = int(time.time())
        claims = {
            "iss": issuer,
            "aud": CLIENT[0],
            "sub": found["who"],
            "email": found["who"],
            "email_verified": True,
            "iat": now,
            "exp": now + 300,
            "auth_time": int(found["since"]),
            "nonce": found["asked"].get("nonce"),
        }
        return jws.serialize_compact({"alg": "ES256", "kid": self.key.kid}, json.dumps(claims), self.key)


def make_app(site: Website) -> Flask:
    """Return the site's pages, and what a provider has to answer."""
    app = pages.make_site(_l("This website is simulated: anybody can be anybody here."), policy=POLICY)

    @app.get("/")
    def index() -> ResponseReturnValue:
        return render_template("website/home.html", who=_who(site), portal=site.portal)

    @app.get("/.well-known/openid-configuration")
    def document() -> ResponseReturnValue:
        return jsonify(
            issuer=_issuer(),
            authorization_endpoint=url_for("authorize", _external=True),
            token_endpoint=url_for("token", _external=True),
            jwks_uri=url_for("keys", _external=True),
            end_session_endpoint=url_for("leave", _external=True),
            response_types_supported=["code"],
            subject_types_supported=["public"],
            id_token_signing_alg_values_supported=["ES256"],
            token_endpoint_auth_methods_supported=["client_secret_basic", "client_secret_post"],
        )

    @app.get("/keys")
    def keys() -> ResponseReturnValue:
        return jsonify(keys=[site.key.as_dict(private=False)])

    @app.route("/authorize", methods=["GET", "POST"])
    def authorize() -> ResponseReturnValue:
        asked = request.args.to_dict()
        site.check(asked)
        known = site.sessions.get(request.cookies.get(COOKIE, ""))
        if request.method == "GET" and known is not None and asked.get("prompt") != "login":
            return site.give_code(asked, *known)
        if request.method == "GET":
            return render_template("website/log_in.html", people=PEOPLE)
        if "decline" in request.form:
            return site.back(asked, error="access_denied")
        return _log_in(site, asked, request.form.get("who", ""))

    @app.post("/token")
    def token() -> ResponseReturnValue:
        sent = request.form.to_dict()
        basic = request.authorization
        named = (basic.username, basic.password) if basic else (sent.get("client_id"), sent.get("client_secret"))
        if named != CLIENT:
            return jsonify(error="invalid_client"), 401
        made = site.token(sent, _issuer())
        if made is None:
            return jsonify(error="invalid_grant"), 400
        return jsonify(access_token=secrets.token_urlsafe(24), token_type="Bearer", id_token=made)  # noqa: S106 - a word

    @app.get("/leave")
    def leave() -> ResponseReturnValue:
        site.sessions.pop(request.cookies.get(COOKIE, ""), None)
        asked = request.args.get("post_logout_redirect_uri", "")
        back = asked if asked == f"{site.portal}/account/studio/login" else ""
        return render_template("website/left.html", back=back)

    return app


def _log_in(site: Website, asked: dict[str, str], who: str) -> Response:
    if who not in PEOPLE:
        abort(422)
    cookie, since = secrets.token_urlsafe(24), time.time()
    site.sessions[cookie] = (who, since)
    away = site.give_code(asked, who, since)
    away.set_cookie(COOKIE, cookie, httponly=True, samesite="Lax")
    return away


def _who(site: Website) -> str:
    return site.sessions.get(request.cookies.get(COOKIE, ""), ("", 0.0))[0]


def _issuer() -> str:
    return request.host_url.rstrip("/")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the website until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m portal.demo.website", description=__doc__)
    parser.add_argument("--port", type=int, default=8040)
    parser.add_argument("--portal", default="http://127.0.0.1:8000")
    options = parser.parse_args(arguments)
    app = make_app(Website(options.portal))
    print(f"The Studio's website: http://{HOST}:{options.port}", flush=True)
    make_server(HOST, options.port, app, threaded=True, request_handler=QuietHandler).serve_forever()


if __name__ == "__main__":
    main()
