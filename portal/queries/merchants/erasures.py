"""Which rows of a merchant that is gone are erased, and which the law has kept (docs/decisions/0026).

Kept: the merchant's own row, its audit chain, its legal texts, which proofs name, every proof with its files, and of
each subscription whose end is proven the request, the timeline, the customer, the product and the plan.  Everything
else goes, children before parents.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, Text, cast, column, exists, literal_column, or_, select, table
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from portal.models import (
    Base,
    BulkAct,
    Customer,
    EndRequest,
    Mail,
    Membership,
    Plan,
    Product,
    Proof,
    Staff,
    Subscription,
    TimelineEntry,
)
from portal.queries.merchants import merchant_rows

JOBS: Final = table("procrastinate_jobs", column("status"), column("args", JSONB))
KEPT_WHOLE: Final = frozenset(
    {"merchants", "audit_entries", "audit_heads", "legal_texts", "proofs", "proof_files", "time_stamps"}
)
# No merchant's, or gone with the row that they hang on.
FOLLOWS: Final = frozenset(
    {
        "health_marks",
        "installations",
        "journal_entries",
        "login_browsers",
        "passkeys",
        "recovery_codes",
        "setup_codes",
        "signing_keys",
        "spent_challenges",
        "staff",
        "staff_devices",
        "staff_links",
        "throttles",
    }
)
# What is still needed by what is kept; each is asked once its children have gone.
NEEDED: Final[Mapping[str, Callable[[], ColumnElement[bool]]]] = {
    "timeline_entries": lambda: exists().where(
        EndRequest.subscription_id == TimelineEntry.subscription_id, Proof.end_request_id == EndRequest.id
    ),
    "end_requests": lambda: exists().where(Proof.end_request_id == EndRequest.id),
    "subscriptions": lambda: exists().where(EndRequest.subscription_id == Subscription.id),
    "plans": lambda: exists().where(Subscription.plan_id == Plan.id),
    "products": lambda: or_(
        exists().where(Subscription.product_id == Product.id), exists().where(Plan.product_id == Product.id)
    ),
    "customers": lambda: exists().where(Subscription.customer_id == Customer.id),
}


def jobs_of(merchant_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    """Say which jobs wait for something of the merchant's: they would find nothing."""
    mails = select(cast(Mail.id, Text)).where(Mail.merchant_id == merchant_id)
    args = JOBS.c.args
    of_them = or_(args["merchant_id"].astext == str(merchant_id), args["mail_id"].astext.in_(mails))
    return JOBS.c.status == literal_column("'todo'"), of_them


def tables() -> list[Table]:
    """Return the tables to erase from, children before parents."""
    return [
        table
        for table in reversed(Base.metadata.sorted_tables)
        if table.name not in KEPT_WHOLE and table.name not in FOLLOWS
    ]


def tied(merchant_id: uuid.UUID, *, limit: int) -> Select[uuid.UUID]:
    """Select so many subscriptions that name another one, or a time at which PayPal is asked about them."""
    named = Subscription.predecessor_id, Subscription.next_watch_at, Subscription.history_due_at
    is_tied = or_(*(column.is_not(None) for column in named))
    return select(Subscription.id).where(Subscription.merchant_id == merchant_id, is_tied).limit(limit)


def keys(table: Table, merchant_id: uuid.UUID, *, limit: int) -> Select[Any]:
    """Select the primary keys of so many rows of the merchant that nothing keeps."""
    needed = NEEDED.get(table.name)
    where = [merchant_rows.of_merchant(table, merchant_id)] + ([~needed()] if needed else [])
    return select(*table.primary_key.columns).where(*where).limit(limit)


def leavers(session: Session, merchant_id: uuid.UUID) -> list[tuple[Staff, uuid.UUID | None]]:
    """Return whose log-in leads to the merchant, with another one that they work or have acted for, if any."""
    at = select(Membership.merchant_id).where(Membership.staff_id == Staff.id, Membership.merchant_id != merchant_id)
    acted = select(BulkAct.merchant_id).where(BulkAct.staff_id == Staff.id, BulkAct.merchant_id != merchant_id)
    rows = session.execute(
        select(Staff, at.limit(1).scalar_subquery(), acted.limit(1).scalar_subquery()).where(
            Staff.merchant_id == merchant_id
        )
    )
    return [(person, here or there) for person, here, there in rows]
