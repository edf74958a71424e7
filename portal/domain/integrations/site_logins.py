"""Logging in with the merchant's own site: what an id token must say (OpenID Connect Core 3.1.3.7).

Everything that a site answers may be late, missing, malformed or a lie: each has its word here, and none lets in.
Nobody is made a customer by it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from portal.domain.errors import DomainError
from portal.domain.integrations.external_ids import is_external_id
from portal.domain.integrations.return_addresses import is_nameable
from portal.domain.people.email_addresses import normal

LASTS: Final = timedelta(minutes=10)  # from the button to the way back
SKEW: Final = timedelta(seconds=60)  # between the site's clock and ours
# Signed by the site's own key alone: never `none`, and no HMAC, whose key we know as well as the site does.
ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")
LONGEST_ISSUER: Final = 300
LONGEST_ADDRESS: Final = 254
CLAIM: Final = re.compile(r"[\x21-\x7e]{1,100}")  # the name of a claim


class Proof(StrEnum):
    """Which claim says who somebody is, as the merchant has chosen."""

    EMAIL = "email"  # `email`, where `email_verified` is true
    EXTERNAL_ID = "external_id"  # a claim that holds the merchant's own id of a customer


class Wrong(StrEnum):
    """What keeps a log-in by the site, or its set-up, from working."""

    NOT_ADDRESSABLE = "not_addressable"  # no public https address, or none that leads to the outside
    NO_ANSWER = "no_answer"  # nobody there, too late, no certificate
    NOT_FOUND = "not_found"  # an answer, but not 200
    MOVED = "moved"  # a redirect, which is not followed
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"  # or no object
    OTHER_ISSUER = "other_issuer"  # the document, the answer or the token names another one
    MISSING_ENDPOINT = "missing_endpoint"  # the document lacks one, or has one that cannot be used
    NO_ALGORITHM = "no_algorithm"  # none of ours
    NO_CODE_FLOW = "no_code_flow"
    NO_KEYS = "no_keys"
    CLIENT_REFUSED = "client_refused"  # id or secret are wrong
    CODE_REFUSED = "code_refused"  # used, too old, or another client's
    NO_TOKEN = "no_token"  # noqa: S105 - a word, not a secret
    BAD_SIGNATURE = "bad_signature"
    BAD_TOKEN = "bad_token"  # noqa: S105 - audience, times or nonce
    NOT_FRESH = "not_fresh"  # the site did not ask for its log-in again
    DECLINED = "declined"  # at the site, by the customer
    STALE = "stale"  # over, used, begun in another browser or for another merchant
    OFF = "off"  # switched off or changed meanwhile
    UNVERIFIED = "unverified"  # an address that the site has not checked
    NO_CLAIM = "no_claim"  # the claim that decides is not there
    UNKNOWN = "unknown"  # nobody here is that person


class SiteLoginRefused(DomainError):
    """Nobody is let in, or nothing is saved, for the reason given."""

    def __init__(self, wrong: Wrong, detail: str = "") -> None:
        super().__init__(f"{wrong.value} {detail}".strip())
        self.wrong = wrong
        self.detail = detail  # for the desk: what was missing or expected


def is_issuer(address: str, *, allow_loopback: bool = False) -> bool:
    """Say whether a merchant may name it: public https without a query; in the demo also this machine."""
    if len(address) > LONGEST_ISSUER:
        return False
    return is_nameable(address) or (allow_loopback and is_loopback(address))


def is_loopback(address: str) -> bool:
    """Say whether it is a plain address on this machine, which the demo and the tests may use."""
    try:
        parts = urlsplit(address)
        return parts.scheme == "http" and parts.hostname == "127.0.0.1" and bool(parts.port) and not parts.query
    except ValueError:
        return False


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a token has to say: made for this client, in this round. `fresh_since`: where the log-in was asked anew."""

    issuer: str
    client_id: str
    nonce: str
    fresh_since: datetime | None = None


def check(claims: Mapping[str, Any], expected: Expected, *, now: datetime) -> None:
    """Raise SiteLoginRefused unless the token is of that issuer, for that client and round, and of this moment."""
    if claims.get("iss") != expected.issuer:
        raise SiteLoginRefused(Wrong.OTHER_ISSUER)
    _check_audience(claims, expected.client_id)
    _check_times(claims, now=now)
    if not expected.nonce or claims.get("nonce") != expected.nonce:
        raise SiteLoginRefused(Wrong.BAD_TOKEN, "nonce")
    if expected.fresh_since is not None:
        logged_in = authenticated_at(claims)
        if logged_in is None or logged_in < expected.fresh_since - SKEW:
            raise SiteLoginRefused(Wrong.NOT_FRESH)


def _check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    named = claims.get("aud")
    audience = [named] if isinstance(named, str) else named
    party = claims.get("azp")
    is_ours = isinstance(audience, list) and client_id in audience
    # One that is for others too has to say that it was made for us.
    if not is_ours or party not in ((client_id,) if len(audience) > 1 else (client_id, None)):  # type: ignore[arg-type]
        raise SiteLoginRefused(Wrong.BAD_TOKEN, "aud")


def _check_times(claims: Mapping[str, Any], *, now: datetime) -> None:
    present, skew = now.timestamp(), SKEW.total_seconds()
    until, made, begins = (_number(claims.get(name)) for name in ("exp", "iat", "nbf"))
    if until is None or until <= present - skew:
        raise SiteLoginRefused(Wrong.BAD_TOKEN, "exp")
    if made is None or made > present + skew:
        raise SiteLoginRefused(Wrong.BAD_TOKEN, "iat")
    if "nbf" in claims and (begins is None or begins > present + skew):
        raise SiteLoginRefused(Wrong.BAD_TOKEN, "nbf")


def authenticated_at(claims: Mapping[str, Any]) -> datetime | None:
    """Return when the person logged in at the site, as far as it says so."""
    seconds = _number(claims.get("auth_time"))
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _number(value: object) -> float | None:
    """Return a number of seconds; None for what is none: truth, text, NaN and what no clock can show."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def proven_email(claims: Mapping[str, Any]) -> str:
    """Return the address in its normal form; raise SiteLoginRefused unless the site says that it was verified.

    Only the truth value is a yes: a text, whatever it says, is none.
    """
    address = claims.get("email")
    if not isinstance(address, str) or "@" not in address or len(address) > LONGEST_ADDRESS or "\0" in address:
        raise SiteLoginRefused(Wrong.NO_CLAIM, "email")
    if claims.get("email_verified") is not True:
        raise SiteLoginRefused(Wrong.UNVERIFIED)
    return normal(address)


def proven_id(claims: Mapping[str, Any], name: str) -> str:
    """Return the merchant's own id of a customer, from the claim of that name; raise SiteLoginRefused without one.

    A whole number is read as its digits: many sites count their accounts.
    """
    value = claims.get(name)
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not is_external_id(text):
        raise SiteLoginRefused(Wrong.NO_CLAIM, name)
    return text
