"""Signatures of what is sent, as Standard Webhooks 1.0.0 has them: HMAC-SHA256 over `id.timestamp.body`."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable
from datetime import datetime
from typing import Final

PREFIX: Final = "whsec_"
BYTES: Final = 32  # of a secret; the standard allows 24 to 64


def secret_of(random: bytes) -> str:
    """Return random bytes as a secret that a receiver keeps; raise ValueError for fewer than 24, or more than 64."""
    if not 24 <= len(random) <= 64:
        raise ValueError("a secret has 24 to 64 bytes")
    return PREFIX + base64.b64encode(random).decode()


def headers(message_id: str, at: datetime, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """Return the three headers of one try at `at`: a signature for each secret, the newest first.

    The id is the same at every try; the time is the try's own, or receivers would take a late one for a repeated one.
    """
    moment = str(int(at.timestamp()))
    signed = f"{message_id}.{moment}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(f"v1,{_sign(secret, signed)}" for secret in secrets),
    }


def _sign(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
