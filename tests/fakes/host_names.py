"""The world's names as a test says they are."""

from __future__ import annotations

from portal.domain.merchants.own_hosts import Fault
from portal.providers.host_names import NoAnswer


class Names:
    """TXT records by name, hosts that lead to us, and name servers that may be silent."""

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self.faults: dict[str, Fault] = {}
        self.silent = False
        self.opened: list[tuple[str, str, str]] = []

    def texts(self, name: str) -> list[str]:
        """Answer what stands in the zone."""
        if self.silent:
            raise NoAnswer
        return self.records.get(name, [])

    def fault(self, host: str, token: str, sign: str) -> Fault | None:
        """Answer as the host would."""
        self.opened.append((host, token, sign))
        return self.faults.get(host)
