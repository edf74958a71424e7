"""Every night, what was kept for as long as the table of retention says goes, merchant by merchant (law.md R-GD-3).

Each night writes how many rows of each kind went, also when none did: so that the desk sees that it is really done.
What a merchant has chosen is read from its own row; log-ins, which are no merchant's, go with `aging`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Select, delete, null, or_, update
from sqlalchemy.orm import Session

from portal.domain.audit import PORTAL, Act
from portal.domain.law import retention
from portal.domain.law.retention import OPERATOR, Kind, Stock
from portal.logs import place_of
from portal.mail import own_data as messages
from portal.models import (
    Customer,
    EndRefund,
    EndRequest,
    LatePayment,
    Mail,
    Merchant,
    MerchantArchive,
    OutgoingEvent,
    Payment,
    Proof,
    ProofFile,
    ReceivedRequest,
    Refund,
    RenewalRefund,
    RetentionRun,
    Settlement,
)
from portal.queries.law import retention as stored
from portal.queries.merchants import customer_erasures, merchant_archives
from portal.queries.people import customers
from portal.services.audit import audit
from portal.services.batches import Unfinished
from portal.services.context import Context
from portal.services.imports import file_imports
from portal.services.messages import event_retention
from portal.services.notices import notice_facts
from portal.services.notices.recipients import Post
from portal.services.own_data import data_exports, erasing

log = structlog.get_logger("portal.retention")

BATCH: Final = 500  # rows of one transaction
KEEP_RUNS: Final = OPERATOR[Stock.REPORTS]
# Of a request: what it said, and what PayPal answered.
SAID: Final[dict[str, Any]] = {
    "shown": {},
    "reason_text": "",
    "actor_name": "",
    "facts_before": null(),
    "answer": null(),
}


def run(ctx: Context, *, now: datetime) -> None:
    """Do it for every merchant; raise Unfinished at the end when one failed, or a kind of one."""
    with ctx.db.read() as session:
        found = stored.merchants_of_the_night(session)
    failed = [merchant.slug for merchant in found if not _night(ctx, merchant, now=now)]
    if failed:
        raise Unfinished(f"{len(failed)} merchants")


def _night(ctx: Context, merchant: Merchant, *, now: datetime) -> bool:
    """Apply the table to one merchant and write the report; say whether every kind went well."""
    counts: dict[str, int] = {}
    for kind, apply in ACTS.items():
        before = retention.before(kind, merchant.retention, now=now)
        try:
            counts[kind.value] = apply(ctx, merchant.id, before=before, now=now)
        except Exception as error:
            name, place = type(error).__name__, place_of(error)
            log.error("retention_failed", merchant_id=str(merchant.id), kind=kind.value, error=name, place=place)
    with ctx.db.begin() as session:
        if merchant.erased_at is None:  # else nobody is left to read it
            session.add(RetentionRun(merchant_id=merchant.id, created_at=now, counts=counts))
        own = RetentionRun.merchant_id == merchant.id
        session.execute(delete(RetentionRun).where(own, RetentionRun.created_at < now - KEEP_RUNS))
        gone = {name: number for name, number in counts.items() if number}
        if gone:
            audit.append(session, merchant.id, Act.RETENTION_APPLIED, by=PORTAL, at=now, counts=gone)
    return len(counts) == len(ACTS)


def _customers(ctx: Context, merchant_id: uuid.UUID, *, before: datetime, now: datetime) -> int:
    """Erase who has had nothing to do with the merchant since `before`, each in a transaction of their own.

    Nobody whom a message can reach goes without having had a month in which logging in keeps all.
    Messages of who could not log in go as well: whoever wrote them had no other contact since.
    """
    old = stored.old_words(merchant_id, before=before, limit=BATCH)
    _each_batch(ctx, lambda session: _deleted(session, ReceivedRequest, old))
    number, last = 0, None
    while True:
        with ctx.db.read() as session:
            found = stored.forgotten_customers(session, merchant_id, before=before, after=last, limit=BATCH)
        number += sum(_erased(ctx, merchant_id, one, now=now) for one in found)
        if len(found) < BATCH:
            break
        last = found[-1]
    _warn(ctx, merchant_id, before=before + retention.WARN_BEFORE, now=now)
    return number


def _warn(ctx: Context, merchant_id: uuid.UUID, *, before: datetime, now: datetime) -> None:
    """Write to who is to be erased within the month, once: whoever logs in keeps their account."""
    last = None
    while True:
        with ctx.db.read() as session:
            found = stored.forgotten_customers(session, merchant_id, before=before, after=last, limit=BATCH)
        for customer_id in found:
            with ctx.db.begin() as session:
                _tell_soon(ctx, session, merchant_id, customer_id, now=now)
        if len(found) < BATCH:
            return
        last = found[-1]


def _tell_soon(
    ctx: Context, session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, *, now: datetime
) -> None:
    (customer,) = customers.lock(session, merchant_id, customer_id)
    post = Post.of(ctx, session, merchant_id, now=now)
    if not _is_to_be_told(session, post.merchant, customer, now=now):
        return
    path, on = notice_facts.account_path(post.merchant), now + retention.WARN_BEFORE
    told = messages.erasure_soon(post.head_for(customer), name=customer.name, on=on, path=path)
    post.to_customer(customer, told, key=f"erasure-soon:{customer_id}:{now.date()}")


def _is_to_be_told(session: Session, merchant: Merchant, customer: Customer, *, now: datetime) -> bool:
    """Say whether a message can reach the customer, and none of the last two months told them that they are to go."""
    is_left = merchant.erased_at is not None or merchant.closed_at is not None
    if not customer.email or is_left:
        return False
    return not stored.was_warned(session, customer.id, since=now - 2 * retention.WARN_BEFORE)


def _erased(ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, *, now: datetime) -> bool:
    """Erase one unless something of theirs waits after all."""
    with ctx.db.begin() as session:
        customer_erasures.lock_subscriptions(session, customer_id)
        (customer,) = customers.lock(session, merchant_id, customer_id)
        if customer.erased_at is not None or customer_erasures.holds(session, customer, now=now):
            return False
        if stored.was_warned(session, customer_id, since=now - retention.WARN_BEFORE):
            return False  # a later day was told
        if _is_to_be_told(session, session.get_one(Merchant, merchant_id), customer, now=now):
            return False  # the time was made shorter, or nights were left out: the letter of this one gives the month
        counts = erasing.erase(session, customer, now=now)
        subject = ("customer", customer_id)
        audit.append(session, merchant_id, Act.CUSTOMER_ERASED, by=PORTAL, at=now, subject=subject, counts=counts)
    return True


def _proofs(ctx: Context, merchant_id: uuid.UUID, *, before: datetime, now: datetime) -> int:
    """Delete proofs with their files, and what requests and notices said; that there was an end stays."""
    return _each_batch(ctx, lambda session: _archive(session, merchant_id, before=before, now=now)) + _each_batch(
        ctx, lambda session: _drop_notices(session, merchant_id, before=before)
    )


def _archive(session: Session, merchant_id: uuid.UUID, *, before: datetime, now: datetime) -> int:
    ids = list(session.scalars(stored.old_requests(merchant_id, before=before, limit=BATCH)))
    session.execute(delete(ProofFile).where(ProofFile.proof_id.in_(stored.proofs_of(ids))))
    session.execute(delete(Proof).where(Proof.end_request_id.in_(ids)))
    session.execute(update(EndRequest).where(EndRequest.id.in_(ids)).values(archived_at=now, **SAID))
    return len(ids)


def _drop_notices(session: Session, merchant_id: uuid.UUID, *, before: datetime) -> int:
    return _deleted(session, ReceivedRequest, stored.old_notices(merchant_id, before=before, limit=BATCH))


def _payments(ctx: Context, merchant_id: uuid.UUID, *, before: datetime, now: datetime) -> int:
    """Delete payments with what hangs on them, and what was settled."""
    settled = stored.old_settlements(merchant_id, before=before, limit=BATCH)
    _each_batch(ctx, lambda session: _deleted(session, Settlement, settled))
    return _each_batch(ctx, lambda session: _drop_payments(session, merchant_id, before=before))


def _drop_payments(session: Session, merchant_id: uuid.UUID, *, before: datetime) -> int:
    ids = list(session.scalars(stored.old_payments(merchant_id, before=before, limit=BATCH)))
    with_end = or_(EndRefund.payment_id.in_(ids), EndRefund.refund_id.in_(stored.refunds_of(ids)))
    session.execute(delete(EndRefund).where(with_end))
    for row in (Refund, LatePayment, RenewalRefund):
        session.execute(delete(row).where(row.payment_id.in_(ids)))
    session.execute(delete(Payment).where(Payment.id.in_(ids)))
    return len(ids)


def _mails(ctx: Context, merchant_id: uuid.UUID, *, before: datetime, now: datetime) -> int:
    """Empty what messages said; to whom and when one left stays with the record."""

    def empty(session: Session) -> int:
        old = stored.old_mails(merchant_id, before=before, limit=BATCH)
        emptied = update(Mail).where(Mail.id.in_(old)).values(content=None, subject="")
        return session.connection().execute(emptied.execution_options(synchronize_session=False)).rowcount

    return _each_batch(ctx, empty)


def _messages(ctx: Context, merchant_id: uuid.UUID, *, before: datetime, now: datetime) -> int:
    return event_retention.purge(ctx, merchant_id=merchant_id, now=now)


def _exports(ctx: Context, merchant_id: uuid.UUID, *, before: datetime, now: datetime) -> int:
    return data_exports.purge(ctx, merchant_id, before=before)


def _events(ctx: Context, merchant_id: uuid.UUID, *, before: datetime, now: datetime) -> int:
    """Delete events with what became of each at each endpoint."""
    old = stored.old_events(merchant_id, before=before, limit=BATCH)
    return _each_batch(ctx, lambda session: _deleted(session, OutgoingEvent, old))


def _files(ctx: Context, merchant_id: uuid.UUID, *, before: datetime, now: datetime) -> int:
    """Delete what the team brought, and archives of everything, if the jobs of every ten minutes have not."""
    brought = file_imports.purge(ctx, before=before, merchant_id=merchant_id, now=now)
    return brought + forget_archives(ctx, before=before, merchant_id=merchant_id)


def forget_archives(ctx: Context, *, before: datetime, merchant_id: uuid.UUID | None = None) -> int:
    """Delete archives of everything, ready or given up before then, of one merchant or of all; return how many."""
    over = [merchant_archives.is_over(before=before)]
    if merchant_id is not None:
        over.append(MerchantArchive.merchant_id == merchant_id)
    with ctx.db.begin() as session:
        return session.connection().execute(delete(MerchantArchive).where(*over)).rowcount


ACTS: Final[dict[Kind, Callable[..., int]]] = {
    Kind.EXPORTS: _exports,
    Kind.FILES: _files,
    Kind.MESSAGES: _messages,
    Kind.EVENTS: _events,
    Kind.MAILS: _mails,
    Kind.CUSTOMERS: _customers,
    Kind.PROOFS: _proofs,
    Kind.PAYMENTS: _payments,
}


def _each_batch(ctx: Context, do: Callable[[Session], int]) -> int:
    """Do it, a transaction a batch, until nothing is left; return how many in all."""
    number = 0
    while True:
        with ctx.db.begin() as session:
            found = do(session)
        number += found
        if found < BATCH:
            return number


def _deleted(session: Session, row: Any, old: Select[uuid.UUID]) -> int:
    statement = delete(row).where(row.id.in_(old)).execution_options(synchronize_session=False)
    return session.connection().execute(statement).rowcount
