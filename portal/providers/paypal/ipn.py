"""Whether PayPal sent an IPN: the identical bytes are posted back, and PayPal says so (FACTS.md 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portal.providers.paypal import errors, transport
from portal.providers.paypal.addresses import addresses
from portal.providers.paypal.transport import Call

PREFIX: Final = b"cmd=_notify-validate&"
WORDS: Final = {b"VERIFIED": True, b"INVALID": False}
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "*/*"}


class PayPalIpns:
    """Asks PayPal about IPNs; the address comes from our settings, never from the message."""

    def __init__(self, base_urls: Mapping[str, str] | None = None, *, patience: float = 20.0) -> None:
        """`base_urls` puts a stand-in in PayPal's place; `patience` is the longest silence in seconds."""
        self._where = addresses(base_urls)
        self._sessions = {name: transport.new_session(where.rest) for name, where in self._where.items()}
        self._patience = patience

    def is_genuine(self, body: bytes, *, environment: str) -> bool:
        """Post the identical bytes back, never decoded, and return PayPal's word for them.

        Raises GatewayUnavailable for anything but a plain VERIFIED or INVALID, and ValueError when the
        environment has no address.
        """
        if environment not in self._where:
            raise ValueError(f"no PayPal address for the environment {environment!r}")
        call = Call(operation="ipn_postback", method="POST", path="", form=PREFIX + body, headers=FORM)
        arrived = transport.fetch(
            self._sessions[environment], self._where[environment].ipn, call, patience=self._patience
        )
        word = WORDS.get((arrived.raw or b"").strip()) if arrived.status == 200 else None
        transport.note(call, arrived, error="" if word is not None else "no_word")
        if word is None:
            raise errors.unavailable("ipn_postback: neither VERIFIED nor INVALID", status=arrived.status)
        return word
