"""What becomes of a merchant whose last day is over: it waits for what is open, is closed, and a day later erased.

Nothing goes while a recorded end, a row of a bulk act that runs, a refund, a settlement, a pause, an attempt to come
back or a customer's notice is open.  Between closing and erasing lies a day, so that whatever was being written when
the pages closed is seen: then they open again.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Table, delete, tuple_, update
from sqlalchemy.orm import Session

from portal.domain.audit import PORTAL, Act
from portal.models import Merchant, PayPalAccount, Subscription, WebhookEndpoint
from portal.queries.merchants import departures, erasures
from portal.queries.merchants.departures import Standing
from portal.queries.people import merchants
from portal.services.audit import audit
from portal.services.context import Context

log = structlog.get_logger("portal.departures")

BATCH: Final = 500  # rows of one transaction
BETWEEN: Final = timedelta(hours=20)  # from closing to erasing, a run of the daily job later


def run(ctx: Context, *, now: datetime) -> int:
    """Take each merchant whose last day is over one step on; return how many of them there are.

    One that fails keeps none of the others, and is gone on with the next night.
    """
    with ctx.db.read() as session:
        due = [one.id for one in merchants.due_to_go(session, now)]
    for merchant_id in due:
        try:
            if _may_go(ctx, merchant_id, now=now):
                erase(ctx, merchant_id, now=now)
        except Exception:
            log.exception("merchant.departure_failed", merchant_id=str(merchant_id))
    return len(due)


def _may_go(ctx: Context, merchant_id: uuid.UUID, *, now: datetime) -> bool:
    """Say whether the merchant has been closed for long enough; close it, or open it again, as what is open wants."""
    with ctx.db.begin() as session:
        merchant = merchants.lock(session, merchant_id)
        if merchant.gone_at is None or merchant.gone_at > now:  # kept in this very moment
            return False
        standing = departures.of(session, merchant_id, now=now)
        if standing.holds_back:
            _wait(session, merchant, standing, now=now)
            return False
        if merchant.closed_at is None:
            _close(session, merchant, standing, now=now)
            return False
        return merchant.closed_at <= now - BETWEEN


def _wait(session: Session, merchant: Merchant, standing: Standing, *, now: datetime) -> None:
    log.warning("merchant.departure_waits", merchant_id=str(merchant.id), **standing.holds_back)
    if merchant.closed_at is not None:
        merchant.closed_at = None
        audit.append(session, merchant.id, Act.MERCHANT_REOPENED, by=PORTAL, at=now)


def _close(session: Session, merchant: Merchant, standing: Standing, *, now: datetime) -> None:
    """Let nobody in any more."""
    merchant.closed_at = now
    left = standing.live_in_all
    audit.append(session, merchant.id, Act.MERCHANT_CLOSED, by=PORTAL, at=now, live_subscriptions=left)
    log.warning("merchant.closed", merchant_id=str(merchant.id), live_subscriptions=left)


def erase(ctx: Context, merchant_id: uuid.UUID, *, now: datetime) -> None:
    """Erase what is not kept, in batches; a run that was cut off is gone on with by the next."""
    with ctx.db.begin() as session:  # first what brings new rows: messages of PayPal, jobs, reads
        for row in (WebhookEndpoint, PayPalAccount):
            session.execute(delete(row).where(row.merchant_id == merchant_id))
        session.execute(delete(erasures.JOBS).where(*erasures.jobs_of(merchant_id)))
    _let_go(ctx, merchant_id)
    gone = {table.name: _erase_from(ctx, table, merchant_id) for table in erasures.tables()}
    with ctx.db.begin() as session:
        _finish(session, merchant_id, rows=sum(gone.values()), now=now)


def _let_go(ctx: Context, merchant_id: uuid.UUID) -> None:
    """Cut what ties subscriptions to each other, and forget when PayPal was to be asked about them again."""
    nothing = {"predecessor_id": None, "next_watch_at": None, "history_due_at": None}
    found = 1
    while found:
        with ctx.db.begin() as session:
            tied = Subscription.id.in_(erasures.tied(merchant_id, limit=BATCH))
            found = session.connection().execute(update(Subscription).where(tied).values(nothing)).rowcount


def _erase_from(ctx: Context, table: Table, merchant_id: uuid.UUID) -> int:
    """Delete the merchant's rows of one table, a transaction a batch; return how many."""
    number = 0
    key = tuple_(*table.primary_key.columns)
    while True:
        with ctx.db.begin() as session:
            wanted = erasures.keys(table, merchant_id, limit=BATCH)
            found = session.connection().execute(delete(table).where(key.in_(wanted.subquery().select()))).rowcount
        number += found
        if found == 0:
            return number


def _finish(session: Session, merchant_id: uuid.UUID, *, rows: int, now: datetime) -> None:
    """Let go of the team, wipe what the merchant's own row says, and write that it is done.

    Its name stays with its slug, and what a proof is read with: zone, languages, the words of its reasons.
    """
    for person, elsewhere in erasures.leavers(session, merchant_id):
        if elsewhere is None:
            session.delete(person)
        else:
            person.merchant_id = elsewhere
    merchant = merchants.lock(session, merchant_id)
    merchant.support_email = merchant.logo_id = merchant.own_host = None
    merchant.suspended_at, merchant.suspended_why = None, ""
    merchant.cancellation_text = merchant.sender_name = merchant.receipt_text = ""
    merchant.site_url = merchant.terms_url = merchant.privacy_url = merchant.legal_url = merchant.postal_address = ""
    merchant.leaving_offer, merchant.placed_links, merchant.return_addresses = {}, {}, []
    merchant.erased_at = merchant.erased_at or now  # again, after a restored backup: the day of the first time stays
    audit.append(session, merchant_id, Act.MERCHANT_ERASED, by=PORTAL, at=now, rows=rows)
    log.warning("merchant.erased", merchant_id=str(merchant_id), rows=rows)
