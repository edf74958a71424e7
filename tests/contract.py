"""An independent opinion on our client and our simulator: Prism, over PayPal's own published files.

`make contract` puts Prism between the two and has the client make every call it knows, the refused ones too.
Prism names what does not fit PayPal's files in the header `sl-violations` of each answer.  Two calls that are wrong
on purpose show that it judges at all.  The files are PayPal's and stay outside the project: PAYPAL_OPENAPI_DIR.

Exit status: 0 nothing to say against, 1 violations, 2 nothing could be judged.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests

from portal import logs
from portal.demo.simulator import Simulator, serve
from portal.domain.money.money import Money
from portal.providers.paypal import PayPalGateways, transport
from portal.providers.ports import Credentials, GatewayRefused, GatewayUnavailable, RestGateway
from tests.fakes.paypal import CONTRACT_FOLDER, MemoryTokens
from tests.ports import free_port

PRISM = "@stoplight/prism-cli@5.14.2"
START = 180  # seconds: npm may first have to fetch it
KEY = Credentials(client_id="client-of-the-contract", secret="secret-of-the-contract", environment="sandbox")
ADDRESS = "https://portal.example/webhooks/paypal/contract"
EVENTS = ("BILLING.SUBSCRIPTION.CANCELLED", "PAYMENT.SALE.COMPLETED")
BILLING = CONTRACT_FOLDER / "billing_subscriptions_v1.patched.json"
WEBHOOKS = CONTRACT_FOLDER / "openapi" / "notifications_webhooks_v1.json"
PAYMENTS = CONTRACT_FOLDER / "openapi" / "payments_payment_v1.json"

# What PayPal's file gets wrong about PayPal, each with what shows it. Printed, and not counted.
KNOWN = {
    "request.path.event_id: Request path parameter event_id must match pattern": (
        "PayPal's event ids have hyphens, WH-…-…, in its documents and in real messages; its file's pattern has none"
    ),
}


class NotJudged(Exception):
    """Prism or PayPal's files are not here: no opinion, which is no good opinion."""


@dataclass
class Verdicts:
    """What Prism said of each call."""

    calls: list[tuple[str, int, list[str]]] = field(default_factory=list)  # call, status, what Prism has against it

    def hear(self, response: requests.Response, **_more: Any) -> requests.Response:
        """Note one answer; a hook on the client's session."""
        path = (response.request.path_url or "").partition("?")[0]
        said = [_words(one) for one in json.loads(response.headers.get("sl-violations", "[]"))]
        self.calls.append((f"{response.request.method} {_pattern(path)}", response.status_code, said))
        return response

    def session(self, base_url: str) -> requests.Session:
        """Return the client's own kind of session, listened to."""
        http = transport.new_session(base_url)
        http.hooks["response"].append(self.hear)
        return http

    def print(self) -> int:
        """Print each kind of call with how it was answered, then what was said; return how much of it is against us."""
        counted = Counter((call, status) for call, status, _ in self.calls)
        for (call, status), number in sorted(counted.items()):
            print(f"  {call} -> {status}" + (f"  ({number} times)" if number > 1 else ""))
        against = 0
        for (call, status, said), number in sorted(Counter((c, s, one) for c, s, v in self.calls for one in v).items()):
            known = next((why for start, why in KNOWN.items() if said.startswith(start)), "")
            against += 0 if known else number
            label = f"KNOWN ({known})" if known else "AGAINST"
            print(f"  {label} {call} -> {status}: {said}" + (f"  ({number} times)" if number > 1 else ""))
        return against


def main() -> int:
    """Judge, print and return the exit status."""
    logs.set_up("error")
    try:
        prism = _prism()
        violations = _judge(prism, "subscriptions", BILLING, _subscription_calls, wrong=_wrong_subscription_calls)
        violations += _judge(prism, "webhooks", WEBHOOKS, _webhook_calls, wrong=_wrong_webhook_calls)
        violations += _judge(prism, "refunds", PAYMENTS, _refund_calls, wrong=_wrong_refund_calls)
    except NotJudged as error:
        print(f"The contract was not judged: {error}")
        return 2
    print(
        f"{violations} calls failed or are not as PayPal's files have them." if violations else "Prism agrees with all."
    )
    return 1 if violations else 0


Walk = Callable[[Simulator, Callable[..., RestGateway]], None]
Wrong = Callable[[Simulator, requests.Session, str], Iterator[str]]


def _judge(prism: list[str], subject: str, document: Path, walk: Walk, *, wrong: Wrong) -> int:
    """Have the client make its calls through Prism; return how many of them it has something against."""
    if not document.is_file():
        raise NotJudged(f"PayPal's file {document.name} is not in {document.parent} (set PAYPAL_OPENAPI_DIR)")
    simulator = Simulator()
    simulator.add_account(KEY.client_id, KEY.secret, environment="sandbox")
    verdicts = Verdicts()
    with serve(simulator) as handle:
        tokens = MemoryTokens()
        # The token is had directly: only one of the two files describes that call.
        tokens.put(PayPalGateways(handle.base_urls)(KEY, tokens).check_key())
        with _proxy(prism, document, handle.url) as url:
            gateways = PayPalGateways({"sandbox": url}, new_session=verdicts.session)
            failure = ""
            try:
                walk(simulator, lambda key=KEY: gateways(key, tokens if key is KEY else MemoryTokens(), patience=15))
            except (GatewayRefused, GatewayUnavailable) as error:
                failure = f"  FAILED, and the calls after it were not made: {error}"
            _show_that_it_judges(simulator, url, tokens, wrong)
    print(f"{subject}: {len(verdicts.calls)} calls judged over {document.name}")
    violations = verdicts.print()
    if failure:
        print(failure)
    return violations + bool(failure)


def _show_that_it_judges(simulator: Simulator, url: str, tokens: MemoryTokens, wrong: Wrong) -> None:
    """Make calls that are wrong on purpose; a judge that has nothing against one of them is none."""
    control = Verdicts()
    http = control.session(url)
    assert tokens.token is not None
    http.headers["Authorization"] = f"Bearer {tokens.token.value}"
    names = list(wrong(simulator, http, url))
    missed = [name for name, (_, _, said) in zip(names, control.calls, strict=True) if not said]
    if missed:
        raise NotJudged(f"Prism says nothing against what is wrong on purpose: {', '.join(missed)}")


def _subscription_calls(simulator: Simulator, gateway: Callable[..., RestGateway]) -> None:
    """Make every call about subscriptions and plans that the portal makes, and meet every refusal."""
    now = datetime.now(UTC)
    states = ("APPROVAL_PENDING", "APPROVED", "ACTIVE", "SUSPENDED", "CANCELLED", "EXPIRED")
    ids = {state: simulator.add_subscription(status=state, started_at=now - timedelta(days=70)).id for state in states}
    for _ in range(20):
        simulator.add_subscription(status="ACTIVE", started_at=now - timedelta(days=40))
    late = simulator.add_subscription(status="ACTIVE", started_at=now - timedelta(days=40))
    late.failed_payments = 1
    paypal = gateway()
    paypal.check_key()
    for page in (1, 2):
        paypal.list_subscriptions(page=page)
    paypal.list_subscriptions(page=1, changed_since=now - timedelta(days=1))
    for provider_id in (*ids.values(), late.id):
        paypal.show_subscription(provider_id)
        paypal.list_payments(provider_id, start=now - timedelta(days=80), end=now)
    for plan in paypal.list_plans():
        paypal.show_plan(plan.provider_id)
    paypal.suspend_subscription(ids["ACTIVE"], reason="pause")
    paypal.activate_subscription(ids["ACTIVE"], reason="reprise")
    paypal.cancel_subscription(ids["ACTIVE"], reason="x" * 200)
    paypal.show_subscription(ids["ACTIVE"])
    _capture_calls(simulator, paypal)
    for act in (paypal.cancel_subscription, paypal.suspend_subscription, paypal.activate_subscription):
        _refused(lambda act=act: act(ids["CANCELLED"], reason="encore"))
    _refused(lambda: paypal.show_subscription("I-NOBODY000000"))
    _refused(lambda: paypal.show_plan("P-NOBODY00000000000000000A"))
    for behaviour in ("429", "500", "503", "403", "400", "422-account-closed", "422-cannot-be-activated"):
        simulator.rule("activate", behaviour, times=1)
        _refused(lambda: paypal.activate_subscription(ids["SUSPENDED"], reason="reprise"))
    _refused(gateway(Credentials(client_id=KEY.client_id, secret="wrong", environment="sandbox")).check_key)


def _capture_calls(simulator: Simulator, paypal: RestGateway) -> None:
    """Take what is outstanding, twice under one id, and meet every refusal."""
    row = simulator.add_subscription(status="ACTIVE", started_at=datetime.now(UTC) - timedelta(days=40))
    row.failed_payments, row.outstanding = 1, "29.90"
    due = {"amount": Money(Decimal("29.9"), "EUR"), "note": "outstanding"}
    for behaviour in (
        "202",
        "500",
        "422-payer-locked",
        "422-account-closed",
        "422-zero-outstanding",
        "422-amount-greater",
        "422-currency-mismatch",
        "422-status-invalid",
    ):
        simulator.rule("capture", behaviour, times=1)
        _refused(lambda: paypal.capture_outstanding(row.id, request_id="not-yet", **due))
    for _ in range(2):
        paypal.capture_outstanding(row.id, request_id="once", **due)
    paypal.show_subscription(row.id)
    _refused(lambda: paypal.capture_outstanding(row.id, request_id="again", **due))
    _refused(lambda: paypal.capture_outstanding("I-NOBODY000000", request_id="nobody", **due))


def _webhook_calls(simulator: Simulator, gateway: Callable[..., RestGateway]) -> None:
    """Make every call about webhooks and events that the portal makes."""
    now = datetime.now(UTC)
    paypal = gateway()
    ours = paypal.create_webhook(url=ADDRESS, event_types=EVENTS)
    _refused(lambda: paypal.create_webhook(url=ADDRESS, event_types=EVENTS))
    paypal.list_webhooks()
    paypal.change_webhook(ours.provider_id, url=ADDRESS + "-2", event_types=("*",))
    paypal.simulate_event(ours.provider_id, event_type=EVENTS[0])
    row = simulator.add_subscription(status="ACTIVE", started_at=now - timedelta(days=40))
    simulator.happen(row.id, "buyer-cancels")
    events = list(paypal.list_events(start=now - timedelta(days=1), end=now + timedelta(minutes=1)))
    for event in events[:1]:
        paypal.resend_event(event.provider_id, webhook_id=ours.provider_id)
    _refused(lambda: paypal.resend_event("WH-NOBODY", webhook_id=ours.provider_id))
    for number in range(10):
        _refused(lambda number=number: paypal.create_webhook(url=f"{ADDRESS}-{number + 3}", event_types=EVENTS))


def _refund_calls(simulator: Simulator, gateway: Callable[..., RestGateway]) -> None:
    """Give payments back, whole and in part, see what became of it, and meet the refusals."""
    row = simulator.add_subscription(status="ACTIVE", started_at=datetime.now(UTC) - timedelta(days=70))
    for _ in range(4):
        simulator.happen(row.id, "charge")
    whole, part, slow, unnamed = (paid.id for paid in row.payments[-4:])
    paypal = gateway()
    paypal.show_refund(paypal.refund_sale(whole, request_id="whole").provider_id)
    paypal.refund_sale(whole, request_id="whole")  # the same call again
    _refused(lambda: paypal.refund_sale(whole, request_id="whole-2"))
    paypal.show_refund(paypal.refund_sale(part, request_id="part", amount=Money(Decimal("9.95"), "EUR")).provider_id)
    _refused(lambda: paypal.refund_sale(part, request_id="more", amount=Money(Decimal("99.95"), "EUR")))
    simulator.happen(row.id, "refunds-wait")
    paypal.show_refund(paypal.refund_sale(slow, request_id="slow").provider_id)
    _refused(lambda: paypal.refund_sale("NOBODYS0000000000", request_id="nobody"))
    _refused(lambda: paypal.show_refund("NOBODYS0000000000"))
    for behaviour in ("429", "500", "403"):
        simulator.rule("refund", behaviour, times=1)
        _refused(lambda behaviour=behaviour: paypal.refund_sale(unnamed, request_id=behaviour))


def _wrong_refund_calls(simulator: Simulator, http: requests.Session, url: str) -> Iterator[str]:
    row = simulator.add_subscription(status="ACTIVE", started_at=datetime.now(UTC) - timedelta(days=40))
    simulator.happen(row.id, "charge")
    sale = f"{url}/v1/payments/sale/{row.payments[-1].id}/refund"
    http.post(sale, json={"amount": {"total": "1.00"}}, timeout=15)
    yield "a refund without a currency"


def _wrong_subscription_calls(simulator: Simulator, http: requests.Session, url: str) -> Iterator[str]:
    row = simulator.add_subscription(status="ACTIVE", started_at=datetime.now(UTC))
    address = f"{url}/v1/billing/subscriptions/{row.id}"
    http.post(f"{address}/cancel", json={"note": "not the field it is"}, timeout=15)
    yield "a cancel without a reason"
    http.post(f"{address}/capture", json={"note": "without an amount"}, timeout=15)
    yield "a capture without an amount"
    row.status = "GONE"
    http.get(address, timeout=15)
    yield "a subscription with a made-up state"


def _wrong_webhook_calls(simulator: Simulator, http: requests.Session, url: str) -> Iterator[str]:
    http.post(f"{url}/v1/notifications/webhooks", json={"url": ADDRESS}, timeout=15)
    yield "a webhook without event types"


def _refused(call: Callable[[], object]) -> None:
    """Make a call that may be refused: what counts here is the shape of the answer."""
    with suppress(GatewayRefused, GatewayUnavailable):
        call()


def _prism() -> list[str]:
    """Return the command that runs Prism: the one that PRISM names, else by npx."""
    if named := os.environ.get("PRISM"):
        return shlex.split(named)
    npx = shutil.which("npx")
    if npx is None:
        raise NotJudged("npx is not here (it comes with Node's npm), and PRISM names no other way to run Prism")
    return [npx, "--yes", PRISM]


@contextmanager
def _proxy(prism: list[str], document: Path, upstream: str) -> Iterator[str]:
    """Run Prism between a client and `upstream` over one of PayPal's files; give its address once it listens."""
    port = free_port()
    command = [*prism, "proxy", "-h", "127.0.0.1", "-p", str(port), "-v", "error", str(document), upstream]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            deadline = time.monotonic() + START
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    said.seek(0)
                    raise NotJudged(f"Prism did not start: {said.read().decode(errors='replace').strip()[-500:]}")
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            with suppress(ProcessLookupError):  # npx starts it in a process of its own: the whole group ends
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _pattern(path: str) -> str:
    """Return a path with its ids replaced, so that calls of one kind are counted together."""
    return re.sub(r"/[0-9A-Z][0-9A-Z-]{8,}(?=/|$)", "/{id}", path)


def _words(violation: dict[str, Any]) -> str:
    place = ".".join(str(part) for part in violation.get("location", []))
    return f"{place}: {violation.get('message', '')} ({violation.get('code', '')})"


if __name__ == "__main__":
    sys.exit(main())
