"""A merchant's site as an OpenID provider on this machine: a real HTTP server, strict where a provider has to be.

`site.person` is who is logged in there; `site.lies` changes what it says, one answer at a time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import RSAKey

CLIENT, SECRET = "portal-at-the-site", "client-pass-81ab-of-the-site"


def _made() -> RSAKey:
    return RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True)


_first_key = cache(_made)  # of every site in turn: making one takes as long as a page


class Site:
    """What the site knows: its client, its keys, who is logged in, and the codes it gave out."""

    def __init__(self) -> None:
        self.key = _first_key()
        self.redirects: set[str] = set()
        self.person: dict[str, Any] = {"sub": "7", "email": "zoe@client.test", "email_verified": True}
        self.in_token = True  # else the person is told by the page of the person alone
        self.document: dict[str, Any] = {}  # takes the place of what the document says
        self.claims: dict[str, Any] = {}  # … and of what the token says; None: it says nothing of it
        self.sign: Callable[[dict[str, Any]], str] | None = None
        self.answers: dict[str, tuple[int, str, bytes]] = {}  # path → status, type and body in place of the true ones
        self.authenticated_at: float | None = None  # when the person logged in there
        self.asked: list[str] = []  # every path, in order
        self.codes: dict[str, dict[str, str]] = {}
        self.url = ""

    def rotate(self) -> None:
        """Sign by another key from now on."""
        self.key = _made()

    def authorize(self, url: str, **changed: str) -> str:
        """Do what the browser and the person do there; return the address that the site leads back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["client_id"] == CLIENT
        assert asked["redirect_uri"] in self.redirects, "the site knows this address not"
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        if asked.get("prompt") == "login":
            self.authenticated_at = time.time()
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], **changed})}"

    def discovery(self) -> dict[str, Any]:
        """Return the document."""
        names = {"authorization": "authorize", "token": "token", "userinfo": "userinfo", "end_session": "logout"}
        return {
            "issuer": self.url,
            **{f"{name}_endpoint": f"{self.url}/{path}" for name, path in names.items()},
            "jwks_uri": f"{self.url}/jwks",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256"],
            **self.document,
        }

    def exchange(self, sent: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Give a token for a code as RFC 6749 and 7636 want it: once, to the client that asked, by its verifier."""
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if authorization != f"Basic {basic}" and (sent.get("client_id"), sent.get("client_secret")) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(sent.get("code", ""), None)
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or asked["code_challenge"] != proof or asked["redirect_uri"] != sent.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        claims = self.token(asked["nonce"])
        return 200, {"access_token": "at-1", "token_type": "Bearer", "id_token": (self.sign or self.signed)(claims)}

    def token(self, nonce: str) -> dict[str, Any]:
        """Return the claims of a token."""
        now = int(time.time())
        said = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce, "sub": self.person["sub"]}
        if self.authenticated_at is not None:
            said["auth_time"] = int(self.authenticated_at)
        said |= self.person if self.in_token else {}
        return {name: value for name, value in {**said, **self.claims}.items() if value is not None}

    def signed(self, claims: dict[str, Any]) -> str:
        """Return the claims as the site signs them."""
        return jws.serialize_compact({"alg": "RS256", "kid": self.key.kid}, json.dumps(claims), self.key)

    def answer(self, method: str, path: str, sent: dict[str, str], authorization: str) -> tuple[int, str, bytes]:
        """Return status, type and body."""
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        status, found = 200, {}
        if path == "/.well-known/openid-configuration":
            found = self.discovery()
        elif path == "/jwks":
            found = {"keys": [self.key.as_dict(private=False)]}
        elif path == "/token" and method == "POST":
            status, found = self.exchange(sent, authorization)
        elif path == "/userinfo" and authorization == "Bearer at-1":
            found = self.person
        else:
            status = 404
        return status, "application/json", json.dumps(found).encode()


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    """Let the site answer on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, sent: dict[str, str]) -> None:
            authorization = self.headers.get("Authorization", "")
            status, kind, body = site.answer(self.command, urlsplit(self.path).path, sent, authorization)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if 300 <= status < 400:
                self.send_header("Location", body.decode())
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
