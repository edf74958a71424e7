"""A certificate without its intermediate (deciding test 24): PayPal's recorded answers are of one alone."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from portal.demo.simulator.sending.certificates import NAMES
from portal.domain.provenances import Provenance
from portal.providers.ports import SignatureFault
from tests.fakes.webhooks import SANDBOX, signed
from tests.providers.signing import (
    BODY,
    OURS,
    by_an_intermediate,
    fault,
    intermediate,
    issue,
    provenance,
    rsa_key,
    serve,
)

ISSUER = "http://cacerts.digicert.com/Intermediate.crt"

OTHER = SANDBOX.replace("CERT-360", "CERT-361")

ALTERED = ({"body": BODY + b" "}, {"transmission_id": "another"}, {"signature": base64.b64encode(b"\0" * 256).decode()})


def test_24_what_the_file_leaves_out_is_asked_of_its_issuer_once_and_kept(verifier, internet):
    middle = rsa_key()
    internet.put(ISSUER, der(intermediate(middle)))
    first, second = (by_an_intermediate(middle, issuer=ISSUER) for _ in range(2))
    assert provenance(verifier, serve(internet, first)) is Provenance.ISSUER
    internet.put(OTHER, second.chain)
    assert provenance(verifier, signed(second, BODY, webhook_id=OURS, url=OTHER)) is Provenance.KEPT
    assert [one.url for one in internet.asked] == [SANDBOX, ISSUER, OTHER]
    for change in ALTERED:
        assert fault(verifier, replace(signed(first, BODY, webhook_id=OURS), **change)) is SignatureFault.SIGNATURE


@pytest.mark.parametrize("form", ["PEM", "DER", "bundle"])
def test_24_an_issuer_publishes_in_one_of_three_forms(verifier, internet, form):
    middle = rsa_key()
    pem = intermediate(middle)
    bundle = pkcs7.serialize_certificates([x509.load_pem_x509_certificate(pem)], serialization.Encoding.DER)
    internet.put(ISSUER, {"PEM": pem, "DER": der(pem), "bundle": bundle}[form])
    assert provenance(verifier, serve(internet, by_an_intermediate(middle, issuer=ISSUER))) is Provenance.ISSUER


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://cacerts.digicert.com/Intermediate.crt",
        "http://cacerts.digicert.com:80/Intermediate.crt",
        "http://cacerts.digicert.com@evil.example/Intermediate.crt",
        "http://cacerts.digicert.com.evil.example/Intermediate.crt",
        "http://169.254.169.254/Intermediate.crt",
        "http://127.0.0.1/Intermediate.crt",
        "http://cacerts.digicert.com/../Intermediate.crt",
        "http://cacerts.digicert.com/Intermediate.crt?x=1",
        "http://cacerts.digicert.com/Intermediate",
        "ldap://cacerts.digicert.com/Intermediate.crt",
    ],
)
def test_24_no_other_address_is_asked_and_then_paypal_is_to_be(verifier, internet, url):
    internet.put(url, intermediate(middle := rsa_key()))
    made = by_an_intermediate(middle, issuer=url)
    assert provenance(verifier, serve(internet, made)) is Provenance.OPEN
    assert [one.url for one in internet.asked] == [SANDBOX]
    for change in ALTERED:
        assert fault(verifier, replace(signed(made, BODY, webhook_id=OURS), **change)) is SignatureFault.SIGNATURE


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_24_an_issuers_wrong_answer_proves_nothing_and_it_is_asked_again_later(verifier, internet, status):
    middle = rsa_key()
    answer = intermediate(rsa_key()) if status == 200 else b"<html>"  # of the right name, and of another key
    internet.put(ISSUER, answer, status=status, Location="http://evil.example/x.crt")
    made = by_an_intermediate(middle, issuer=ISSUER)
    assert provenance(verifier, serve(internet, made)) is Provenance.OPEN
    assert provenance(verifier, serve(internet, made)) is Provenance.OPEN
    assert [one.url for one in internet.asked] == [SANDBOX, ISSUER]
    internet.put(ISSUER, intermediate(middle))
    later = datetime.now(UTC) + timedelta(minutes=11)
    again = signed(made, BODY, webhook_id=OURS, at=later)
    assert provenance(verifier, again, now=later) is Provenance.ISSUER


@pytest.mark.parametrize(("name", "start", "end"), [("api.sandbox.paypal.com", -1, 30), (None, -30, -1), (None, 1, 30)])
def test_24_a_lone_certificate_of_another_name_or_time_is_refused_as_ever(verifier, internet, name, start, end):
    made = by_an_intermediate(rsa_key(), name=name or NAMES["sandbox"], start=start, end=end)
    assert fault(verifier, serve(internet, made)) is SignatureFault.CERTIFICATE


def test_24_a_root_of_nobodys_does_not_become_one_by_being_published(verifier, internet):
    """Whoever could answer in the issuer's place, over plain http, gains nothing: the chain still has no root."""
    evil = rsa_key()
    internet.put(ISSUER, issue("Intermediate", evil.public_key(), "Nobody", rsa_key(), ca=True))
    assert provenance(verifier, serve(internet, by_an_intermediate(evil, issuer=ISSUER))) is Provenance.OPEN


def der(pem):
    return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
