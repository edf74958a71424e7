"""The secrets that sign an endpoint's events: sealed for its row, shown once, two of them after a rotation."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final

from portal.domain.integrations.event_signatures import BYTES, secret_of
from portal.domain.integrations.outgoing_events import BOTH_SECRETS
from portal.models import EventEndpoint
from portal.secrets import Vault

SECRET: Final = "event_endpoints.secret"  # noqa: S105 - what a box is sealed for
FORMER: Final = "event_endpoints.former_secret"
FORMERS: Final = 2  # that sign beside the new one: a signature each, in one header


def renew(vault: Vault, endpoint: EventEndpoint, *, now: datetime) -> str:
    """Give the endpoint a new secret and return it, this once; the one before signs too for a day.

    So does the one before that, while its day lasts: of two new ones in a row the receiver may have seen neither.
    """
    secret = secret_of(secrets.token_bytes(BYTES))
    if endpoint.secret is not None:
        former = signing(vault, endpoint, now=now)[:FORMERS]
        endpoint.former_secret = vault.seal(" ".join(former), purpose=FORMER, row=endpoint.id)
        endpoint.former_secret_until = now + BOTH_SECRETS
    endpoint.secret, endpoint.secret_set_at = vault.seal(secret, purpose=SECRET, row=endpoint.id), now
    return secret


def signing(vault: Vault, endpoint: EventEndpoint, *, now: datetime) -> list[str]:
    """Return the secrets that sign now, the newest first; raise CannotOpen when a master key is missing."""
    found = [vault.open(endpoint.secret, purpose=SECRET, row=endpoint.id)]
    until = endpoint.former_secret_until
    if endpoint.former_secret is not None and until is not None and now < until:
        found += vault.open(endpoint.former_secret, purpose=FORMER, row=endpoint.id).split()
    return found
