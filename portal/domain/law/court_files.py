"""What is taken for a court or an authority, and on which occasion: the words of the export (docs/proofs.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from portal.domain.audit import canonical

FORMAT: Final = 1  # of the export: changes when a reader of before would misread it
SUMS: Final = "sha256sums.txt"


class Occasion(StrEnum):
    """Why somebody opens or takes what is kept as proof; the audit chain has the word, and nobody's own words."""

    COURT = "court"
    MEDIATION = "mediation"
    AUTHORITY = "authority"
    CUSTOMER = "customer"  # they ask
    CLAIM = "claim"  # of the merchant's own


def chain_content(number: int, hash_: str) -> bytes:
    """Return what is stamped of a chain's row: as `flask audit verify` prints it, NUMBER:HASH."""
    return f"{number}:{hash_}".encode()


def proof_content(facts: Mapping[str, Any]) -> bytes:
    """Return a proof's facts as the bytes that are fingerprinted, stamped and exported: canonical JSON."""
    return canonical(facts).encode()


def sums(files: Mapping[str, bytes]) -> bytes:
    """Return a line for each file, its SHA-256 and its name, in the order of the names."""
    return "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)).encode()
