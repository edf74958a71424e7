"""Where PayPal is: every address of both environments, in one table (FACTS.md 1.1, 2.5, 3.1, 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """One environment's addresses; no path ends in a slash."""

    rest: str
    nvp: str  # classic API, with signature
    ipn: str  # where an IPN is posted back to
    certificate_origins: frozenset[str]  # scheme, host and, where it is not the usual one, port: compared exactly
    certificate_name: str
    page_origins: frozenset[str]  # where buyers approve: as above, scheme, host and port

    @property
    def is_local(self) -> bool:
        """Whether a stand-in on this machine plays PayPal."""
        return urlsplit(self.rest).hostname in LOOPBACK


PAYPAL: Final[Mapping[str, Addresses]] = {
    "live": Addresses(
        rest="https://api-m.paypal.com",
        nvp="https://api-3t.paypal.com/nvp",
        ipn="https://ipnpb.paypal.com/cgi-bin/webscr",
        certificate_origins=frozenset({"https://api.paypal.com", "https://api-m.paypal.com"}),
        certificate_name="messageverificationcerts.paypal.com",
        page_origins=frozenset({"https://www.paypal.com"}),
    ),
    "sandbox": Addresses(
        rest="https://api-m.sandbox.paypal.com",
        nvp="https://api-3t.sandbox.paypal.com/nvp",
        ipn="https://ipnpb.sandbox.paypal.com/cgi-bin/webscr",
        certificate_origins=frozenset({"https://api.sandbox.paypal.com", "https://api-m.sandbox.paypal.com"}),
        certificate_name="messageverificationcerts.sandbox.paypal.com",
        page_origins=frozenset({"https://www.sandbox.paypal.com"}),
    ),
}


def addresses(stand_ins: Mapping[str, str] | None = None) -> dict[str, Addresses]:
    """Return the addresses of each environment; `stand_ins` puts another base address in PayPal's place.

    A stand-in answers the classic API at `/nvp` and IPNs at `/cgi-bin/webscr` below its base, and keeps its
    certificates at its root.  Plain http is for this machine only: ValueError otherwise.
    """
    found = dict(PAYPAL)
    for environment, base in (stand_ins or {}).items():
        parts = urlsplit(base.rstrip("/"))
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise ValueError(f"the key would travel unencrypted to {base}")
        if base.rstrip("/") == PAYPAL[environment].rest:
            continue
        found[environment] = Addresses(
            rest=base.rstrip("/"),
            nvp=base.rstrip("/") + "/nvp",
            ipn=base.rstrip("/") + "/cgi-bin/webscr",
            certificate_origins=frozenset({f"{parts.scheme}://{parts.netloc}"}),
            certificate_name=PAYPAL[environment].certificate_name,
            page_origins=frozenset({f"{parts.scheme}://{parts.netloc}"}),
        )
    return found
