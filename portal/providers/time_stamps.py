"""Outside time stamps (RFC 3161): an authority signs that it saw the hash of something at a moment.

It is given a hash alone, and learns nothing of what was hashed.  Off unless the operator names a server, and the
certificates that are trusted for it: a stamp that nobody can check proves nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from rfc3161_client import TimestampRequestBuilder, TimeStampResponse, VerifierBuilder, decode_timestamp_response
from rfc3161_client.base import HashAlgorithm
from rfc3161_client.errors import VerificationError

from portal.providers import guarded

QUERY: Final = "application/timestamp-query"
SHA256: Final = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")
APART: Final = timedelta(minutes=10)  # the authority's clock and ours, when the stamp is made


class NotStamped(Exception):
    """There is no stamp; `reason` is a code for the log and the desk."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """The authority's answer as it came (DER), and the moment that it signed."""

    token: bytes
    at: datetime


class TimeStamps:
    """An authority under an address, and the certificates that its answers are checked against."""

    def __init__(self, url: str = "", trust: Path | None = None, *, loopback: bool = False) -> None:
        """Ask under `url`; empty: nobody is asked. `trust`: a file of PEM certificates; without it nothing is proven.

        Raises OSError and ValueError for a file that cannot be read.
        """
        self._url = url
        self._trusted: Sequence[x509.Certificate] = ()
        if trust is not None:
            self._trusted = x509.load_pem_x509_certificates(trust.read_bytes())
        self._loopback = loopback

    @property
    def is_on(self) -> bool:
        """Whether stamps are asked for."""
        return bool(self._url and self._trusted)

    @property
    def can_check(self) -> bool:
        """Whether stamps can be checked; those of before can when nobody is asked for new ones."""
        return bool(self._trusted)

    def stamp(self, content: bytes, *, now: datetime) -> Stamp:
        """Have the SHA-256 of the content stamped; raise NotStamped unless the answer holds in every way.

        In every way: it is for this hash, answers this very question (nonce), is signed by a trusted certificate
        that was valid then, and its moment is now.
        """
        asked = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).build()
        body = self._answer(asked.as_bytes())
        if asked.nonce is None:
            raise NotStamped("no_nonce")
        at = self._moment(body, content, nonce=asked.nonce)
        if abs(at - now) > APART:
            raise NotStamped("clock")
        return Stamp(token=body, at=at)

    def check(self, token: bytes, content: bytes) -> datetime:
        """Return the moment of a stamp of this content; raise NotStamped when it is none."""
        return self._moment(token, content)

    def _answer(self, query: bytes) -> bytes:
        headers = {"Content-Type": QUERY, "Accept": "application/timestamp-reply"}
        try:
            with guarded.session(self._loopback, plain=True) as through:
                answer = guarded.ask(through, "POST", self._url, data=query, headers=headers)
        except guarded.NotReached as error:
            raise NotStamped("not_reached") from error
        if answer.status != 200:
            raise NotStamped("status")
        return answer.body

    def _moment(self, token: bytes, content: bytes, *, nonce: int | None = None) -> datetime:
        try:
            answer = decode_timestamp_response(token)
            self._verify(answer, hashlib.sha256(content).digest(), nonce)
            return answer.tst_info.gen_time.astimezone(UTC)
        except VerificationError as error:
            raise NotStamped("not_genuine") from error
        except ValueError as error:
            raise NotStamped("no_answer") from error

    def _verify(self, answer: TimeStampResponse, digest: bytes, nonce: int | None) -> None:
        if answer.status != 0:
            raise NotStamped("refused")
        if answer.tst_info.message_imprint.hash_algorithm != SHA256:
            raise NotStamped("other_hash")
        verifier = VerifierBuilder(nonce=nonce)
        for one in self._trusted:
            verifier = verifier.add_root_certificate(one)
        verifier.build().verify(answer, digest)
