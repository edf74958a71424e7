"""Whether a webhook message is PayPal's own: verified offline, all but the certificate (FACTS.md 2.5)."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import requests
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from portal.domain.provenances import Provenance
from portal.providers.deliveries import BadSignature, Delivery, SignatureFault
from portal.providers.paypal import transport
from portal.providers.paypal.addresses import addresses
from portal.providers.paypal.certificates import Certificates
from portal.providers.paypal.mapping import moment

ALGORITHM: Final = "SHA256withRSA"
OLDEST: Final = timedelta(days=4)  # PayPal tries for three days; whether a retry gets a new time is not known
EARLIEST: Final = timedelta(hours=1)  # how far PayPal's clock may be ahead of ours

_HEADER = re.compile(r"[\x21-\x7b\x7d\x7e]{1,1024}")  # printable, without the « | » that joins what is signed


class PayPalSignatures:
    """Verifies messages of both environments; certificates are fetched once and kept."""

    def __init__(
        self,
        base_urls: Mapping[str, str] | None = None,
        *,
        trust: Path | None = None,
        new_session: Callable[[str], requests.Session] = transport.new_session,
    ) -> None:
        """`trust` is a PEM file of roots for a stand-in's certificates; without it the public roots count."""
        self._certificates = {
            name: Certificates(where, new_session(where.rest), trust=trust)
            for name, where in addresses(base_urls).items()
        }

    def verify(self, delivery: Delivery, *, webhook_id: str, environment: str, now: datetime) -> Provenance:
        """Return how PayPal's signature of these bytes is proven. Raises BadSignature, GatewayUnavailable."""
        _check_headers(delivery, now=now)
        try:
            signature = base64.b64decode(delivery.signature, validate=True)
        except (binascii.Error, ValueError):
            raise BadSignature(SignatureFault.SIGNATURE) from None
        signer = self._certificates[environment].signer(delivery.cert_url, now=now)
        try:
            signer.key.verify(signature, _signed(delivery, webhook_id), PKCS1v15(), SHA256())
        except InvalidSignature:
            raise BadSignature(SignatureFault.SIGNATURE) from None
        return signer.provenance


def _signed(delivery: Delivery, webhook_id: str) -> bytes:
    """Return what PayPal signs: the crc is of the raw bytes, and the webhook id is the one *we* stored."""
    crc = zlib.crc32(delivery.body)
    return f"{delivery.transmission_id}|{delivery.transmission_time}|{webhook_id}|{crc}".encode()


def _check_headers(delivery: Delivery, *, now: datetime) -> None:
    given = (delivery.transmission_id, delivery.transmission_time, delivery.cert_url, delivery.signature)
    if not delivery.auth_algo or not all(_HEADER.fullmatch(value) for value in given):
        raise BadSignature(SignatureFault.MISSING_HEADER)
    if delivery.auth_algo != ALGORITHM:  # never the message's choice
        raise BadSignature(SignatureFault.ALGORITHM)
    sent_at = moment(delivery.transmission_time)
    if sent_at is None or not now - OLDEST <= sent_at <= now + EARLIEST:
        raise BadSignature(SignatureFault.TIME)
