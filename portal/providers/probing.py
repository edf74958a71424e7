"""Raw looks at PayPal, for the sandbox checklist: what it really answers, with everything personal masked.

The portal itself never works with these; it reads through the gateways of `ports`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One answer as it came. `fields` are its body's leaves in order, each path with a value that may be shown."""

    asked: str  # method and path, no query
    status: int
    milliseconds: int
    headers: Mapping[str, str]  # every name; a value only where it cannot be personal, else ""
    fields: tuple[tuple[str, str], ...]
    kind: str  # "json", "form", "empty" or "other"

    @property
    def debug_id(self) -> str:
        """PayPal's own id of the call, for its support."""
        return self.headers.get("paypal-debug-id", "") or self.value("CORRELATIONID") or self.value("debug_id")

    def value(self, path: str) -> str:
        """Return the first value shown under a path, "" when it is absent."""
        return next((value for name, value in self.fields if name == path), "")

    def has(self, path: str) -> bool:
        """Say whether a field is present, at that path or below it."""
        return any(name == path or name.startswith((path + ".", path + "[")) for name, _ in self.fields)


class RestProbe(Protocol):
    """Asks the REST API anything. GatewayUnavailable when there is no answer at all; a refusal is an answer."""

    def token(self, *, grant: bool = True) -> Seen:
        """Ask for a token; without `grant` leave out what kind is wanted, to see how PayPal says so."""

    def ask(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, json: Mapping[str, Any] | None = None
    ) -> Seen:
        """Make one call, with a token that is fetched for it if there is none yet."""


class ClassicProbe(Protocol):
    """Asks the classic API anything; raises as `RestProbe`."""

    def ask(self, method: str, fields: Mapping[str, str] | None = None) -> Seen:
        """Make one call, for instance `GetBalance`."""
