"""One end as a file for a court: the proof, what was declared, sent and answered, and its rows of the audit chain.

Everything in it can be checked without the portal (docs/proofs.md).  That it was taken, by whom and on which occasion
is itself the last row of the chain in it, with the fingerprint of what was taken.
"""

from __future__ import annotations

import hashlib
import uuid
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.documents.printing import File
from portal.domain.audit import Act, By, canonical
from portal.domain.law.court_files import FORMAT, SUMS, Occasion, proof_content, sums
from portal.domain.policies import Actor
from portal.models import EndRequest, Mail, Merchant, Proof, PublicDeclaration, ReceivedRequest
from portal.queries import audit as chain
from portal.queries.law import court_files, proofs, time_stamps
from portal.queries.law import declarations as public
from portal.queries.people import merchants
from portal.services import proofs as proving
from portal.services.archives import plain
from portal.services.audit import audit
from portal.services.context import Context

BATCH: Final = 1000
MADE: Final = (1980, 1, 1, 0, 0, 0)  # of each file in the archive: the same content makes the same bytes
REQUEST: Final = (
    *("reference", "state", "outcome", "basis", "actor", "channel", "reason_code", "shown", "wished_on"),
    *("created_at", "sent_at", "accepted_at", "confirmed_at", "closed_at", "withdrawn_at", "facts_before", "answer"),
    *("notified_at", "notified_reference", "notified_way"),
)
DECLARED: Final = (
    *("reference", "way", "received_at", "created_at", "name", "email", "contract", "wished_on", "message"),
    *("recorded_by", "state", "settled_at"),
)
ON_PAGE: Final = (  # what was read and declared on a public page, and how it was carried out
    *("kind", "country", "language", "text_version", "labels", "particulars"),
    *("carrying", "decided_at", "due_at", "confirmed_at", "refused_at"),
)
SENT: Final = (
    *("kind", "recipient", "language", "message_id", "created_at", "state", "sent_at", "attempts"),
    *("report", "report_code", "reported_at"),
)
README: Final = """Preuve de la fin d'un abonnement / Proof of the end of a subscription

proof.pdf       la preuve, telle que remise au client / the proof as the customer got it
proof.json      ses faits / its facts
request.json    la demande, les déclarations, les messages / the request, the declarations, the messages
chain.jsonl     le journal d'audit, jusqu'à cet export / the audit log, up to this export
*.tsr           horodatages externes (RFC 3161), s'il y en a / outside time stamps, if there are any
sha256sums.txt  l'empreinte de chaque fichier / the fingerprint of each file (sha256sum -c sha256sums.txt)

Les heures sont en UTC, sauf « local ». / Times are UTC, except "local".
"""


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What the export is made of."""

    request: EndRequest
    proof: Proof
    merchant: Merchant
    declared: Sequence[ReceivedRequest]
    on_pages: Mapping[uuid.UUID, PublicDeclaration]
    messages: Sequence[Mail]
    issued: Sequence[tuple[str, datetime]]
    rows: Sequence[int]
    stamps: dict[str, bytes]


def export(
    ctx: Context, merchant_id: uuid.UUID, request_id: uuid.UUID, occasion: Occasion, *, by: By, now: datetime
) -> File:
    """Return the archive of one end that has a proof; raise NoResultFound for any other."""
    with ctx.db.read() as session:
        proof = proofs.of_merchant(session, merchant_id, request_id)
    pdf = proving.issue(ctx, proof, now=now)  # known from here on, so that /proof names it
    with ctx.db.read() as session:
        found = _gather(session, merchant_id, request_id, proof)
    files = {
        "proof.pdf": pdf.content,
        "proof.json": proof_content(proof.facts),
        "request.json": canonical(_said(found)).encode(),
        "README.txt": README.encode(),
        **found.stamps,
    }
    last = _note(ctx, found, files["request.json"], occasion, by=by, now=now)
    files["chain.jsonl"] = _chain(ctx, merchant_id, range(min(found.rows, default=last), last + 1))
    files[SUMS] = sums(files)
    return File(name=f"{found.request.reference}.zip", content=_packed(files), media_type="application/zip")


def note_opening(
    ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, occasion: Occasion, *, by: By, now: datetime
) -> None:
    """Append that somebody opens what is kept of an erased customer; the row itself opens it to them."""
    about = ("customer", customer_id)
    with ctx.db.begin() as session:
        audit.append(session, merchant_id, Act.ARCHIVE_OPENED, by=by, at=now, subject=about, occasion=occasion.value)


def _gather(session: Session, merchant_id: uuid.UUID, request_id: uuid.UUID, proof: Proof) -> _Found:
    request = court_files.subscription_of(session, merchant_id, request_id)
    declared = court_files.declarations(session, request)
    about = court_files.rows_about(session, request, declared)
    names = {request.reference, *(one.reference for one in declared)}
    first = min((number for number, reference in about if reference in names), default=0)
    rows = [number for number, _reference in about if number >= first]
    return _Found(
        request=request,
        proof=proof,
        merchant=merchants.of(session, merchant_id),
        declared=declared,
        on_pages=public.of_several(session, [one.id for one in declared]),
        messages=court_files.messages(session, request, declared),
        issued=[(one.sha256, one.issued_at) for one in proofs.files(session, proof.id)],
        rows=rows,
        stamps=_stamps(session, merchant_id, proof, behind=max(rows, default=1)),
    )


def _stamps(session: Session, merchant_id: uuid.UUID, proof: Proof, *, behind: int) -> dict[str, bytes]:
    found = {
        "proof.tsr": time_stamps.of_proof(session, proof.id),
        "chain.tsr": time_stamps.newest_of_chain(session, merchant_id, from_number=behind),
    }
    files = {name: one.reply for name, one in found.items() if one is not None and one.reply is not None}
    if (one := found["chain.tsr"]) is not None:
        files["chain.txt"] = f"{one.number}:{one.hash}".encode()  # what chain.tsr stamps
    return files


def _said(found: _Found) -> dict[str, Any]:
    zone = ZoneInfo(found.merchant.time_zone)
    request = _columns(found.request, REQUEST, zone)
    if found.request.actor is Actor.CUSTOMER:  # else it is the team's internal note
        request["reason_text"] = found.request.reason_text
    return {
        "format": FORMAT,
        "merchant": {"name": found.merchant.name, "id": str(found.merchant.id)},
        "time_zone": found.merchant.time_zone,
        "request": request,
        "declarations": [_declared(one, found, zone) for one in found.declared],
        "messages": [_columns(one, SENT, zone) for one in found.messages],
        "files": [{"sha256": sha256, "issued_at": plain(at)} for sha256, at in found.issued],
        "chain_rows": list(found.rows),
    }


def _declared(received: ReceivedRequest, found: _Found, zone: ZoneInfo) -> dict[str, Any]:
    """Return one declaration, with what its page showed where it was made on a public page."""
    on_page = found.on_pages.get(received.id)
    shown = {"page": _columns(on_page, ON_PAGE, zone)} if on_page is not None else {}
    return _columns(received, DECLARED, zone) | shown


def _columns(row: object, names: Iterable[str], zone: ZoneInfo) -> dict[str, Any]:
    """Return these columns of a row; its times in UTC, and under « local » by the merchant's clock."""
    values = {name: getattr(row, name) for name in names}
    moments = {name: at.astimezone(zone).isoformat() for name, at in values.items() if isinstance(at, datetime)}
    return {name: plain(value) for name, value in values.items()} | {"local": moments}


def _note(ctx: Context, found: _Found, said: bytes, occasion: Occasion, *, by: By, now: datetime) -> int:
    """Append that it is taken, and return the number of a row behind which it stands for certain: the chain's end."""
    told = {
        "reference": found.request.reference,
        "occasion": occasion.value,
        "sha256": hashlib.sha256(said).hexdigest(),
    }
    about = ("subscription", found.request.subscription_id)
    with ctx.db.begin() as session:
        audit.append(session, found.merchant.id, Act.EXPORT_PROOF, by=by, at=now, subject=about, **told)
    with ctx.db.read() as session:
        number, _hash = chain.end(session, found.merchant.id) or (0, "")
    return number


def _chain(ctx: Context, merchant_id: uuid.UUID, numbers: range) -> bytes:
    found = chain.batches(ctx.db, merchant_id, first=numbers.start, last=numbers.stop - 1, size=BATCH)
    return "".join(canonical(row.entry.facts | {"hash": row.hash}) + "\n" for rows in found for row in rows).encode()


def _packed(files: dict[str, bytes]) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, MADE), files[name], zipfile.ZIP_DEFLATED)
    return packed.getvalue()
