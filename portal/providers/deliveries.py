"""What PayPal posts to the portal, and who can tell that it was PayPal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from portal.domain.provenances import Provenance


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One webhook message as it arrived: the headers that count, and the raw bytes they sign (FACTS.md 2.5)."""

    transmission_id: str
    transmission_time: str
    cert_url: str
    auth_algo: str
    signature: str  # base64
    body: bytes


class SignatureFault(StrEnum):
    """Why a webhook message is not PayPal's; one word for the log and the health page."""

    MISSING_HEADER = "missing_header"
    ALGORITHM = "algorithm"  # anything but SHA256withRSA
    CERTIFICATE_ADDRESS = "certificate_address"  # not exactly PayPal's host and path
    CERTIFICATE = "certificate"  # dates, name or chain
    SIGNATURE = "signature"  # does not fit these bytes and this webhook id
    TIME = "time"  # unreadable, in the future, or older than PayPal retries


class BadSignature(Exception):
    """The message is not PayPal's, or not for this webhook: it decides nothing."""

    def __init__(self, fault: SignatureFault) -> None:
        super().__init__(fault)
        self.fault = fault


class WebhookVerifier(Protocol):
    """Tells PayPal's own messages from others, offline but for the certificate (FACTS.md 2.5)."""

    def verify(self, delivery: Delivery, *, webhook_id: str, environment: str, now: datetime) -> Provenance:
        """Return how it is proven that PayPal signed these bytes for this webhook.

        OPEN is no proof yet: the signature holds under a certificate that PayPal's own address served, and whose
        issuer cannot be had.  Raises BadSignature, and GatewayUnavailable when the certificate cannot be fetched now.
        """


class IpnVerifier(Protocol):
    """Asks PayPal whether it sent an IPN (FACTS.md 3.2)."""

    def is_genuine(self, body: bytes, *, environment: str) -> bool:
        """Post the identical bytes back and return PayPal's word. Raises GatewayUnavailable."""
