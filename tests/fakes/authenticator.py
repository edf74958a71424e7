"""A device that makes passkeys and lets them answer, with real keys: honest unless a test tells it to lie.

What it sends is what static/js/passkeys.js makes of a browser's answer.
"""

from __future__ import annotations

import hashlib
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from tests.browser_client import Page

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
ORIGIN = "http://portal.test"


def text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def data(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class EllipticKey:
    """ES256, what nearly every device uses."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())

    def public(self) -> dict[int, Any]:
        numbers = self.private.public_key().public_numbers()
        return {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}

    def sign(self, message: bytes) -> bytes:
        return self.private.sign(message, ec.ECDSA(hashes.SHA256()))


class EdwardsKey:
    """EdDSA."""

    def __init__(self) -> None:
        self.private = ed25519.Ed25519PrivateKey.generate()

    def public(self) -> dict[int, Any]:
        return {1: 1, 3: -8, -1: 6, -2: self.private.public_key().public_bytes_raw()}

    def sign(self, message: bytes) -> bytes:
        return self.private.sign(message)


class RsaKey:
    """RS256, as Windows has it."""

    def __init__(self) -> None:
        self.private = rsa.generate_private_key(65537, 2048)

    def public(self) -> dict[int, Any]:
        numbers = self.private.public_key().public_numbers()
        return {1: 3, 3: -257, -1: numbers.n.to_bytes(256, "big"), -2: numbers.e.to_bytes(3, "big")}

    def sign(self, message: bytes) -> bytes:
        return self.private.sign(message, padding.PKCS1v15(), hashes.SHA256())


@dataclass
class Passkey:
    """A passkey as its device holds it."""

    key: Any
    rp_id: str
    user: bytes
    id: bytes = field(default_factory=lambda: os.urandom(32))
    count: int = 0


@dataclass
class Authenticator:
    """A device with the passkeys that it made. One that `counts` says each time how often it was used."""

    key: type = EllipticKey
    counts: bool = True
    passkeys: list[Passkey] = field(default_factory=list)

    def make(self, options: dict[str, Any], **lies: Any) -> str:
        """Make a passkey; return what the browser sends of it."""
        made = Passkey(self.key(), options["rp"]["id"], data(options["user"]["id"]))
        if "id" in lies:
            made.id = lies["id"]
        self.passkeys.append(made)
        attested = bytes(16) + len(made.id).to_bytes(2, "big") + made.id + cbor2.dumps(made.key.public())
        flags = lies.get("flags", PRESENT | VERIFIED) | ATTESTED
        about = self._about(lies.get("rp_id", made.rp_id), flags, made.count) + attested
        response = {
            "attestationObject": text(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": about})),
            "clientDataJSON": text(_client_data("webauthn.create", options, lies)),
            "transports": ["internal", "hybrid"],
        }
        return _sent(made, response)

    def answer(self, options: dict[str, Any], *, by: Passkey | None = None, **lies: Any) -> str:
        """Let the newest passkey answer, or the one given; return what the browser sends of it."""
        passkey = by or self.passkeys[-1]
        passkey.count += self.counts
        count = lies.get("count", passkey.count)
        about = self._about(lies.get("rp_id", passkey.rp_id), lies.get("flags", PRESENT | VERIFIED), count)
        client_data = _client_data("webauthn.get", options, lies)
        signed = lies.get("key", passkey.key).sign(about + hashlib.sha256(client_data).digest())
        user = lies.get("user", passkey.user)
        response = {
            "authenticatorData": text(about),
            "clientDataJSON": text(client_data),
            "signature": text(signed),
            "userHandle": text(user) if user is not None else None,
        }
        return _sent(passkey, response)

    def _about(self, rp_id: str, flags: int, count: int) -> bytes:
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + count.to_bytes(4, "big")


def asked(page: Page) -> dict[str, Any]:
    """What the page asks the browser for."""
    return json.loads(page.select_one("form[data-passkey]")["data-options"])


def _client_data(kind: str, options: dict[str, Any], lies: dict[str, Any]) -> bytes:
    said = {
        "type": lies.get("kind", kind),
        "challenge": lies.get("challenge", options["challenge"]),
        "origin": lies.get("origin", ORIGIN),
        "crossOrigin": lies.get("cross_origin", False),
    }
    return json.dumps(said).encode()


def _sent(passkey: Passkey, response: dict[str, Any]) -> str:
    return json.dumps({"id": text(passkey.id), "rawId": text(passkey.id), "type": "public-key", "response": response})
