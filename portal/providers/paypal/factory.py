"""Makes gateways: the one object that knows PayPal's addresses and keeps the HTTP sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import requests

from portal.providers.paypal import transport
from portal.providers.paypal.addresses import addresses
from portal.providers.paypal.client import PayPalGateway
from portal.providers.ports import ClassicCredentials, ClassicGateway, Credentials, TokenStore


class PayPalGateways:
    """Makes the gateway of an account. One HTTP session an environment, shared by the process's threads."""

    def __init__(
        self,
        base_urls: Mapping[str, str] | None = None,
        *,
        new_session: Callable[[str], requests.Session] = transport.new_session,
    ) -> None:
        """`base_urls` puts a stand-in in PayPal's place; plain http only to this machine."""
        self._where = addresses(base_urls)
        self._sessions = {name: new_session(where.rest) for name, where in self._where.items()}

    def __call__(self, credentials: Credentials, tokens: TokenStore, *, patience: float = 20.0) -> PayPalGateway:
        """Return the REST gateway for `credentials`; ValueError when their environment has no address."""
        environment = credentials.environment
        if environment not in self._where:
            raise ValueError(f"no PayPal address for the environment {environment!r}")
        return PayPalGateway(
            self._sessions[environment],
            self._where[environment],
            credentials=credentials,
            tokens=tokens,
            patience=patience,
        )

    def classic(self, credentials: ClassicCredentials, *, patience: float = 20.0) -> ClassicGateway:
        """Return the classic gateway for `credentials`."""
        raise NotImplementedError
