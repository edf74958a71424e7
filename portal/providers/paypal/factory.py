"""Makes gateways: the one object that knows PayPal's addresses and keeps the HTTP sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import requests

from portal.providers.paypal import transport
from portal.providers.paypal.addresses import Addresses, addresses
from portal.providers.paypal.classic import PayPalClassicGateway
from portal.providers.paypal.client import PayPalGateway
from portal.providers.paypal.probe import PayPalClassicProbe, PayPalRestProbe
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
        where = self._addresses(credentials.environment)
        return PayPalGateway(
            self._sessions[credentials.environment],
            where,
            credentials=credentials,
            tokens=tokens,
            patience=patience,
        )

    def classic(self, credentials: ClassicCredentials, *, patience: float = 20.0) -> ClassicGateway:
        """Return the classic gateway for `credentials`; ValueError when their environment has no address."""
        where = self._addresses(credentials.environment)
        return PayPalClassicGateway(
            self._sessions[credentials.environment], where.nvp, credentials=credentials, patience=patience
        )

    def _addresses(self, environment: str) -> Addresses:
        if environment not in self._where:
            raise ValueError(f"no PayPal address for the environment {environment!r}")
        return self._where[environment]

    def probe(self, credentials: Credentials) -> PayPalRestProbe:
        """Return raw looks at the REST API, masked, for the sandbox checklist."""
        environment = credentials.environment
        return PayPalRestProbe(self._sessions[environment], self._where[environment], credentials=credentials)

    def classic_probe(self, credentials: ClassicCredentials) -> PayPalClassicProbe:
        """Return raw looks at the classic API, masked."""
        environment = credentials.environment
        return PayPalClassicProbe(self._sessions[environment], self._where[environment], credentials=credentials)
