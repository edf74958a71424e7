"""The merchant's own site as an OpenID provider: its document, its keys, and the exchange of a code for claims.

What stands here is what the site says and who signed it; what it has to say is in `domain.site_logins`. Documents and
keys are kept for some minutes, a failure for half a minute; a key that is not among them makes them be read once more.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.client import OAuth2Client

from portal.domain.integrations.site_logins import ALGORITHMS, SiteLoginRefused, Wrong, is_loopback
from portal.domain.json_objects import without_doubles
from portal.providers import guarded
from portal.providers.guarded import Answered, Forbidden, NotReached, TooLarge

if TYPE_CHECKING:
    from joserfc.jwk import Key

log = structlog.get_logger("portal.openid")

KEPT: Final = 600.0  # seconds that a document or keys are good for
KEPT_FAILURE: Final = 30.0  # … and that nobody asks again after a failure
MOST_KEPT: Final = 1000  # of each
LONGEST_ADDRESS: Final = 1000
ADDRESS: Final = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[\x21-\x22\x24-\x7e]*)?")
# In which we say who asks: the first needs no encoding that two sides might do in two ways; the second is usual.
WAYS: Final = ("client_secret_post", "client_secret_basic")

Kept = TypeVar("Kept")


@dataclass(frozen=True, kw_only=True)
class Site:
    """What a site's document says, as far as it is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    end_session_endpoint: str
    algorithms: tuple[str, ...]
    way: str  # one of WAYS
    names_itself: bool  # in its answers (RFC 9207)


@dataclass(frozen=True, kw_only=True)
class Client:
    """Who we are at the site, for one log-in."""

    client_id: str
    secret: str
    redirect_uri: str


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What came for a code: the claims of a token whose signature holds, and the key to more of them."""

    claims: dict[str, Any]
    access: str


class _Memory:
    """What was read, or why it could not be, for some time."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def get(self, key: str, read: Callable[[], Kept], *, fresh: bool = False) -> Kept:
        with self._lock:
            until, found = self._found.get(key, (0.0, None))
        if fresh or until < time.monotonic():
            try:
                until, found = KEPT, read()
            except SiteLoginRefused as refusal:
                until, found = KEPT_FAILURE, refusal
            with self._lock:
                if len(self._found) >= MOST_KEPT:
                    self._found.clear()
                self._found[key] = time.monotonic() + until, found
        if isinstance(found, SiteLoginRefused):
            raise SiteLoginRefused(found.wrong, found.detail)
        kept: Kept = found
        return kept


class OpenIdSites:
    """Merchants' sites, asked over the guarded way; threads may share it. Every method raises SiteLoginRefused."""

    def __init__(self, *, allow_loopback: bool = False) -> None:
        self.allow_loopback = allow_loopback
        self._documents, self._keys = _Memory(), _Memory()

    def discover(self, issuer: str, *, fresh: bool = False) -> Site:
        """Read the site's document, or what is known of it; `fresh`: now."""
        return self._documents.get(issuer, lambda: self._discover(issuer), fresh=fresh)

    def check_keys(self, site: Site) -> None:
        """Read the site's keys now; refuse when none is of use."""
        self._read_keys(site.jwks_uri, fresh=True)

    def authorization_url(
        self, site: Site, client: Client, *, scope: str, state: str, nonce: str, verifier: str, again: bool
    ) -> str:
        """Return where the customer logs in; `again`: though they may be logged in there already."""
        more = {"prompt": "login", "max_age": "0"} if again else {}
        url, _state = OAuth2Client(
            None,
            client_id=client.client_id,
            redirect_uri=client.redirect_uri,
            scope=scope,
            code_challenge_method="S256",
        ).create_authorization_url(
            site.authorization_endpoint, state=state, code_verifier=verifier, nonce=nonce, **more
        )
        return str(url)

    def exchange(self, site: Site, client: Client, code: str, verifier: str) -> Tokens:
        """Give the code back for a token, and return its claims once its signature holds."""
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_uri,
            "code_verifier": verifier,
        }
        auth = _Says(ClientAuth(client.client_id, client.secret, site.way))
        answer = self._ask("POST", site.token_endpoint, data=sent, auth=auth)
        if answer.status in (400, 401, 403):
            told = _object(answer.body, or_nothing=True).get("error")
            refused = told == "invalid_client" or answer.status == 401
            raise SiteLoginRefused(Wrong.CLIENT_REFUSED if refused else Wrong.CODE_REFUSED)
        found = _object(_good(answer).body)
        token, access = found.get("id_token"), found.get("access_token")
        if not isinstance(token, str):
            raise SiteLoginRefused(Wrong.NO_TOKEN)
        return Tokens(claims=self._claims(site, token), access=access if isinstance(access, str) else "")

    def userinfo(self, site: Site, tokens: Tokens) -> dict[str, Any]:
        """Return what the site says of the person beside the token; nothing where it says none, or of another."""
        if not site.userinfo_endpoint or not tokens.access or not tokens.access.isascii():
            return {}
        headers = {"Authorization": f"Bearer {tokens.access}", "Accept": "application/json"}
        found = _object(_good(self._ask("GET", site.userinfo_endpoint, headers=headers)).body)
        return found if found.get("sub") == tokens.claims.get("sub") else {}

    def _discover(self, issuer: str) -> Site:
        answer = self._ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        found = _object(_good(answer).body)
        if found.get("issuer") != issuer:
            named = found.get("issuer")
            raise SiteLoginRefused(Wrong.OTHER_ISSUER, named[:200] if isinstance(named, str) else "")
        if "code" not in _texts(found, "response_types_supported", ("code",)):
            raise SiteLoginRefused(Wrong.NO_CODE_FLOW)
        signs = _texts(found, "id_token_signing_alg_values_supported", ("RS256",))
        algorithms = tuple(name for name in ALGORITHMS if name in signs)
        if not algorithms:
            raise SiteLoginRefused(Wrong.NO_ALGORITHM, ", ".join(signs)[:200])
        ways = _texts(found, "token_endpoint_auth_methods_supported", WAYS[1:])
        return Site(
            issuer=issuer,
            authorization_endpoint=self._address(found, "authorization_endpoint"),
            token_endpoint=self._address(found, "token_endpoint"),
            jwks_uri=self._address(found, "jwks_uri"),
            userinfo_endpoint=self._address(found, "userinfo_endpoint", needed=False),
            end_session_endpoint=self._address(found, "end_session_endpoint", needed=False),
            algorithms=algorithms,
            way=next((way for way in WAYS if way in ways), WAYS[1]),
            names_itself=found.get("authorization_response_iss_parameter_supported") is True,
        )

    def _address(self, found: Mapping[str, Any], name: str, *, needed: bool = True) -> str:
        """Return an address of the document that a browser or we may be sent to."""
        value = found.get(name)
        if isinstance(value, str) and len(value) <= LONGEST_ADDRESS and self._may_be_opened(value):
            return value
        if needed:
            raise SiteLoginRefused(Wrong.MISSING_ENDPOINT, name)
        return ""

    def _may_be_opened(self, address: str) -> bool:
        return bool(ADDRESS.fullmatch(address)) or (self.allow_loopback and is_loopback(address))

    def _claims(self, site: Site, token: str) -> dict[str, Any]:
        """Return the claims of a token that one of the site's keys has signed."""
        from portal.providers.openid_keys import Signed

        signed = Signed.read(token)
        if signed.algorithm not in site.algorithms:
            raise SiteLoginRefused(Wrong.BAD_SIGNATURE, "alg")
        keys = signed.fitting(self._read_keys(site.jwks_uri))
        return _object(signed.verified(keys or signed.fitting(self._read_keys(site.jwks_uri, fresh=True))))

    def _read_keys(self, address: str, *, fresh: bool = False) -> list[Key]:
        from portal.providers.openid_keys import usable  # here, and above: no command waits for what it does not use

        return self._keys.get(address, lambda: usable(_object(_good(self._ask("GET", address)).body)), fresh=fresh)

    def _ask(self, method: str, url: str, **more: Any) -> Answered:
        try:
            with guarded.session(self.allow_loopback) as session:
                return guarded.ask(session, method, url, **more)
        except Forbidden as refusal:
            raise SiteLoginRefused(Wrong.NOT_ADDRESSABLE) from refusal
        except TooLarge as refusal:
            raise SiteLoginRefused(Wrong.TOO_LARGE) from refusal
        except NotReached as refusal:
            log.warning("site_not_reached", reason=str(refusal))
            raise SiteLoginRefused(Wrong.NO_ANSWER) from refusal


class _Says:
    """Says who asks, as `requests` wants it."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __call__(self, request: Any) -> Any:
        sent = self.client.prepare(request.method, request.url, request.headers, request.body)
        request.url, request.headers, request.body = sent
        return request


def _good(answer: Answered) -> Answered:
    if 300 <= answer.status < 400:
        raise SiteLoginRefused(Wrong.MOVED)
    if answer.status >= 500:
        raise SiteLoginRefused(Wrong.NO_ANSWER, str(answer.status))
    if answer.status != 200:
        raise SiteLoginRefused(Wrong.NOT_FOUND, str(answer.status))
    return answer


def _object(body: bytes, *, or_nothing: bool = False) -> dict[str, Any]:
    """Return the JSON object; one that two readers could understand in two ways is none."""
    try:
        found = json.loads(body, object_pairs_hook=without_doubles)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    if or_nothing:
        return {}
    raise SiteLoginRefused(Wrong.NOT_JSON)


def _texts(found: Mapping[str, Any], name: str, usual: tuple[str, ...]) -> list[str]:
    """Return a list of words of the document, or what goes without saying."""
    value = found.get(name, list(usual))
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
