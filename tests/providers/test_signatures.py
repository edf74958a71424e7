"""Nobody but PayPal gets a message past the signature: every way to fake one that we could think of."""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from portal.demo.simulator.sending.certificates import certificate
from portal.providers.deliveries import SignatureFault
from tests.fakes.webhooks import SANDBOX, signed
from tests.providers.signing import BODY, OURS, check, fault, genuine


@pytest.mark.parametrize("environment", ["sandbox", "live"])
@pytest.mark.parametrize(
    "body",
    [BODY, b"", b"\xff\xfe\x00 not text", b"not json", b'{"id": "cut', b"[" * 100_000, b" " * 1024 * 1024],
    ids=["event", "empty", "bytes", "text", "truncated", "deep", "huge"],
)
def test_paypals_own_message_passes_whatever_its_bytes_are(verifier, environment, body):
    check(verifier, genuine(body, environment=environment), environment=environment)


def test_both_of_paypals_hosts_serve_certificates(verifier, internet):
    newer = SANDBOX.replace("api.sandbox", "api-m.sandbox")
    internet.put(newer, certificate("sandbox").chain)
    check(verifier, genuine(url=newer))


def test_the_signed_text_is_the_documented_one(verifier):
    """Built here with another crc than the standard library's, so that both cannot be wrong in the same way."""
    crc = 0xFFFFFFFF
    for byte in BODY:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = f"4ce9-1|{moment}|{OURS}|{crc ^ 0xFFFFFFFF}".encode()
    signature = certificate("sandbox").key.sign(text, padding.PKCS1v15(), hashes.SHA256())
    delivery = replace(
        genuine(),
        transmission_id="4ce9-1",
        transmission_time=moment,
        signature=base64.b64encode(signature).decode(),
    )
    check(verifier, delivery)


# The message


def test_every_header_is_needed(verifier):
    for name in ("transmission_id", "transmission_time", "cert_url", "auth_algo", "signature"):
        for value in ("", " "):
            why = fault(verifier, replace(genuine(), **{name: value}))
            assert why in (SignatureFault.MISSING_HEADER, SignatureFault.ALGORITHM), name


@pytest.mark.parametrize(
    "name", ["SHA1withRSA", "sha256withrsa", "SHA256withRSA ", "MD5withRSA", "none", "SHA512withRSA"]
)
def test_the_message_never_chooses_the_algorithm(verifier, internet, name):
    assert fault(verifier, replace(genuine(), auth_algo=name)) is SignatureFault.ALGORITHM
    assert internet.asked == []


def test_a_weaker_signature_under_the_right_name_is_refused(verifier):
    sent = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    delivery = genuine(transmission_id="t-1", at=sent)
    text = f"t-1|{sent}|{OURS}|{zlib.crc32(BODY)}".encode()
    weak = certificate("sandbox").key.sign(text, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - that is the point
    other = replace(delivery, signature=base64.b64encode(weak).decode())
    assert fault(verifier, other) is SignatureFault.SIGNATURE


@pytest.mark.law("R-SE-5")
@pytest.mark.parametrize(
    "change",
    [
        {"body": BODY + b" "},
        {"body": BODY.replace(b"CANCELLED", b"ACTIVATED")},
        {"body": BODY[:-1]},
        {"body": b""},
        {"transmission_id": "another"},
        {"signature": "AAAA"},
        {"signature": "not base64!"},
        {"signature": "é"},
        {"signature": base64.b64encode(b"\0" * 256).decode()},
    ],
    ids=["longer", "changed", "truncated", "emptied", "other id", "short", "no base64", "no ascii", "zeros"],
)
def test_a_changed_message_does_not_fit_its_signature(verifier, change):
    why = fault(verifier, replace(genuine(), **change))
    assert why in (SignatureFault.SIGNATURE, SignatureFault.MISSING_HEADER)


def test_a_time_changed_by_a_second_does_not_fit(verifier):
    delivery = genuine(at=datetime.now(UTC) - timedelta(hours=1))
    moved = (datetime.now(UTC) - timedelta(hours=1, seconds=-7)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert fault(verifier, replace(delivery, transmission_time=moved)) is SignatureFault.SIGNATURE


@pytest.mark.parametrize("other", ["8PT597110X687430LKGECATA", "WEBHOOK_ID", "", OURS + " ", OURS.lower()])
def test_a_message_for_another_webhook_is_not_ours(verifier, other):
    assert fault(verifier, genuine(webhook_id=other)) is SignatureFault.SIGNATURE


def test_fields_cannot_be_moved_across_the_bars_that_join_them(verifier):
    """Signed for « x|OURS » as the webhook of somebody else; read with the bar in another place it would be ours."""
    delivery = signed(certificate("sandbox"), BODY, webhook_id=f"x|{OURS}", transmission_id="t")
    now = delivery.transmission_time
    moved = replace(delivery, transmission_id=f"t|{now}", transmission_time="x")
    assert fault(verifier, moved) is SignatureFault.MISSING_HEADER


@pytest.mark.parametrize(
    ("age", "passes"),
    [
        (timedelta(), True),
        (timedelta(days=3, hours=1), True),
        (timedelta(days=4, minutes=1), False),
        (timedelta(days=400), False),
        (-timedelta(minutes=50), True),
        (-timedelta(hours=2), False),
    ],
)
def test_a_replay_after_days_is_refused_and_a_retry_is_not(verifier, age, passes):
    delivery = genuine(at=datetime.now(UTC) - age)
    if passes:
        check(verifier, delivery)
    else:
        assert fault(verifier, delivery) is SignatureFault.TIME


@pytest.mark.parametrize(
    "moment", ["yesterday", "2026-11-22", "1795341600", "2026-13-40T10:00:00Z", "2026-11-22T10:00:00"]
)
def test_a_time_that_is_none_is_refused(verifier, moment):
    assert fault(verifier, genuine(at=moment)) is SignatureFault.TIME
