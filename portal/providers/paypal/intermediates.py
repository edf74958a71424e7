"""What lies between PayPal's signing certificate and a public root, where PayPal's file leaves it out (FACTS.md 2.5).

Recorded answers of PayPal's certificate address held one certificate alone.  What is missing is looked for among those
that completed a chain before, then at the address that the certificate itself names.  Neither is believed: a chain
is judged by its root, its dates and its signatures, whoever handed its parts over.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

import requests
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import AuthorityInformationAccessOID
from urllib3.exceptions import HTTPError

from portal.providers.paypal import transport
from portal.providers.paypal.addresses import Addresses

# Issuers publish their certificates over plain http (RFC 5280, 4.2.2.1); these are DigiCert's, who signed PayPal's.
HOSTS: Final = frozenset({"cacerts.digicert.com", "cacerts.geotrust.com", "cacerts.rapidssl.com", "cacerts.thawte.com"})
PATH: Final = re.compile(r"/[A-Za-z0-9._-]{1,120}\.(?:crt|cer|der|pem|p7c)", re.ASCII)
PATIENCE: Final = 5.0  # seconds of silence, and for the whole file
LARGEST: Final = 32 * 1024  # bytes; one certificate is below 2 KiB
KEPT: Final = 32
LONGEST_CHAIN: Final = 4  # certificates above the first

PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")

log = structlog.get_logger()


class Intermediates:
    """Certificates that completed a chain, and a way to ask for one. Safe to share between threads."""

    def __init__(self, where: Addresses, http: requests.Session) -> None:
        self._where = where
        self._http = http
        self._kept: OrderedDict[bytes, x509.Certificate] = OrderedDict()
        self._lock = threading.Lock()

    def kept(self) -> list[x509.Certificate]:
        """Return those that completed a chain before."""
        with self._lock:
            return list(self._kept.values())

    def keep(self, proven: Iterable[x509.Certificate]) -> None:
        """Remember what stood between a certificate and its root."""
        with self._lock:
            for one in proven:
                self._kept[one.fingerprint(SHA256())] = one
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    def fetch(self, below: x509.Certificate) -> list[x509.Certificate]:
        """Ask the issuer that a certificate names for its own; nothing when it names none of the known hosts."""
        for url in _issuer_addresses(below):
            if is_issuer_address(url, self._where) and (found := read_certificates(self._ask(url))):
                return found
        return []

    def _ask(self, url: str) -> bytes:
        try:
            status, raw = transport.download(self._http, url, patience=PATIENCE, largest=LARGEST, seconds=PATIENCE)
        except (requests.RequestException, HTTPError) as error:
            log.warning("issuer_certificate_not_fetched", host=urlsplit(url).hostname, error=type(error).__name__)
            return b""
        log.info("issuer_certificate_fetched", host=urlsplit(url).hostname, status=status)
        return raw or b""


def top_of(leaf: x509.Certificate, pool: Sequence[x509.Certificate]) -> x509.Certificate:
    """Return the last certificate above `leaf` that the pool can name by its issuer; whether it holds is not asked."""
    by_name = {one.subject: one for one in pool}
    top = leaf
    for _ in range(LONGEST_CHAIN):
        above = by_name.get(top.issuer)
        if above is None or above == top:
            break
        top = above
    return top


def is_issuer_address(url: str, where: Addresses) -> bool:
    """Say whether `url` is one at which issuers of the short list publish; a stand-in on this machine is its own."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    own = where.is_local and f"{parts.scheme}://{parts.netloc}" in where.certificate_origins
    public = parts.scheme == "http" and parts.netloc in HOSTS
    plain = url == f"{parts.scheme}://{parts.netloc}{parts.path}"  # no query, no fragment, nothing that parsers drop
    return (own or public) and plain and PATH.fullmatch(parts.path) is not None


def read_certificates(raw: bytes) -> list[x509.Certificate]:
    """Read what can be read: PEM, else DER, else a bundle of DER (RFC 5280).

    One of the public roots has a serial number that newer rules forbid.
    """
    found: list[x509.Certificate] = []
    with warnings.catch_warnings(action="ignore"):
        for block in PEM.findall(raw):
            with suppress(ValueError):
                found.append(x509.load_pem_x509_certificate(block))
        if found or not raw:
            return found
        with suppress(ValueError):
            return [x509.load_der_x509_certificate(raw)]
        with suppress(ValueError):
            return pkcs7.load_der_pkcs7_certificates(raw)
    return []


def _issuer_addresses(certificate: x509.Certificate) -> list[str]:
    try:
        named = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [
        one.access_location.value
        for one in named
        if one.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        and isinstance(one.access_location, x509.UniformResourceIdentifier)
    ]
