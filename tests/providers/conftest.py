"""The real client against the simulator, each call and answer judged by PayPal's published contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from portal.demo.simulator.sending.certificates import certificate
from portal.providers.paypal import PayPalGateway, PayPalGateways
from portal.providers.paypal.transport import new_session
from portal.providers.ports import Credentials
from tests.fakes.paypal import MemoryTokens, RunningSimulator
from tests.fakes.raw_server import Raw
from tests.fakes.webhooks import LIVE, SANDBOX
from tests.providers.signing import Internet, make_verifier

PATIENCE = 5.0  # seconds; far more than the simulator needs, so that a busy machine is not a timeout


@pytest.fixture
def tokens() -> MemoryTokens:
    return MemoryTokens()


@pytest.fixture
def open_gateway(paypal: RunningSimulator, tokens: MemoryTokens, judged) -> Callable[..., PayPalGateway]:
    """Open a gateway with some other key, store or patience than usual."""
    gateways = PayPalGateways(paypal.base_urls, new_session=lambda url: judged(new_session(url)))

    def make(
        credentials: Credentials = paypal.credentials,
        *,
        store: MemoryTokens | None = None,
        patience: float = PATIENCE,
    ) -> PayPalGateway:
        return gateways(credentials, store or tokens, patience=patience)

    return make


@pytest.fixture
def gateway(open_gateway) -> PayPalGateway:
    """The gateway of the test's account."""
    return open_gateway()


@pytest.fixture
def raw() -> Iterator[Callable[[bytes], Raw]]:
    """Start a server that answers these bytes."""
    servers: list[Raw] = []

    def start(answer: bytes) -> Raw:
        servers.append(Raw(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def internet():
    world = Internet()
    world.put(SANDBOX, certificate("sandbox").chain)
    world.put(LIVE, certificate("live").chain)
    return world


@pytest.fixture
def verifier(internet, simulated_trust):
    """The verifier with PayPal's real addresses; its roots are the simulator's."""
    return make_verifier(internet, trust=simulated_trust)
