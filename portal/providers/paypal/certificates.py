"""PayPal's signing certificates: fetched from PayPal alone, led to a trusted root, kept for a while (FACTS.md 2.5).

The address stands in the message, so it is the attacker's to choose: it is compared with our own table before
anything is asked of the network.  Whether PayPal's file holds its whole chain is not known: recorded ones did not.
"""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import certifi
import requests
import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from urllib3.exceptions import HTTPError

from portal.domain.provenances import Provenance
from portal.providers.deliveries import BadSignature, SignatureFault
from portal.providers.paypal import transport
from portal.providers.paypal.addresses import Addresses
from portal.providers.paypal.errors import unavailable
from portal.providers.paypal.intermediates import PEM, Intermediates, read_certificates, top_of
from portal.providers.ports import GatewayUnavailable

PATH: Final = re.compile(r"/v1/notifications/certs/CERT-[A-Za-z0-9-]{1,120}", re.ASCII)
PATIENCE: Final = 5.0  # seconds of silence
DEADLINE: Final = 10.0  # seconds for the whole file, however it trickles
LARGEST: Final = 64 * 1024  # bytes; a chain of four is below 10 KiB
KEPT: Final = 32  # certificates; PayPal uses a handful
FAILURES_KEPT: Final = 256
QUEUE: Final = 2.0  # seconds that a message waits for another one's certificate
RETRY_ISSUER: Final = timedelta(minutes=10)  # so long one without its issuer is kept before that is looked for again
FAILURE_LIFE: Final = 15.0  # seconds: a storm of messages asks once, and PayPal's recovery is seen soon

Way = tuple[Provenance, Callable[[], list[x509.Certificate]]]

log = structlog.get_logger()


@dataclass(frozen=True)
class Signer:
    """A key whose certificate, and everything above it, holds from `since` to `until`; how that is proven."""

    key: RSAPublicKey
    since: datetime
    until: datetime
    provenance: Provenance


class Certificates:
    """Answers the key at an address, of one environment. Safe to share between threads."""

    def __init__(
        self, where: Addresses, http: requests.Session, *, trust: Path | None = None, deadline: float = DEADLINE
    ) -> None:
        """`trust` is a PEM file of roots in place of the public ones, `deadline` seconds for one file."""
        self._deadline = deadline
        self._where = where
        self._http = http
        self._trust = trust
        self._roots: Store | None = None
        self._root_names: frozenset[x509.Name] = frozenset()
        self._intermediates = Intermediates(where, http)
        self._kept: OrderedDict[str, Signer] = OrderedDict()
        self._failures: OrderedDict[str, tuple[float, SignatureFault | None]] = OrderedDict()
        self._lock = threading.Lock()
        self._fetching = threading.Lock()  # one at a time: whoever waits finds the answer in the memory

    def signer(self, url: str, *, now: datetime) -> Signer:
        """Return who signs with the certificate at `url`, if it is PayPal's and holds at `now`.

        Raises BadSignature, and GatewayUnavailable when the file cannot be had at the moment.
        """
        if not is_certificate_address(url, self._where):
            raise BadSignature(SignatureFault.CERTIFICATE_ADDRESS)
        signer = self._known(url)
        if signer is not None and signer.provenance is Provenance.OPEN and now > signer.until:
            self._forget(url)  # its issuer is looked for again
            signer = None
        if signer is None:
            if not self._fetching.acquire(timeout=QUEUE):  # so many unknown addresses at once are no storm of PayPal's
                raise unavailable("certificate: others are being fetched")
            try:
                signer = self._known(url) or self._learn(url, now=now)
            finally:
                self._fetching.release()
        if not signer.since <= now <= signer.until:
            self._forget(url)
            raise BadSignature(SignatureFault.CERTIFICATE)
        return signer

    def _known(self, url: str) -> Signer | None:
        with self._lock:
            until, fault = self._failures.get(url, (0.0, None))
            if time.monotonic() < until:
                raise BadSignature(fault) if fault else unavailable("certificate: not there a moment ago")
            if url in self._kept:
                self._kept.move_to_end(url)
            return self._kept.get(url)

    def _learn(self, url: str, *, now: datetime) -> Signer:
        try:
            signer = self._checked(self._fetch(url), now=now)
        except (BadSignature, GatewayUnavailable) as error:
            fault = error.fault if isinstance(error, BadSignature) else None
            with self._lock:
                self._failures[url] = (time.monotonic() + FAILURE_LIFE, fault)
                while len(self._failures) > FAILURES_KEPT:
                    self._failures.popitem(last=False)
            raise
        with self._lock:
            self._kept[url] = signer
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return signer

    def _forget(self, url: str) -> None:
        with self._lock:
            self._kept.pop(url, None)

    def _fetch(self, url: str) -> bytes:
        try:
            status, raw = transport.download(
                self._http, url, patience=PATIENCE, largest=LARGEST, seconds=self._deadline
            )
        except (requests.RequestException, HTTPError) as error:
            log.warning("paypal_certificate_not_fetched", error=type(error).__name__)
            raise unavailable("certificate: network") from None
        log.info("paypal_certificate_fetched", status=status)
        if status in (404, 410):
            raise BadSignature(SignatureFault.CERTIFICATE)
        if status != 200:  # a redirect too: PayPal's certificates are where they say they are
            raise unavailable("certificate: not there now", status=status)
        if raw is None:
            raise unavailable("certificate: too large or too slow", status=200)
        return raw

    def _checked(self, pem: bytes, *, now: datetime) -> Signer:
        """Lead the certificate to a trusted root by the web's own rules: dates, names, uses, signatures.

        The file may hold the certificate alone (FACTS.md 2.5): then the chain is completed from elsewhere, and judged
        like any other.  One whose issuer cannot be had at all, and only such a one, is left to PayPal's own word.
        """
        given = read_certificates(pem) if PEM.search(pem) else []
        if not given:  # something between PayPal and us answered with a page of its own
            raise unavailable("certificate: no certificate in the answer", status=200)
        leaf, above = given[0], given[1:]
        key = _key_of(leaf, self._where.certificate_name)
        is_cut_off = self._is_cut_off(leaf, above)
        for provenance, more in self._ways(leaf, above) if is_cut_off else [(Provenance.FILE, list)]:
            chain = self._chain(leaf, above + more(), now=now)
            if chain is not None:
                self._intermediates.keep(chain[1:-1])
                since = max(one.not_valid_before_utc for one in chain)
                return Signer(key, since, min(one.not_valid_after_utc for one in chain), provenance)
        if not is_cut_off or not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
            raise BadSignature(SignatureFault.CERTIFICATE)
        log.warning("paypal_certificate_without_issuer", issuer=leaf.issuer.rfc4514_string()[:200])
        until = min(leaf.not_valid_after_utc, now + RETRY_ISSUER)
        return Signer(key, leaf.not_valid_before_utc, until, Provenance.OPEN)

    def _ways(self, leaf: x509.Certificate, above: list[x509.Certificate]) -> Iterator[Way]:
        """Yield where to look for what the file leaves out; the network comes last."""
        yield Provenance.KEPT, self._intermediates.kept
        yield Provenance.ISSUER, lambda: self._published(leaf, above)

    def _published(self, leaf: x509.Certificate, above: list[x509.Certificate]) -> list[x509.Certificate]:
        found: list[x509.Certificate] = []
        for _ in range(2):  # an intermediate may have one above it
            more = self._intermediates.fetch(top_of(leaf, above + found))
            found += more
            if not more or not self._is_cut_off(leaf, above + found):
                break
        return found

    def _chain(
        self, leaf: x509.Certificate, pool: list[x509.Certificate], *, now: datetime
    ) -> list[x509.Certificate] | None:
        """Return the certificate with what leads to a trusted root; None where that does not hold.

        The name is looked for among the subject's alternative names: public authorities repeat the common name
        there, and nothing else has counted as a name for years.
        """
        name = x509.DNSName(self._where.certificate_name)
        try:
            return PolicyBuilder().store(self._trusted()).time(now).build_server_verifier(name).verify(leaf, pool)
        except VerificationError:
            return None

    def _is_cut_off(self, leaf: x509.Certificate, pool: list[x509.Certificate]) -> bool:
        """Say whether the chain ends for want of a certificate: its next issuer is neither there nor a root."""
        self._trusted()
        top = top_of(leaf, pool)
        return top.issuer != top.subject and top.issuer not in self._root_names

    def _trusted(self) -> Store:
        if self._roots is None:
            roots = read_certificates((self._trust or Path(certifi.where())).read_bytes())
            self._root_names = frozenset(root.subject for root in roots)
            self._roots = Store(roots)
        return self._roots


def is_certificate_address(url: str, where: Addresses) -> bool:
    """Say whether `url` is exactly one of PayPal's certificate addresses in this environment.

    Asked twice, of the raw text and of its parts: no user, port, query, fragment, escape, dot segment, other
    letter case or look-alike sign passes the first, and no difference between two parsers passes both.
    """
    origin = next((start for start in where.certificate_origins if url.startswith(start + "/")), None)
    if origin is None or not PATH.fullmatch(url[len(origin) :]):
        return False
    parts = urlsplit(url)
    same_origin = f"{parts.scheme}://{parts.netloc}" == origin
    return same_origin and PATH.fullmatch(parts.path) is not None and not parts.query and not parts.fragment


def _key_of(leaf: x509.Certificate, name: str) -> RSAPublicKey:
    """Return the certificate's key, if it is the signer of PayPal's messages by name and kind.

    SHA256withRSA is all that is ever taken; and a web server's wildcard is not the signer of messages.
    """
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        key = leaf.public_key()
    except (x509.ExtensionNotFound, ValueError, UnsupportedAlgorithm):
        raise BadSignature(SignatureFault.CERTIFICATE) from None
    if not isinstance(key, RSAPublicKey) or name not in names.get_values_for_type(x509.DNSName):
        raise BadSignature(SignatureFault.CERTIFICATE)
    return key
