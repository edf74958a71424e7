"""The two ceremonies of WebAuthn, as py_webauthn checks them: a passkey is made, a passkey answers.

The device has to have verified its person each time, by a finger, a face or a PIN: so a passkey is two factors.  No
list of passkeys is given to a browser that is to answer: what a page asks for says nothing of who has which.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from portal.domain.people.passkeys import LIFETIME, PasskeyRefused, Refusal, Site, site
from portal.models import Staff

log = structlog.get_logger("portal.passkeys")

ALGORITHMS: Final = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
MILLISECONDS: Final = LIFETIME // timedelta(milliseconds=1)
SHORTEST_ID: Final = 16  # bytes; a shorter one could be guessed (WebAuthn 4, Credential ID)
LONGEST: Final = 20_000  # characters of an answer
VERIFIED: Final = UserVerificationRequirement.REQUIRED


@dataclass(frozen=True)
class Shown:
    """What a browser has sent: the challenge that it was asked with, and its answer as JSON."""

    challenge: bytes
    text: str


@dataclass(frozen=True)
class Made:
    """A new passkey: what is kept of it."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: list[str]
    aaguid: uuid.UUID


@dataclass(frozen=True)
class Answer:
    """A passkey's answer as it calls itself: nothing of it is proven yet."""

    credential: AuthenticationCredential

    @property
    def credential_id(self) -> bytes:
        """Return the id under which it was made."""
        return self.credential.raw_id

    @property
    def user_handle(self) -> bytes:
        """Return for whom it says it was made; empty when it does not say."""
        return self.credential.response.user_handle or b""


def to_make(base_url: str, person: Staff, *, known: Iterable[bytes], challenge: bytes) -> str:
    """Return what a browser is asked for to make a passkey for the person, as JSON.

    `known`: those the person has; a device that holds one of them makes no second.
    """
    options = generate_registration_options(
        rp_id=_site(base_url).rp_id,
        rp_name="Portal",
        user_id=person.id.bytes,
        user_name=person.email,
        user_display_name=person.name,
        challenge=challenge,
        timeout=MILLISECONDS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=VERIFIED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
        supported_pub_key_algs=ALGORITHMS,
    )
    return options_to_json(options)


def to_answer(base_url: str, challenge: bytes) -> str:
    """Return what a browser is asked for to let a passkey answer, as JSON."""
    options = generate_authentication_options(
        rp_id=_site(base_url).rp_id, challenge=challenge, timeout=MILLISECONDS, user_verification=VERIFIED
    )
    return options_to_json(options)


def made(base_url: str, shown: Shown) -> Made:
    """Return the passkey that a browser has made, checked; raise PasskeyRefused."""
    asked = _site(base_url)
    with _refusing():
        credential = parse_registration_credential_json(_text(shown))
        _check_frame(credential.response.client_data_json)
        proven = verify_registration_response(
            credential=credential,
            expected_challenge=shown.challenge,
            expected_rp_id=asked.rp_id,
            expected_origin=asked.origin,
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
        if len(proven.credential_id) < SHORTEST_ID:
            raise ValueError("its id is too short")
        transports = [one.value for one in credential.response.transports or ()]
        return Made(
            credential_id=proven.credential_id,
            public_key=proven.credential_public_key,
            sign_count=proven.sign_count,
            transports=transports,
            aaguid=uuid.UUID(proven.aaguid),
        )


def read(shown: Shown) -> Answer:
    """Return what a browser has sent as a passkey's answer, unchecked; raise PasskeyRefused when it is none."""
    with _refusing():
        return Answer(parse_authentication_credential_json(_text(shown)))


def check(base_url: str, shown: Shown, answer: Answer, public_key: bytes) -> int:
    """Check the answer by the key that is kept here; return the passkey's counter. Raise PasskeyRefused."""
    asked = _site(base_url)
    with _refusing():
        _check_frame(answer.credential.response.client_data_json)
        proven = verify_authentication_response(
            credential=answer.credential,
            expected_challenge=shown.challenge,
            expected_rp_id=asked.rp_id,
            expected_origin=asked.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,  # the counter has a rule, and a refusal, of its own
            require_user_verification=True,
        )
        return proven.new_sign_count


def _site(base_url: str) -> Site:
    found = site(base_url)
    if found is None:
        raise PasskeyRefused(Refusal.ABSENT)
    return found


def _text(shown: Shown) -> str:
    if not shown.text:
        raise PasskeyRefused(Refusal.ABSENT)
    if len(shown.text) > LONGEST:
        raise ValueError("it is too long")
    return shown.text


def _check_frame(client_data: bytes) -> None:
    """Refuse what was answered inside a page of another site, which the library does not look at."""
    if parse_client_data_json(client_data).cross_origin:
        raise ValueError("answered in a frame of another site")


@contextmanager
def _refusing() -> Iterator[None]:
    """Make one refusal of whatever a stranger's bytes cause in the library: its errors are of many kinds."""
    try:
        yield
    except PasskeyRefused:
        raise
    except Exception as error:
        log.info("passkey.refused", reason=type(error).__name__, why=str(error)[:200])
        raise PasskeyRefused(Refusal.NOT_TAKEN) from error
