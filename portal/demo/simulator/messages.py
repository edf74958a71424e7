"""What goes over the wire: a request as it arrived, and a reply with the way it is to be delivered."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, kw_only=True)
class Request:
    """What arrived, header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query, the first value of each name."""
        return {key: values[0] for key, values in parse_qs(urlsplit(self.target).query).items()}


@dataclass(kw_only=True)
class Reply:
    """What to answer, and whether to let the answer through."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False  # send half, then close
    wait: float = 0.0  # seconds before answering
    hold: float | None = None  # seconds to stay silent before closing without an answer


class OAuthError(Exception):
    """An error of the OAuth shape, not the API's (FACTS.md 1.1)."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "error_description": description}


INVALID_CLIENT: Final = (401, "invalid_client", "Client Authentication failed")
INVALID_TOKEN: Final = (401, "invalid_token", "Access Token not found in cache")


def json_reply(status: int, body: dict[str, Any]) -> Reply:
    raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Reply(status=status, body=raw, headers={"Content-Type": "application/json"})
