"""A merchant's own host name for its customers' pages: which names may be one, and what proves whose it is.

The desk, the API and PayPal's messages stay at the installation's own address (docs/decisions/0050).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Final
from urllib.parse import urlsplit

import idna

CHALLENGE: Final = "_portal-challenge"  # the label of the TXT record in front of the host
PREFIX: Final = "portal-host="
LONGEST: Final = 253 - len(CHALLENGE) - 1
LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
PATIENCE: Final = timedelta(days=1)  # that an active host may not lead here before links stop naming it
KEPT: Final = timedelta(days=30)  # that a host that was given up still leads visitors to the installation's
DESK: Final = "/admin/"  # where the paths of staff begin
LOCAL: Final = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?")
DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
# How long browsers are told to come by https alone: the installation's own name and those below it; one that may be
# taken back no longer than it leads back, and what is below it is not ours.
HTTPS_ALONE: Final = "max-age=31536000; includeSubDomains"
HTTPS_ALONE_FOR_NOW: Final = f"max-age={int(KEPT.total_seconds())}"


class BadHost(StrEnum):
    """Why something typed cannot be a host of customers' pages."""

    NOT_A_NAME = "not_a_name"
    AN_ADDRESS = "an_address"  # of numbers
    A_PAGE = "a_page"  # more than a name: a scheme, a path, a port
    ALONE = "alone"  # without a dot: nobody outside finds it
    OURS = "ours"  # the installation's own, or below or above it
    TOO_LONG = "too_long"


class HostRefused(Exception):
    """What was typed is no host for customers' pages."""

    def __init__(self, why: BadHost) -> None:
        super().__init__(why.value)
        self.why = why


class HostTaken(Exception):
    """Another merchant has proved that the host is theirs."""


class Fault(StrEnum):
    """What is wrong with a host, the first that was found."""

    NO_DNS = "no_dns"  # the name servers did not answer
    NO_RECORD = "no_record"  # no TXT record of the challenge
    OTHER_RECORD = "other_record"  # one, but not this merchant's
    NOT_REACHED = "not_reached"  # no answer at all
    CERTIFICATE = "certificate"
    ANOTHER = "another"  # somebody else answers there


class Standing(StrEnum):
    """How a host stands."""

    WAITING = "waiting"  # not proved yet
    ACTIVE = "active"
    LOST = "lost"  # was active and does not lead here: links name the installation's until it does
    GIVEN_UP = "given_up"


@dataclass(frozen=True)
class OurHost:
    """Under which host the installation itself is reached; `is_pretend`: a demo's, by this machine's names as well."""

    base_url: str
    is_pretend: bool

    @cached_property
    def name(self) -> str:
        """The host as a request names it: lower case, a port only where it is not the scheme's own."""
        return urlsplit(self.base_url).netloc.lower().removesuffix(self._port)

    def told(self, host: str) -> str:
        """Return a request's Host as `name` is written."""
        return host.lower().removesuffix(self._port)

    def is_it(self, host: str) -> bool:
        """Say whether a request's Host is the installation's."""
        told = self.told(host)
        return told == self.name or (self.is_pretend and LOCAL.fullmatch(told) is not None)

    @cached_property
    def _port(self) -> str:
        return DEFAULT_PORTS[urlsplit(self.base_url).scheme]


def parsed(typed: str, *, ours: str) -> str:
    """Return the name as browsers send it (lower case, IDNA 2008); raise HostRefused naming what is wrong.

    `ours` is the installation's own host: a name below it, or above, could read or be given its cookies.
    """
    text = typed.strip().rstrip(".").lower()
    if re.search(r"[/:@?#\s]", text):
        raise HostRefused(BadHost.A_PAGE)
    if _is_address(text):
        raise HostRefused(BadHost.AN_ADDRESS)
    try:
        host = idna.encode(text, uts46=True).decode() if text else ""
    except idna.IDNAError:
        raise HostRefused(BadHost.NOT_A_NAME) from None
    if not all(LABEL.fullmatch(label) for label in host.split(".")):
        raise HostRefused(BadHost.NOT_A_NAME)
    if "." not in host:
        raise HostRefused(BadHost.ALONE)
    if len(host) > LONGEST:
        raise HostRefused(BadHost.TOO_LONG)
    if host == ours or host.endswith(f".{ours}") or ours.endswith(f".{host}"):
        raise HostRefused(BadHost.OURS)
    return host


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return bool(re.fullmatch(r"[0-9.]+", text))
    return True


def shown(host: str) -> str:
    """Return the name as its owner writes it."""
    try:
        return idna.decode(host)
    except idna.IDNAError:
        return host


def challenge_name(host: str) -> str:
    """Return the name of the TXT record that proves whose the host is."""
    return f"{CHALLENGE}.{host}"


def challenge_value(token: str) -> str:
    """Return what stands in it."""
    return f"{PREFIX}{token}"


def record_fault(found: list[str], token: str) -> Fault | None:
    """Say what is wrong with the TXT records of the challenge; None: nothing."""
    if challenge_value(token) in found:
        return None
    return Fault.OTHER_RECORD if any(text.startswith(PREFIX) for text in found) else Fault.NO_RECORD


def address(base_url: str, own_host: str | None, path: str) -> str:
    """Return the full address of a path: of the desk at the installation's, of customers at their merchant's host.

    An own host is always reached by https at its usual port: what stands in front asks for its certificate.
    """
    if own_host is None or path.startswith(DESK):
        return f"{base_url}{path}"
    return f"https://{own_host}{path}"
