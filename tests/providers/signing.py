"""Messages signed as PayPal signs them, and a network of a few addresses."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from portal.demo.simulator.sending.certificates import NAMES, Certificate, authority, certificate
from portal.providers.paypal import PayPalSignatures
from portal.providers.paypal.transport import new_session
from portal.providers.ports import BadSignature
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


def serve(internet, made: Certificate, body=BODY):
    """Put a certificate where PayPal's is, and sign a message with it."""
    internet.put(SANDBOX, made.chain)
    return signed(made, body, webhook_id=OURS)


def days(number):
    return datetime.now(UTC) + timedelta(days=number)


def provenance(verifier, delivery, *, now=None):
    return verifier.verify(delivery, webhook_id=OURS, environment="sandbox", now=now or datetime.now(UTC))


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


def intermediate(key):
    """What stands between the root that is trusted and PayPal's certificate."""
    return issue("Intermediate", key.public_key(), "Simulated PayPal root", authority()._key, ca=True)


def by_an_intermediate(middle, *, whole=False, issuer="", name=NAMES["sandbox"], start=-1, end=30):
    key = rsa_key()
    own = issue(name, key.public_key(), "Intermediate", middle, published=issuer, start=start, end=end)
    return Certificate(key, own + (intermediate(middle) if whole else b""))
