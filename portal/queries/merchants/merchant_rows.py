"""Every row of one merchant, table by table, without what is secret: for the archive that a leaving merchant takes.

The tables are read off the models, so that a new one cannot be forgotten: it is in the archive, or named here.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, LargeBinary, RowMapping, Table, select, text
from sqlalchemy.orm import Session

from portal.models import Base, Membership

# What is no merchant's, is secret as a whole, or says nothing that another table does not.
LEFT_OUT: Final = frozenset(
    {
        "api_replies",
        "api_uses",
        "erased_payers",
        "figure_books",
        "figure_changes",
        "file_import_keys",
        "file_import_parts",
        "health_marks",
        "installations",
        "invitations",
        "journal_entries",
        "login_browsers",
        "login_challenges",
        "merchant_archive_parts",
        "merchant_archives",
        "passkeys",
        "recovery_codes",
        "search_words",
        "sessions",
        "setup_codes",
        "signing_keys",
        "spent_challenges",
        "staff_devices",
        "staff_links",
        "task_links",
        "throttles",
    }
)
# Passwords, keys and whatever opens something. Sealed boxes are bytes, and no bytes are given but these.
SECRET_COLUMNS: Final = frozenset(
    {
        "password_hash",
        "totp_last_step",
        "token",
        "link_hash",
        "page_hash",
        "code_hash",
        "token_hash",
        "token_expires_at",
    }
)
SECRET_ADDRESSES: Final = frozenset({("webhook_endpoints", "url"), ("comebacks", "approval_url")})
ELSEWHERE: Final = frozenset({("staff", "merchant_id")})  # which desk somebody was at last: perhaps another merchant's
READABLE_BYTES: Final = frozenset({("logos", "content"), ("paypal_events", "body"), ("time_stamps", "reply")})
BATCH: Final = 1000


def tables() -> list[Table]:
    """Return what the archive holds, the tables that others refer to first."""
    return [table for table in Base.metadata.sorted_tables if table.name not in LEFT_OUT]


def columns(table: Table) -> list[Any]:
    """Return the columns of a table that the archive shows."""
    return [
        column
        for column in table.columns
        if column.name not in SECRET_COLUMNS
        and (table.name, column.name) not in SECRET_ADDRESSES | ELSEWHERE
        and (not isinstance(column.type, LargeBinary) or (table.name, column.name) in READABLE_BYTES)
    ]


def see_one_moment(session: Session) -> None:
    """Let every statement of the transaction that begins here see the rows of this moment, and write none."""
    session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


def rows(session: Session, table: Table, merchant_id: uuid.UUID) -> Generator[RowMapping]:
    """Return a merchant's rows of one table, by primary key, as they come from the database."""
    statement = select(*columns(table)).where(of_merchant(table, merchant_id)).order_by(*table.primary_key.columns)
    with session.execute(statement.execution_options(yield_per=BATCH)) as found:
        yield from found.mappings()


def of_merchant(table: Table, merchant_id: uuid.UUID) -> ColumnElement[bool]:
    """Say whose a row is: by its own column, or by the row that it is a part of."""
    if table.name == "merchants":
        return table.c.id == merchant_id
    if table.name == "staff":  # who works here, wherever else they do
        team = cast(Table, Membership.__table__)
        return table.c.id.in_(select(team.c.staff_id).where(team.c.merchant_id == merchant_id))
    if "merchant_id" in table.c:
        return table.c.merchant_id == merchant_id
    owners = (key for key in table.foreign_keys if "merchant_id" in key.column.table.c and not key.parent.nullable)
    whole = min(owners, key=lambda key: key.parent.name)  # of several always the same: they come in any order
    owner = whole.column.table
    return whole.parent.in_(select(whole.column).where(owner.c.merchant_id == merchant_id))
