"""Secrets at rest: AES-256-GCM with a key id, keys outside the database (law.md R-SE-3).

A box reads `key id | nonce | ciphertext`.  The newest key encrypts, every key decrypts, so that
keys can be rotated.  `purpose` is bound to the ciphertext: a box moved to another column does not open, and with `row`
neither does one that is moved to another row.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets as random
import uuid

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SEPARATOR = b"|"  # between the key's id and the rest of a box


class CannotOpen(Exception):
    """The box was sealed with a key that is not configured, for another purpose, or was changed."""


class Vault:
    """Seals and opens secrets with the installation's master keys, newest first."""

    def __init__(self, keys: tuple[tuple[str, bytes], ...]) -> None:
        self.newest_id = keys[0][0]
        self.key_ids = tuple(key_id for key_id, _key in keys)
        self._keys = {key_id: AESGCM(key) for key_id, key in keys}
        self._stamps = tuple(hmac.digest(key, b"portal.secrets.stamp", "sha256") for _key_id, key in keys)

    def seal(self, secret: str, *, purpose: str, row: uuid.UUID | None = None) -> bytes:
        """Encrypt `secret` for `purpose` (for example `paypal_accounts.secret`), for one row alone if it is given."""
        return self.seal_bytes(secret.encode(), purpose=purpose, row=row)

    def seal_bytes(self, content: bytes, *, purpose: str, row: uuid.UUID | None = None) -> bytes:
        """Encrypt what is no text, as `seal` does."""
        nonce = os.urandom(12)
        sealed = self._keys[self.newest_id].encrypt(nonce, content, _bound(purpose, row))
        return self.newest_id.encode() + SEPARATOR + nonce + sealed

    def open(self, box: bytes, *, purpose: str, row: uuid.UUID | None = None) -> str:
        """Decrypt a box; raise CannotOpen when it cannot be trusted or its key is absent."""
        return self.open_bytes(box, purpose=purpose, row=row).decode()

    def open_bytes(self, box: bytes, *, purpose: str, row: uuid.UUID | None = None) -> bytes:
        """Decrypt what is no text, as `open` does."""
        key_id, _, rest = bytes(box).partition(SEPARATOR)
        cipher = self._keys.get(key_id.decode(errors="replace"))
        if cipher is None:
            raise CannotOpen(f"no master key with id {key_id!r}")
        try:
            return cipher.decrypt(rest[:12], rest[12:], _bound(purpose, row))
        except (InvalidTag, ValueError) as error:  # a nonce that is too short
            raise CannotOpen("the box does not open for this purpose") from error

    def stamp(self, secret: str, *, purpose: str) -> str:
        """Return a keyed hash (HMAC-SHA256) of a secret too short to be hashed alone, like six digits.

        It is bound to `purpose` and to the newest key: changing keys voids what was stamped, so only
        short-lived secrets may be kept this way.
        """
        return self.stamps(secret, purpose=purpose)[0]

    def stamps(self, secret: str, *, purpose: str) -> tuple[str, ...]:
        """Return the stamp under every key, the newest first: for what must still be known after the keys changed."""
        said = f"{purpose}\0{secret}".encode()
        return tuple(hmac.digest(stamp, said, "sha256").hex() for stamp in self._stamps)


def _bound(purpose: str, row: uuid.UUID | None) -> bytes:
    return purpose.encode() if row is None else f"{purpose}:{row}".encode()


def new_token() -> str:
    """Return a random token of 256 bits, safe in a URL and in a cookie."""
    return random.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Return the SHA-256 of a random token: enough for 112 bits and more (ASVS 6.5.2)."""
    return hashlib.sha256(token.encode()).hexdigest()
