"""Nobody but PayPal gets a message past the signature: every way to fake one that we could think of."""

from __future__ import annotations

import base64
import io
import threading
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from portal.demo.simulator.sending.certificates import NAMES, Authority, Certificate, authority, certificate
from portal.domain.provenances import Provenance
from portal.providers.paypal import PayPalSignatures, certificates
from portal.providers.paypal.transport import new_session
from portal.providers.ports import BadSignature, GatewayUnavailable, SignatureFault
from tests.fakes.webhooks import LIVE, SANDBOX, event, signed

OURS = "1JE4291016473214C"
BODY = event("BILLING.SUBSCRIPTION.CANCELLED", {"id": "I-BW452GLLEP1G", "note": "résilié"})
PEM = serialization.Encoding.PEM


class Internet(BaseAdapter):
    """Files at addresses, in place of the network; remembers who asked for what."""

    def __init__(self):
        super().__init__()
        self.files: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[requests.PreparedRequest] = []
        self.timeouts = []
        self.is_down = False

    def put(self, url, body, *, status=200, **headers):
        self.files[url] = (status, headers, body)

    def send(self, request, timeout=None, **_more):
        self.asked.append(request)
        self.timeouts.append(timeout)
        if self.is_down:
            raise requests.ConnectTimeout
        answer = requests.Response()
        answer.status_code, headers, body = self.files.get(request.url, (404, {}, b"{}"))
        answer.headers.update(headers)
        answer.raw = HTTPResponse(io.BytesIO(body), preload_content=False)
        answer.url, answer.request = request.url, request
        return answer

    def close(self):
        """Nothing is open."""


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


def make_verifier(internet, **more):
    def session(base_url):
        made = new_session(base_url)
        made.mount("https://", internet)
        made.mount("http://", internet)
        return made

    return PayPalSignatures({}, new_session=session, **more)


def genuine(body=BODY, *, environment="sandbox", webhook_id=OURS, **more):
    url = SANDBOX if environment == "sandbox" else LIVE
    return signed(certificate(environment), body, **{"webhook_id": webhook_id, "url": url, **more})


def check(verifier, delivery, *, environment="sandbox", now=None):
    verifier.verify(delivery, webhook_id=OURS, environment=environment, now=now or datetime.now(UTC))


def fault(verifier, delivery, **more):
    with pytest.raises(BadSignature) as caught:
        check(verifier, delivery, **more)
    return caught.value.fault


# What is PayPal's


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


def serve(internet, made: Certificate, body=BODY):
    """Put a certificate where PayPal's is, and sign a message with it."""
    internet.put(SANDBOX, made.chain)
    return signed(made, body, webhook_id=OURS)


def days(number):
    return datetime.now(UTC) + timedelta(days=number)


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


# A certificate without its intermediate (deciding test 24): recorded answers of PayPal's were of one certificate alone

ISSUER = "http://cacerts.digicert.com/Intermediate.crt"
OTHER = SANDBOX.replace("CERT-360", "CERT-361")
ALTERED = ({"body": BODY + b" "}, {"transmission_id": "another"}, {"signature": base64.b64encode(b"\0" * 256).decode()})


def provenance(verifier, delivery, *, now=None):
    return verifier.verify(delivery, webhook_id=OURS, environment="sandbox", now=now or datetime.now(UTC))


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


def issue(subject, public_key, issuer, issuer_key, *, ca=False, published="", start=-1, end=30):
    """A certificate with the extensions that the web asks for."""
    name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])  # noqa: E731
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    builder = x509.CertificateBuilder().not_valid_before(days(start)).not_valid_after(days(end))
    builder = builder.serial_number(x509.random_serial_number()).subject_name(name(subject)).issuer_name(name(issuer))
    builder = builder.public_key(public_key).add_extension(x509.BasicConstraints(ca=ca, path_length=None), True)
    builder = builder.add_extension(
        x509.KeyUsage(digital_signature=True, key_cert_sign=ca, crl_sign=ca, **usage), critical=True
    )
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
    )
    if published:
        at = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(published))
        builder = builder.add_extension(x509.AuthorityInformationAccess([at]), critical=False)
    if ca:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    else:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(PEM)


def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def self_signed(name):
    key = rsa_key()
    return Certificate(key, issue(name, key.public_key(), name, key))


def issued_by_a_leaf():
    """Whoever has a certificate of a trusted authority may not make another one with it."""
    leaf, key = authority().issue(NAMES["sandbox"]), rsa_key()
    return Certificate(key, issue(NAMES["sandbox"], key.public_key(), NAMES["sandbox"], leaf.key) + leaf.chain)


def intermediate(key):
    """What stands between the root that is trusted and PayPal's certificate."""
    return issue("Intermediate", key.public_key(), "Simulated PayPal root", authority()._key, ca=True)


def by_an_intermediate(middle, *, whole=False, issuer="", name=NAMES["sandbox"], start=-1, end=30):
    key = rsa_key()
    own = issue(name, key.public_key(), "Intermediate", middle, published=issuer, start=start, end=end)
    return Certificate(key, own + (intermediate(middle) if whole else b""))


def der(pem):
    return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)


class CurveCertificate(Certificate):
    def sign(self, data):
        return self.key.sign(data, ec.ECDSA(hashes.SHA256()))


def with_other_key():
    key = ec.generate_private_key(ec.SECP256R1())
    own = issue(NAMES["sandbox"], key.public_key(), "Simulated PayPal root", authority()._key)
    return CurveCertificate(key, own)


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


# Asking for the certificate


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
