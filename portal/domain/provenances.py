"""How it is known that a webhook message is PayPal's: by what its certificate's chain was completed (FACTS.md 2.5)."""

from __future__ import annotations

from enum import StrEnum


class Provenance(StrEnum):
    """From the surest down; the first three are proven offline."""

    FILE = "file"  # PayPal's own file held the whole chain
    KEPT = "kept"  # with what completed one before
    ISSUER = "issuer"  # with what its issuer publishes
    ASKED = "asked"  # not at all: PayPal itself was asked, and said that the message is its own
    OPEN = "open"  # not at all, and PayPal is still to be asked
