"""A batch of messages is asked about side by side: what is about one subscription together, the others meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import RLock
from typing import Final, Generic, TypeVar

from portal.models import PayPalEvent
from portal.providers.ports import GatewayRefused, GatewayUnavailable, Refusal
from portal.services.arrivals.import_pages import SILENCES

CALLS: Final = 8  # at once, of one batch

Answer = TypeVar("Answer")
Gateway = TypeVar("Gateway")


def in_rounds(events: Iterable[PayPalEvent]) -> list[list[list[PayPalEvent]]]:
    """Return what may be asked about side by side: the messages of each subscription together, in their order.

    In a round of its own comes what names no subscription: a refund may be about a sale that is among the others.
    """
    named: dict[str, list[PayPalEvent]] = {}
    unnamed = []
    for event in events:
        if event.subject:
            named.setdefault(event.subject, []).append(event)
        else:
            unnamed.append([event])
    return [one for one in (list(named.values()), unnamed) if one]


class Asking(Generic[Gateway]):
    """PayPal as one batch asks it: after an answer that is about all, nobody asks any more and all get the same.

    The first one asks alone, so that a token is asked for once, and a key that is refused shows at once.
    """

    def __init__(self, open_gateway: Callable[[], Gateway]) -> None:
        """`open_gateway` is called once, when somebody asks; what it raises is for all."""
        self._open, self._alone = open_gateway, RLock()
        self._gateway: Gateway | None = None
        self._for_all: Exception | None = None
        self._begun = False
        self._silent = 0

    def ask(self, call: Callable[[Gateway], Answer]) -> Answer:
        """Return what the call returns, or raise what it raises."""
        with self._alone:
            if not self._begun:
                try:
                    return self._ask(call)
                finally:
                    self._begun = True
        return self._ask(call)

    def gateway(self) -> Gateway:
        """Return the one gateway of the batch."""
        with self._alone:
            if self._gateway is None:
                if self._for_all is not None:
                    raise self._for_all
                try:
                    self._gateway = self._open()
                except Exception as error:
                    self._for_all = error
                    raise
            return self._gateway

    def _ask(self, call: Callable[[Gateway], Answer]) -> Answer:
        gateway = self.gateway()
        if self._for_all is not None:
            raise self._for_all
        try:
            answer = call(gateway)
        except GatewayUnavailable as error:
            self._silent += 1
            if self._silent >= SILENCES or error.http_status == 429:
                self._for_all = error
            raise
        except GatewayRefused as error:
            if error.refusal is Refusal.BAD_CREDENTIALS:
                self._for_all = error
            raise
        self._silent = 0
        return answer
