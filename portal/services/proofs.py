"""The proof of an end: written once with the confirmation, made into a PDF, checked by a third party.

A file is issued when it leaves: attached to a mail that is being sent, or handed over as a download.  Its fingerprint
is written down before, so that none is out that the portal does not know (docs/decisions/0009-proof.md).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.documents import pdf, words
from portal.documents.facts import ProofFacts
from portal.documents.printing import File
from portal.documents.proofs import public_rows
from portal.domain.audit import PORTAL, Act
from portal.domain.ends.end_requests import REFERENCE_ALPHABET, Basis
from portal.domain.law.court_files import proof_content
from portal.domain.money.money import Money
from portal.domain.policies import Actor
from portal.formatting import Formatter
from portal.i18n import Translator
from portal.models import EndRequest, Grant, Merchant, Proof, ProofFile, Subscription
from portal.queries import subscriptions
from portal.queries.access import grants
from portal.queries.ends import askings
from portal.queries.law import proofs
from portal.services import languages, throttles
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.rules import access_left
from portal.services.throttles import Limit

log = structlog.get_logger(__name__)

CODE_LENGTH: Final = 8  # of 32 letters: 40 bits
NOBODY: Final = uuid.UUID(int=0)  # the same queries are made for a reference that nobody has
NOBODYS_CODE: Final = "#" * CODE_LENGTH  # equals no typed code: it has no letter of the alphabet
HOUR: Final = timedelta(hours=1)


class Seller(Protocol):
    """What a proof says of the merchant."""

    @property
    def name(self) -> str: ...
    @property
    def time_zone(self) -> str: ...
    @property
    def locale(self) -> str: ...
    @property
    def leaving_reasons(self) -> Sequence[Mapping[str, Any]]: ...


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A file that left the portal: its fingerprint, and the day on which it first did, in words."""

    sha256: str
    day: str


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A proof found genuine: what a third party may read, and the files of it that left the portal."""

    rows: tuple[tuple[str, str], ...]
    files: tuple[Issued, ...]
    has_older_files: bool  # an older version issued some, and wrote none of them down

    def knows(self, content: bytes) -> bool:
        """Say whether these bytes are a file that left the portal."""
        return _fingerprint(content) in {file.sha256 for file in self.files}


def keep(ctx: Context, session: Session, request: EndRequest, merchant: Merchant, *, now: datetime) -> None:
    """Write the proof of an end that was confirmed before, unless there is one; the subscription's lock is held."""
    if request.basis is Basis.LOCAL or proofs.of_request(session, request.id) is not None:
        return
    subscription = subscriptions.of_request(session, request)
    write(ctx, session, request, merchant, grants.of_subscription(session, subscription), now=now)


def write(
    ctx: Context, session: Session, request: EndRequest, merchant: Merchant, given: Sequence[Grant], *, now: datetime
) -> Proof:
    """Write the proof of an end that is confirmed in this transaction; the subscription's lock is held."""
    comment = askings.told_before(session, request).comment
    subscription = subscriptions.of_request(session, request)
    facts = gather(
        request,
        subscription,
        merchant,
        given,
        comment,
        language=languages.of_end(session, request, subscription.customer, merchant),
        base_url=ctx.base_url,
        now=now,
    )
    proof = Proof(
        merchant_id=request.merchant_id,
        end_request_id=request.id,
        code="".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(CODE_LENGTH)),
        made_at=now,
        facts=facts.stored(),
    )
    session.add(proof)
    session.flush()
    told = {"reference": request.reference, "sha256": _fingerprint(proof_content(proof.facts))}
    about = ("subscription", request.subscription_id)
    audit.append(session, request.merchant_id, Act.PROOF_WRITTEN, by=PORTAL, at=now, subject=about, **told)
    return proof


def _own_reason(request: EndRequest, merchant: Seller, language: str) -> str:
    """Return the reason in the merchant's own words, as they are now; the portal's own need no keeping."""
    return words.reason(request.reason_code, merchant.leaving_reasons, language, lambda _portals: "")


def gather(
    request: EndRequest,
    subscription: Subscription,
    merchant: Seller,
    given: Iterable[Grant],
    comment: str,
    *,
    language: str,
    base_url: str,
    now: datetime,
) -> ProofFacts:
    """Return what the rows say of a confirmed end now; `comment`: of the notification that it answers.

    The staff's notes and names are not among it.
    """
    left = access_left(subscription, given, never_started=request.basis is Basis.NEVER_STARTED)
    by_customer = request.actor is Actor.CUSTOMER
    amount, currency, owed_currency = subscription.amount, subscription.currency, subscription.owed_currency
    return ProofFacts(
        reference=request.reference,
        merchant_name=merchant.name,
        time_zone=merchant.time_zone,
        locale=language,
        customer_name=subscription.customer.name,
        product=subscription.product.name,
        is_schedule=subscription.is_schedule,
        price=Money(amount, currency) if amount is not None and currency else None,
        interval_unit=subscription.interval_unit,
        interval_count=subscription.interval_count,
        provider_id=subscription.provider_id,
        environment=subscription.environment,
        actor=request.actor,
        channel=request.channel,
        asked_at=request.created_at,
        reason_code=request.reason_code if by_customer else "",
        reason_text=request.reason_text if by_customer else "",
        reason=_own_reason(request, merchant, language) if by_customer else "",
        shown=dict(request.shown) if by_customer else {},
        before=dict(request.facts_before or {}),
        sent_at=request.sent_at,
        accepted_at=request.accepted_at,
        answer=dict(request.answer or {}),
        provider_status=subscription.provider_status,
        outcome=request.outcome,
        basis=request.basis or Basis.ALREADY_OVER,
        confirmed_at=request.confirmed_at or now,
        stopped_at=subscription.stopped_at_provider_at,
        last_payment_at=subscription.last_payment_at,
        paid_until=subscription.paid_until,
        never_paid=subscription.has_paid_nothing,
        access_until=left.until,
        is_access_unknown=left.is_unknown,
        kept=left.kept,
        opens={title: since for title, since in left.opens.items() if since > (request.confirmed_at or now)},
        ended_at=subscription.ended_at,
        made_at=now,
        check_url=f"{base_url}/proof/{request.asked_under}",
        wished_on=request.wished_on,
        notified_at=request.notified_at,
        notified_reference=request.notified_reference,
        notified_way=request.notified_way,
        notified_comment=comment,
        asked_by_name=request.actor_name if by_customer and request.is_by_member(subscription) else "",
        withdrawn_at=subscription.withdrawn_at,
        owed=Money(subscription.owed, owed_currency) if subscription.owed and owed_currency else None,
    )


def file_of(proof: Proof) -> File:
    """Return the proof as a PDF; the same bytes each time."""
    return pdf.proof_file(ProofFacts.read(proof.facts), proof.code)


def issue(ctx: Context, proof: Proof, *, now: datetime) -> File:
    """Return the proof as a PDF that may leave the portal: its fingerprint is known from here on."""
    file = file_of(proof)
    values = {"merchant_id": proof.merchant_id, "proof_id": proof.id, "sha256": _fingerprint(file.content)}
    with ctx.db.begin() as session:
        session.execute(insert(ProofFile).values(**values, issued_at=now).on_conflict_do_nothing())
    return file


def _fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def check(ctx: Context, reference: str, code: str, *, network: str, locale: str, now: datetime) -> Checked | None:
    """Return what a third party may know of a proof whose code they hold; raise TooManyTries.

    None alike, after the same queries, for a wrong code and for a reference that nobody has.
    """
    throttles.hit(
        ctx,
        Limit(name="proof_network", who=network, count=30, window=HOUR),
        Limit(name="proof_reference", who=reference, count=60, window=HOUR),
        now=now,
    )
    with ctx.db.read() as session:
        proof = proofs.by_reference(session, reference)
        files = proofs.files(session, proof.id if proof is not None else NOBODY)
    expected = proof.code if proof is not None else NOBODYS_CODE
    if not hmac.compare_digest(expected.encode(), code.encode()) or proof is None:
        log.info("proof_not_found")
        return None
    facts, words = ProofFacts.read(proof.facts), Translator(locale)
    fmt = Formatter(words.locale, facts.time_zone, words)
    return Checked(
        rows=public_rows(facts, locale=locale),
        files=tuple(Issued(sha256=file.sha256, day=fmt.day(file.issued_at)) for file in files),
        has_older_files=proof.has_older_files,
    )
