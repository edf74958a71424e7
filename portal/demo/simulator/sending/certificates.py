"""The simulator's own authority and the certificates it signs webhook messages with.

Only the demo and the tests trust it: `PAYPAL_TRUST_FILE` names its root, and no other installation takes that setting.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES: Final = {
    "live": "messageverificationcerts.paypal.com",
    "sandbox": "messageverificationcerts.sandbox.paypal.com",
}
BITS: Final = 2048


@dataclass(frozen=True)
class Certificate:
    """A key with its certificate and the chain above it, in PEM, as PayPal's certificate address answers."""

    key: rsa.RSAPrivateKey
    chain: bytes

    def holds(self, signature: str, data: bytes) -> bool:
        """Say whether this key made the signature, in base64."""
        try:
            self.key.public_key().verify(base64.b64decode(signature), data, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):
            return False
        return True

    def sign(self, data: bytes) -> bytes:
        """Sign as SHA256withRSA; what is looked at or sent again has the same signature, and costs nothing."""
        return _signed(self.key, data)


@lru_cache(1000)
def _signed(key: rsa.RSAPrivateKey, data: bytes) -> bytes:
    return key.sign(data, padding.PKCS1v15(), hashes.SHA256())


class Authority:
    """A root of our own that issues certificates for any name and time."""

    def __init__(self, name: str = "Simulated PayPal root") -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        self._root = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=3650))
            .not_valid_after(now + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """The root, to be trusted."""
        return self._root.public_bytes(serialization.Encoding.PEM)

    def issue(
        self,
        name: str,
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> Certificate:
        """Issue a certificate for a host name, valid from yesterday for a year unless told otherwise."""
        now = datetime.now(UTC)
        key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(not_before or now - timedelta(days=1))
            .not_valid_after(not_after or now + timedelta(days=365))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )
        return Certificate(key, certificate.public_bytes(serialization.Encoding.PEM) + self.pem)


@cache
def authority() -> Authority:
    """Return the process's own authority; making one takes a moment."""
    return Authority()


def certificate(environment: str, *, lone: bool = False) -> Certificate:
    """Return the certificate that the simulator signs with in an environment.

    A lone one is served without the intermediate that signed it, as recorded answers of PayPal's were (FACTS.md 2.5).
    """
    return _made(environment, lone)


@cache  # of one form of call: `certificate(x)` and `certificate(x, lone=False)` would be two to it
def _made(environment: str, lone: bool) -> Certificate:
    if not lone:
        return authority().issue(NAMES[environment])
    between = Authority("Simulated PayPal intermediate")  # whose root nobody knows
    made = between.issue(NAMES[environment])
    return Certificate(made.key, made.chain.removesuffix(between.pem))


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs_certificates,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
