"""Asking for a certificate: once, with limits, and what is kept of the answer."""

from __future__ import annotations

import threading

import pytest

from portal.demo.simulator.sending.certificates import certificate
from portal.providers.paypal import certificates
from portal.providers.ports import BadSignature, GatewayUnavailable, SignatureFault
from tests.fakes.webhooks import SANDBOX
from tests.providers.signing import check, fault, genuine


def test_the_certificate_is_asked_for_once_with_limits_and_without_cookies(verifier, internet):
    internet.put(SANDBOX, certificate("sandbox").chain, **{"Set-Cookie": "who=you"})
    for _ in range(3):
        check(verifier, genuine())
    other = SANDBOX[:-1] + "8"
    internet.put(other, certificate("sandbox").chain)
    check(verifier, genuine(url=other))
    assert [asked.url for asked in internet.asked] == [SANDBOX, other]
    assert internet.timeouts == [(3.05, 5.0)] * 2
    assert "Cookie" not in internet.asked[1].headers
    assert "Authorization" not in internet.asked[1].headers


def test_many_threads_ask_once(verifier, internet):
    deliveries = [genuine() for _ in range(8)]
    start, faults = threading.Barrier(8), []

    def run(delivery):
        start.wait()
        try:
            check(verifier, delivery)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=run, args=(delivery,)) for delivery in deliveries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(internet.asked) == 1


AWAY = {
    "500": (500, b"{}"),
    "503": (503, b""),
    "429": (429, b"{}"),
    "403 of something in between": (403, b"<html>"),
    "a page": (200, b"<html>maintenance</html>"),
    "nothing": (200, b""),
    "half a certificate": (200, certificate("sandbox").chain[:300]),
    "no certificate inside": (200, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    "far too much": (200, certificate("sandbox").chain + b" " * 70_000),
}


@pytest.mark.parametrize(("status", "body"), AWAY.values(), ids=AWAY.keys())
def test_a_certificate_that_is_not_to_be_had_now_decides_nothing(verifier, internet, status, body):
    internet.put(SANDBOX, body, status=status)
    with pytest.raises(GatewayUnavailable):
        check(verifier, genuine())


def test_a_failure_is_remembered_for_moments_only(verifier, internet, monkeypatch):
    internet.is_down = True
    for _ in range(3):
        with pytest.raises(GatewayUnavailable):
            check(verifier, genuine())
    assert len(internet.asked) == 1, "a storm of messages asks PayPal once"
    internet.is_down = False
    monkeypatch.setattr(certificates, "FAILURE_LIFE", 0.0)
    fresh = SANDBOX[:-1] + "9"
    with pytest.raises(BadSignature):
        check(verifier, genuine(url=fresh))
    internet.put(fresh, certificate("sandbox").chain)
    check(verifier, genuine(url=fresh))


def test_a_certificate_that_paypal_does_not_know_is_nobodys(verifier, internet):
    internet.files.clear()
    assert fault(verifier, genuine()) is SignatureFault.CERTIFICATE


def test_what_is_kept_is_bounded(verifier, internet):
    for number in range(certificates.KEPT + 5):
        url = SANDBOX + str(number)
        internet.put(url, certificate("sandbox").chain)
        check(verifier, genuine(url=url))
    for number in range(certificates.FAILURES_KEPT + 5):
        fault(verifier, genuine(url=f"{SANDBOX}-none-{number}"))
    kept = verifier._certificates["sandbox"]
    assert len(kept._kept) == certificates.KEPT
    assert len(kept._failures) == certificates.FAILURES_KEPT
