"""One form for one email address, in which it is stored and compared.

An internationalised domain has two spellings (bücher.example, xn--bcher-kva.example): browsers send the one, PayPal
and people write the other.  The ASCII one is kept, because every mail server takes it; `shown` gives the other.
"""

from __future__ import annotations

import unicodedata
from typing import Final

import idna

HIDDEN: Final = "…"


def normal(address: str) -> str:
    """Return the address as it is stored: no spaces around, composed (NFC), small letters, its domain in ASCII.

    What is no domain name stays as it was typed, in small letters: no mail reaches it, and nobody else's is meant.
    """
    plain = _small(address.strip())
    local, at, domain = plain.rpartition("@")
    return f"{local}{at}{_ascii(domain)}" if at else plain


def mailbox(address: str) -> str:
    """Return the mailbox that a normal address most likely leads to, without a tag (« +… »): for counting alone."""
    local, at, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def shown(address: str) -> str:
    """Return the address as people write it."""
    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{idna.decode(domain)}" if at and "xn--" in domain else address
    except (idna.IDNAError, UnicodeError):
        return address


def masked(address: str) -> str:
    """Return enough of the address to know it again, and too little to learn it: z…@example.com."""
    local, at, domain = shown(address).rpartition("@")
    return f"{local[:1]}{HIDDEN}{at}{domain}"


def _small(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def _ascii(domain: str) -> str:
    domain = domain.rstrip(".")
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode().rstrip(".")  # a full stop of another script was at its end
    except (idna.IDNAError, UnicodeError):
        return domain
