"""Nothing leaves while the gate is shut: to PayPal and by mail (services/restores.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from portal.providers.letters import Letter, Mailer, MailUnavailable
from portal.providers.ports import (
    ClassicCredentials,
    ClassicGateway,
    Credentials,
    Gateways,
    GatewayUnavailable,
    RestGateway,
    TokenStore,
)
from portal.providers.probing import ClassicProbe, RestProbe

WHY: Final = "the database was restored, and not recovered yet"
IsShut = Callable[[], bool]


class GatedGateways:
    """PayPal, as it is reached while the gate is open; shut, it is as if nobody answered."""

    def __init__(self, gateways: Gateways, is_shut: IsShut) -> None:
        self._gateways, self._is_shut = gateways, is_shut

    def __call__(self, credentials: Credentials, tokens: TokenStore, *, patience: float = 20.0) -> RestGateway:
        return self._open()(credentials, tokens, patience=patience)

    def classic(self, credentials: ClassicCredentials, *, patience: float = 20.0) -> ClassicGateway:
        """Return the classic gateway; raise GatewayUnavailable while it is shut."""
        return self._open().classic(credentials, patience=patience)

    def probe(self, credentials: Credentials) -> RestProbe:
        """Return what only looks, by the operator's own hand."""
        return self._gateways.probe(credentials)

    def classic_probe(self, credentials: ClassicCredentials) -> ClassicProbe:
        """Return what only looks, by the operator's own hand."""
        return self._gateways.classic_probe(credentials)

    def _open(self) -> Gateways:
        if self._is_shut():
            raise GatewayUnavailable(WHY)
        return self._gateways


class GatedMailer:
    """The mail server; shut, a message is put off."""

    def __init__(self, mailer: Mailer, is_shut: IsShut) -> None:
        self._mailer, self._is_shut = mailer, is_shut

    def send(self, letter: Letter) -> None:
        """Send it; raise as the mailer does, MailUnavailable while it is shut."""
        if self._is_shut():
            raise MailUnavailable(WHY)
        self._mailer.send(letter)
