"""A running PayPal for tests: the demo's simulator over real HTTP, and PayPal's published contract as a judge."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from urllib3 import HTTPResponse

from portal.demo.simulator import Simulator, serve
from portal.demo.simulator.sending.certificates import authority
from portal.providers.ports import Credentials, Token

EVENT_ID = re.compile(r"(?<=/webhooks-events/)WH-[A-Z0-9-]+")
CLIENT_ID, SECRET = "client-of-the-tests", "secret-of-the-tests-4f2"
CONTRACT_FOLDER = Path(
    os.environ.get("PAYPAL_OPENAPI_DIR", Path(__file__).resolve().parents[2].parent / "shared" / "paypal")
)


class RunningSimulator(Simulator):
    """The simulator with one sandbox account, its addresses and the key that opens it."""

    url: str
    base_urls: dict[str, str]
    credentials = Credentials(client_id=CLIENT_ID, secret=SECRET, environment="sandbox")
    trust: Path  # the roots that its certificates lead to


class MemoryTokens:
    """A token store in memory that counts what is asked of it."""

    def __init__(self) -> None:
        self.token: Token | None = None
        self.puts = self.drops = 0

    def get(self) -> Token | None:
        return self.token

    def put(self, token: Token) -> None:
        self.token = token
        self.puts += 1

    def drop(self) -> None:
        self.token = None
        self.drops += 1


@pytest.fixture(scope="session")
def simulated_trust(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of the simulator's certificates, in a file as the demo has it."""
    file = tmp_path_factory.mktemp("trust") / "roots.pem"
    file.write_bytes(authority().pem)
    return file


@pytest.fixture
def paypal(simulated_trust: Path) -> Iterator[RunningSimulator]:
    """A PayPal of the test's own, with one sandbox account and nothing in it."""
    simulator = RunningSimulator()
    simulator.trust = simulated_trust
    simulator.add_account(CLIENT_ID, SECRET, environment="sandbox")
    with serve(simulator) as handle:
        simulator.url, simulator.base_urls = handle.url, handle.base_urls
        yield simulator


def _contract(specification: str) -> Callable[..., Any]:
    """Return one of PayPal's published files as a hook on a requests session; skip where the files are absent."""
    checker, file = CONTRACT_FOLDER / "contract_check.py", CONTRACT_FOLDER / specification
    if not (checker.is_file() and file.is_file()):
        pytest.skip(
            f"PayPal's OpenAPI files are not in {CONTRACT_FOLDER}: the contract was not checked "
            "(set PAYPAL_OPENAPI_DIR to the folder that holds contract_check.py)"
        )
    spec = importlib.util.spec_from_file_location("paypal_contract_check", checker)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.attach(requests.Session(), str(file)).hooks["response"][-1]


@pytest.fixture(scope="session")
def contract_hook() -> Callable[..., Any]:
    """PayPal's file on subscriptions and plans, as a judge."""
    return _contract("billing_subscriptions_v1.patched.json")


@pytest.fixture(scope="session")
def webhook_contract_hook() -> Callable[..., Any]:
    """PayPal's file on webhooks, as a judge."""
    return _contract("openapi/notifications_webhooks_v1.json")


@pytest.fixture(scope="session")
def payments_contract_hook(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """PayPal's file on payments and refunds, as a judge; without its `deprecated`, which is no OpenAPI."""
    published = CONTRACT_FOLDER / "openapi/payments_payment_v1.json"
    usable = tmp_path_factory.mktemp("contract") / published.name
    if published.is_file():
        contract = json.loads(published.read_text(encoding="utf-8"))
        contract.pop("deprecated", None)
        usable.write_text(json.dumps(contract), encoding="utf-8")
    return _contract(str(usable))


@pytest.fixture
def judged(
    contract_hook: Callable[..., Any],
    webhook_contract_hook: Callable[..., Any],
    payments_contract_hook: Callable[..., Any],
) -> Callable[[requests.Session], requests.Session]:
    """Put the contract on a session. Answers that the simulator itself marks as broken are left out."""

    def hook(response: requests.Response, **more: Any) -> requests.Response:
        if "X-Simulator-Off-Contract" in response.headers:
            return response
        if response.status_code >= 429 and (response.url or "").endswith("/oauth2/token"):
            return response  # the published contract of the token call names 200, 400 and 401 only
        # The live world stands under a prefix here, which PayPal's own path has not.
        real, request = response.request, response.request.copy()
        request.url = (request.url or "").replace("/live/v1/", "/v1/")
        on_webhooks = "/v1/notifications/" in request.url
        if on_webhooks:
            if response.status_code == 401:
                return response  # PayPal's file knows only one of the two shapes (FACTS.md 1.1)
            # PayPal's file forbids the hyphens of PayPal's own event ids (FACTS.md 2.2).
            request.url = EVENT_ID.sub(lambda found: found[0].replace("-", ""), request.url)
        response.request = request
        try:
            on_payments = "/v1/payments/" in request.url
            judge = webhook_contract_hook if on_webhooks else payments_contract_hook if on_payments else contract_hook
            judge(response, **more)
        finally:
            response.request = real
            # The judge has read the body: the client, which reads it as it comes, gets it once more.
            response.raw = HTTPResponse(io.BytesIO(response.content), preload_content=False)
        return response

    def attach(session: requests.Session) -> requests.Session:
        session.hooks["response"].append(hook)
        return session

    return attach
