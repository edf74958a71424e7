"""The floors: the least programs that do the same work on the same stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle

import requests

from bench.measures import Work
from bench.stack import CLIENT_ID, CLIENT_SECRET


def bare_loop(simulator_url: str, provider_ids: Sequence[str], *, at_once: int = 200) -> Work:
    """Return the work of a bare `requests` loop: read one subscription after the other, keep nothing."""
    session = requests.Session()
    session.trust_env = False
    answer = session.post(
        f"{simulator_url}/v1/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(CLIENT_ID, CLIENT_SECRET),
        timeout=10,
    )
    answer.raise_for_status()
    session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    ids: Iterator[str] = cycle(provider_ids)

    def read() -> int:
        for _ in range(at_once):
            url = f"{simulator_url}/v1/billing/subscriptions/{next(ids)}?fields=plan"
            one = session.get(url, timeout=10)
            one.raise_for_status()
            one.json()
        return at_once

    return read
