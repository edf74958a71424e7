"""A customer asks for their own data: one archive, made by a job, taken from their space for some days, then gone.

The mail that says it is ready leads to the page and carries nothing: only who is logged in gets the file.
"""

from __future__ import annotations

import base64
import uuid
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import delete, func
from sqlalchemy.orm import Session

from portal import queue
from portal.domain.audit import Act, By
from portal.domain.ends.end_requests import Channel
from portal.domain.law.retention import FIXED_DAYS, Kind
from portal.domain.people.customer_erasures import check_there
from portal.domain.policies import Actor
from portal.mail import own_data as messages
from portal.models import DataExport, ExportState
from portal.queries.account import data_exports
from portal.queries.merchants.merchant_rows import see_one_moment
from portal.queries.people import customers, merchants
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.notices import notice_facts
from portal.services.notices.recipients import Post
from portal.services.own_data.archives import zipped

log = structlog.get_logger("portal.own_data")

ARCHIVE: Final = "data_exports.content"  # what its content is sealed for
FRESH: Final = timedelta(days=1)  # one that is younger is as good as another
KEPT: Final = FIXED_DAYS[Kind.EXPORTS]


def stands(export: DataExport | None, *, now: datetime) -> bool:
    """Say whether asking again gives this one: it is under way, or it is fresh."""
    if export is None or export.failed_at is not None:
        return False
    return export.ready_at is None or export.ready_at > now - FRESH


def ask(ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, *, language: str, now: datetime) -> DataExport:
    """Have the archive made; one that is under way, or fresh, stands for it. Raises NoResultFound, NotAllowed."""
    with ctx.db.begin() as session:
        (customer,) = customers.lock(session, merchant_id, customer_id)  # of two clicks the second sees the first
        check_there(customer.erased_at)
        known = data_exports.newest_of(session, merchant_id, customer_id)
        if known is not None and stands(known, now=now):
            return known
        if known is not None and known.failed_at is not None:
            session.delete(known)  # one waits for each customer
            session.flush()
        export = DataExport(
            id=uuid.uuid4(), created_at=now, merchant_id=merchant_id, customer_id=customer_id, language=language
        )
        session.add(export)
        by = By(actor=Actor.CUSTOMER, actor_id=customer_id, channel=Channel.PORTAL)
        subject = ("customer", customer_id)
        audit.append(session, merchant_id, Act.EXPORT_CUSTOMER, by=by, at=now, subject=subject)
        queue.defer(session, queue.EXPORT_DATA, export_id=str(export.id))
        return export


def make(ctx: Context, export_id: uuid.UUID, *, now: datetime) -> None:
    """Make one archive, unless it is made or gone; those before it go, and the customer is written to."""
    with ctx.db.read() as session:
        wanted = session.get(DataExport, export_id)
    if wanted is None or _is_settled(wanted):
        return
    with ctx.db.begin() as session:
        see_one_moment(session)
        merchant = merchants.of(session, wanted.merchant_id)
        content = zipped(session, merchant, wanted.customer_id, language=wanted.language, now=now)
    sealed = ctx.vault.seal(base64.b64encode(content).decode(), purpose=ARCHIVE, row=export_id)
    with ctx.db.begin() as session:
        export = data_exports.lock(session, export_id)
        if export is None or _is_settled(export):
            return
        export.content, export.size = sealed, len(content)
        export.state, export.ready_at = ExportState.READY, now
        session.flush()
        _forget_others(session, export)
        _tell(ctx, session, export, now=now)
    log.info("own_data_ready", export_id=str(export_id), bytes=len(content))


def give_up(ctx: Context, export_id: uuid.UUID, *, now: datetime) -> None:
    """Write that an archive could not be made, and tell the customer: asking again makes another."""
    with ctx.db.begin() as session:
        export = data_exports.lock(session, export_id)
        if export is None or _is_settled(export):
            return
        export.failed_at = now
        _tell(ctx, session, export, now=now)
    log.error("own_data_given_up", export_id=str(export_id))


def _is_settled(export: DataExport) -> bool:
    return export.state is ExportState.READY or export.failed_at is not None


def _forget_others(session: Session, export: DataExport) -> None:
    others = DataExport.customer_id == export.customer_id, DataExport.id != export.id
    session.execute(delete(DataExport).where(*others))


def _tell(ctx: Context, session: Session, export: DataExport, *, now: datetime) -> None:
    post = Post.of(ctx, session, export.merchant_id, now=now)
    customer = customers.of_merchant(session, export.merchant_id, export.customer_id)
    if customer.email is None:
        return
    path = f"{notice_facts.account_path(post.merchant)}/data"
    head = post.head_for(customer)
    if export.ready_at is None:
        told = messages.data_failed(head, name=customer.name, path=path)
    else:
        told = messages.data_ready(head, name=customer.name, path=path, until=now + KEPT)
    post.to_customer(customer, told, key=f"{told.kind.replace('_', '-')}:{export.id}")


def content_of(ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID) -> tuple[DataExport, bytes]:
    """Return the customer's finished archive; raise NoResultFound where there is none. Raises CannotOpen."""
    with ctx.db.read() as session:
        export = data_exports.ready_of(session, merchant_id, customer_id)
        sealed = export.content or b""
    return export, base64.b64decode(ctx.vault.open(sealed, purpose=ARCHIVE, row=export.id))


def purge(ctx: Context, merchant_id: uuid.UUID, *, before: datetime) -> int:
    """Delete a merchant's archives that were ready, or given up, before that moment; return how many."""
    with ctx.db.begin() as session:
        over = DataExport.merchant_id == merchant_id, func.coalesce(DataExport.ready_at, DataExport.failed_at) < before
        return session.connection().execute(delete(DataExport).where(*over)).rowcount
