"""The certificate that a message names: from nowhere else, and whole, in time and of the right name."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from portal.demo.simulator.sending.certificates import NAMES, Authority, Certificate, authority, certificate
from portal.domain.provenances import Provenance
from portal.providers.paypal import PayPalSignatures
from portal.providers.paypal.transport import new_session
from portal.providers.ports import GatewayUnavailable, SignatureFault
from tests.fakes.webhooks import LIVE, SANDBOX, signed
from tests.providers.signing import (
    BODY,
    OURS,
    by_an_intermediate,
    check,
    days,
    fault,
    genuine,
    issue,
    make_verifier,
    provenance,
    rsa_key,
    serve,
)

# The certificate's address

ELSEWHERE = "https://evil.example/v1/notifications/certs/CERT-1"

SPOOFED = {
    "other host": ELSEWHERE,
    "host as a prefix": "https://api.sandbox.paypal.com.evil.example/v1/notifications/certs/CERT-1",
    "host as a suffix": "https://evil-api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
    "host without a dot": "https://evilapi.sandbox.paypal.com/v1/notifications/certs/CERT-1",
    "parent domain": "https://paypal.com/v1/notifications/certs/CERT-1",
    "another of PayPal's hosts": "https://www.sandbox.paypal.com/v1/notifications/certs/CERT-1",
    "user": "https://api.sandbox.paypal.com@evil.example/v1/notifications/certs/CERT-1",
    "user and password": "https://api.sandbox.paypal.com:443@evil.example/v1/notifications/certs/CERT-1",
    "user before the right host": "https://me@api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
    "empty user": "https://@api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
    "escaped user": "https://api.sandbox.paypal.com%40evil.example/v1/notifications/certs/CERT-1",
    "usual port": "https://api.sandbox.paypal.com:443/v1/notifications/certs/CERT-1",
    "other port": "https://api.sandbox.paypal.com:8443/v1/notifications/certs/CERT-1",
    "empty port": "https://api.sandbox.paypal.com:/v1/notifications/certs/CERT-1",
    "http": SANDBOX.replace("https", "http"),
    "file": "file:///v1/notifications/certs/CERT-1",
    "file with the right host": SANDBOX.replace("https", "file"),
    "no scheme": SANDBOX.removeprefix("https:"),
    "no slashes": SANDBOX.replace("//", ""),
    "one slash": SANDBOX.replace("https://", "https:/"),
    "three slashes": SANDBOX.replace("https://", "https:///"),
    "relative": "/v1/notifications/certs/CERT-1",
    "IPv4": "https://127.0.0.1/v1/notifications/certs/CERT-1",
    "IPv4 as a number": "https://2130706433/v1/notifications/certs/CERT-1",
    "IPv6": "https://[::1]/v1/notifications/certs/CERT-1",
    "cloud metadata": "http://169.254.169.254/v1/notifications/certs/CERT-1",
    "trailing dot": "https://api.sandbox.paypal.com./v1/notifications/certs/CERT-1",
    "upper-case host": "https://API.SANDBOX.PAYPAL.COM/v1/notifications/certs/CERT-1",
    "upper-case scheme": SANDBOX.replace("https", "HTTPS"),
    "upper-case path": "https://api.sandbox.paypal.com/V1/Notifications/Certs/CERT-1",
    "lower-case name": "https://api.sandbox.paypal.com/v1/notifications/certs/cert-1",
    "look-alike letter": "https://api.sandbox.pаypal.com/v1/notifications/certs/CERT-1",
    "full-width dot": "https://api。sandbox。paypal.com/v1/notifications/certs/CERT-1",
    "full-width slash": "https://api.sandbox.paypal.com／v1/notifications/certs/CERT-1",
    "account-of sign": "https://evil.example℀api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
    "other digits": "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-１２",
    "query": SANDBOX + "?x=1",
    "empty query": SANDBOX + "?",
    "fragment": SANDBOX + "#x",
    "empty fragment": SANDBOX + "#",
    "parameters": SANDBOX + ";x=1",
    "host after a fragment": "https://evil.example/#@api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
    "host after a query": "https://evil.example/?x=https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
    "backslash": "https://api.sandbox.paypal.com\\@evil.example/v1/notifications/certs/CERT-1",
    "backslash for a slash": "https://evil.example\\.api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
    "dot segments": "https://api.sandbox.paypal.com/v1/notifications/certs/../../../evil/CERT-1",
    "dot segments to the right place": "https://api.sandbox.paypal.com/x/../v1/notifications/certs/CERT-1",
    "dot segments after": SANDBOX + "/../../evil",
    "escaped dots": "https://api.sandbox.paypal.com/v1/notifications/certs/%2e%2e/CERT-1",
    "escaped slash": "https://api.sandbox.paypal.com/v1/notifications/certs%2fCERT-1",
    "escaped letter": "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-%31",
    "double slash": "https://api.sandbox.paypal.com//v1/notifications/certs/CERT-1",
    "double slash inside": "https://api.sandbox.paypal.com/v1/notifications//certs/CERT-1",
    "deeper": SANDBOX + "/x",
    "ends in a slash": SANDBOX + "/",
    "no name": "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-",
    "no certificate": "https://api.sandbox.paypal.com/v1/notifications/certs/",
    "an open redirect": "https://api.sandbox.paypal.com/v1/notifications/redirect?to=" + ELSEWHERE,
    "another version": "https://api.sandbox.paypal.com/v2/notifications/certs/CERT-1",
    "endless name": "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-" + "a" * 900,
    "newline after": SANDBOX + "\n",
    "newline inside": "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1\n2",
    "carriage return": SANDBOX + "\r\nHost: evil.example",
    "tab in the host": "https://api.sandbox\t.paypal.com/v1/notifications/certs/CERT-1",
    "space before": " " + SANDBOX,
    "space after": SANDBOX + " ",
    "NUL": SANDBOX + "\0",
    "two addresses": SANDBOX + "," + ELSEWHERE,
    "live on sandbox": LIVE,
    "newer live on sandbox": LIVE.replace("api.", "api-m."),
}


@pytest.mark.parametrize("url", SPOOFED.values(), ids=SPOOFED.keys())
def test_a_certificate_from_anywhere_else_is_refused_without_asking_for_it(verifier, internet, url):
    internet.put(url, certificate("sandbox").chain)
    why = fault(verifier, genuine(url=url))
    assert why in (SignatureFault.CERTIFICATE_ADDRESS, SignatureFault.MISSING_HEADER)
    assert internet.asked == []


@pytest.mark.parametrize("url", [SANDBOX, SANDBOX.replace("api.", "api-m.")])
def test_the_sandbox_says_nothing_about_the_live_world(verifier, internet, url):
    why = fault(verifier, genuine(environment="sandbox", url=url), environment="live")
    assert why is SignatureFault.CERTIFICATE_ADDRESS
    assert internet.asked == []


def test_a_redirect_is_never_followed(verifier, internet):
    internet.put(ELSEWHERE, certificate("sandbox").chain)
    internet.put(SANDBOX, b"", status=302, Location=ELSEWHERE)
    with pytest.raises(GatewayUnavailable):
        check(verifier, genuine())
    assert [asked.url for asked in internet.asked] == [SANDBOX]


def test_the_stand_in_serves_its_own_certificates_and_only_it(simulated_trust, internet):
    def session(base_url):
        made = new_session(base_url)
        made.mount("http://", internet)
        made.mount("https://", internet)
        return made

    verifier = PayPalSignatures({"sandbox": "http://127.0.0.1:4010"}, trust=simulated_trust, new_session=session)
    url = SANDBOX.replace("https://api.sandbox.paypal.com", "http://127.0.0.1:4010")
    internet.put(url, certificate("sandbox").chain)
    check(verifier, genuine(url=url))
    for other in (SANDBOX, url.replace("4010", "4011"), url.replace("127.0.0.1", "localhost")):
        assert fault(verifier, genuine(url=other)) is SignatureFault.CERTIFICATE_ADDRESS


# The certificate itself

UNTRUSTED = {
    "another host's": lambda: authority().issue("api.sandbox.paypal.com"),
    "a subdomain's": lambda: authority().issue("x." + NAMES["sandbox"]),
    "any host's": lambda: authority().issue("*.sandbox.paypal.com"),
    "an outsider's with PayPal's name in front": lambda: authority().issue(NAMES["sandbox"] + ".evil.example"),
    "the live one": lambda: certificate("live"),
    "expired": lambda: authority().issue(NAMES["sandbox"], not_before=days(-30), not_after=days(-1)),
    "not yet valid": lambda: authority().issue(NAMES["sandbox"], not_before=days(1), not_after=days(30)),
    "of another authority": lambda: Authority().issue(NAMES["sandbox"]),
    "of an authority of the same name": lambda: Authority("Simulated PayPal root").issue(NAMES["sandbox"]),
    "signed by itself": lambda: self_signed(NAMES["sandbox"]),
    "made with PayPal's own certificate": lambda: issued_by_a_leaf(),
    "of an elliptic curve": lambda: with_other_key(),
}


@pytest.mark.parametrize("make", UNTRUSTED.values(), ids=UNTRUSTED.keys())
def test_a_certificate_that_does_not_hold_is_refused(verifier, internet, make):
    assert fault(verifier, serve(internet, make())) is SignatureFault.CERTIFICATE


def test_intermediates_come_with_the_certificate(verifier, internet):
    assert provenance(verifier, serve(internet, by_an_intermediate(rsa_key(), whole=True))) is Provenance.FILE


def test_without_a_trust_file_only_the_public_roots_count(internet):
    assert fault(make_verifier(internet), genuine()) is SignatureFault.CERTIFICATE


def test_a_kept_certificate_that_runs_out_is_no_longer_taken(verifier, internet):
    short = authority().issue(NAMES["sandbox"], not_after=days(2))
    check(verifier, serve(internet, short))
    later = days(3)
    late = signed(short, BODY, webhook_id=OURS, at=later)
    assert fault(verifier, late, now=later) is SignatureFault.CERTIFICATE


def self_signed(name):
    key = rsa_key()
    return Certificate(key, issue(name, key.public_key(), name, key))


def issued_by_a_leaf():
    """Whoever has a certificate of a trusted authority may not make another one with it."""
    leaf, key = authority().issue(NAMES["sandbox"]), rsa_key()
    return Certificate(key, issue(NAMES["sandbox"], key.public_key(), NAMES["sandbox"], leaf.key) + leaf.chain)


class CurveCertificate(Certificate):
    def sign(self, data):
        return self.key.sign(data, ec.ECDSA(hashes.SHA256()))


def with_other_key():
    key = ec.generate_private_key(ec.SECP256R1())
    own = issue(NAMES["sandbox"], key.public_key(), "Simulated PayPal root", authority()._key)
    return CurveCertificate(key, own)
