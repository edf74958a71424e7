"""Passwords as they are kept: Argon2id (law.md R-GD-9), and the same time for a person whom nobody knows."""

from __future__ import annotations

import secrets
from functools import cached_property

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher


class Passwords:
    """Hashes and verifies passwords; without a hasher, with pwdlib's own costs (64 MiB, 3 passes)."""

    def __init__(self, hasher: Argon2Hasher | None = None) -> None:
        self._hasher = PasswordHash((hasher or Argon2Hasher(),))

    def hash(self, password: str) -> str:
        """Return what may be stored of a password."""
        return self._hasher.hash(password)

    def verify(self, password: str, stored: str | None) -> bool:
        """Say whether the password is the stored one; for nobody (None) the answer is no, and takes as long."""
        right = self._hasher.verify(password, stored or self._nobodys)
        return right and stored is not None

    @cached_property
    def _nobodys(self) -> str:
        return self.hash(secrets.token_urlsafe())
