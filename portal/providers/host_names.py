"""What the world's name servers and a host itself say: TXT records, and whether a host leads to this installation."""

from __future__ import annotations

from typing import Final, Protocol

import dns.exception
import dns.name
import dns.resolver
import requests

from portal.domain.merchants.own_hosts import Fault
from portal.providers import guarded
from portal.providers.guarded import NotReached

PATIENCE: Final = 6.0  # seconds for all name servers together: somebody waits
WELL_KNOWN: Final = "/.well-known/portal-host/"
MOST_RECORDS: Final = 64


class NoAnswer(Exception):
    """The name servers did not answer, or could not: nothing is known."""


class HostNames(Protocol):
    """The names of the world."""

    def texts(self, name: str) -> list[str]:
        """Return the TXT records of a name, none where there are none; raise NoAnswer."""

    def fault(self, host: str, token: str, sign: str) -> Fault | None:
        """Say what is wrong when a visitor opens the host by https; None: it leads here."""


class PublicHostNames:
    """By the machine's name servers, or by those that are named; each name is asked for anew."""

    def __init__(self, servers: tuple[str, ...] = (), *, port: int = 53, loopback: bool = False) -> None:
        """`loopback`: the tests and the demo, where a host may lead to this machine."""
        self._servers, self._port, self._loopback = servers, port, loopback

    def texts(self, name: str) -> list[str]:
        """Return the TXT records of a name, each as one text; raise NoAnswer."""
        try:
            resolver = dns.resolver.Resolver(configure=not self._servers)
            if self._servers:
                resolver.nameservers, resolver.port = list(self._servers), self._port
            asked = dns.name.from_text(name)
            found = resolver.resolve(asked, "TXT", lifetime=PATIENCE, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise NoAnswer(type(error).__name__) from error
        rows = list(found.rrset or [])[:MOST_RECORDS]
        return [b"".join(row.strings).decode("utf-8", "replace") for row in rows]

    def fault(self, host: str, token: str, sign: str) -> Fault | None:
        """Open the host as a visitor does: by https, with a certificate that a browser takes."""
        session = guarded.session(self._loopback)
        try:
            answered = guarded.ask(session, "GET", f"https://{host}{WELL_KNOWN}{token}")
        except NotReached as error:
            is_tls = isinstance(error.__cause__, requests.exceptions.SSLError)
            return Fault.CERTIFICATE if is_tls else Fault.NOT_REACHED
        finally:
            session.close()
        is_ours = answered.status == 200 and answered.body.strip() == sign.encode()
        return None if is_ours else Fault.ANOTHER
