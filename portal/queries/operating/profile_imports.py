"""Every SELECT of lists of classic profiles, and of what a classic subscription is matched with."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Text, cast, column, exists, func, or_, select, table
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, selectinload

from portal import queue
from portal.models import (
    ImportState,
    KeyState,
    PayPalAccount,
    Plan,
    Product,
    ProfileImport,
    ProfileImportRow,
    ProfileRowState,
    Provider,
)

__all__ = [  # the web names the results of rows
    "ProfileRowState",
    "RowPage",
    "forgotten",
    "get",
    "lock",
    "newest",
    "of_merchant",
    "product_of_description",
    "reasons",
    "row",
    "rows_page",
    "unfinished",
    "waiting",
    "waiting_for_a_key",
]

PAGE: Final = 100
KEY_REASONS: Final = ("bad_credentials", "forbidden", "no_key", "key_unreadable")  # first words of ProfileImport.error
JOBS: Final = table("procrastinate_jobs", column("task_name"), column("status"), column("args", JSONB))
CLASSIC_PLAN: Final = "classic:"  # how the id of a plan begins that PayPal does not know


def of_merchant(session: Session, merchant_id: uuid.UUID, import_id: uuid.UUID) -> ProfileImport:
    """Return one list of the merchant; raise NoResultFound for any other."""
    return session.scalars(
        select(ProfileImport).where(ProfileImport.id == import_id, ProfileImport.merchant_id == merchant_id)
    ).one()


def get(session: Session, import_id: uuid.UUID) -> ProfileImport:
    """Return a list; raise NoResultFound."""
    return session.scalars(select(ProfileImport).where(ProfileImport.id == import_id)).one()


def lock(session: Session, import_id: uuid.UUID) -> ProfileImport:
    """Return a list, locked until the transaction ends; raise NoResultFound."""
    return session.scalars(
        select(ProfileImport)
        .where(ProfileImport.id == import_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def unfinished(session: Session, merchant_id: uuid.UUID) -> ProfileImport | None:
    """Return the merchant's list that is being read or has stopped, if there is one."""
    return session.scalars(
        select(ProfileImport).where(ProfileImport.merchant_id == merchant_id, ProfileImport.state != ImportState.DONE)
    ).one_or_none()


def newest(session: Session, merchant_id: uuid.UUID, *, limit: int = 20) -> list[ProfileImport]:
    """Return the merchant's newest lists, newest first."""
    return list(
        session.scalars(
            select(ProfileImport)
            .where(ProfileImport.merchant_id == merchant_id)
            .order_by(ProfileImport.created_at.desc(), ProfileImport.id)
            .limit(limit)
        )
    )


def forgotten(session: Session, *, quiet_since: datetime) -> Sequence[ProfileImport]:
    """Return the lists at work without a word since then that no job is left for: it died after its tries."""
    job = exists().where(
        JOBS.c.task_name == queue.RUN_PROFILE_IMPORT,
        cast(JOBS.c.status, Text).in_(("todo", "doing")),
        JOBS.c.args["import_id"].astext == cast(ProfileImport.id, Text),
    )
    running = select(ProfileImport).where(ProfileImport.state == ImportState.RUNNING)
    return session.scalars(running.where(ProfileImport.touched_at < quiet_since, ~job)).all()


def waiting_for_a_key(session: Session, *, brought_since: datetime) -> Sequence[ProfileImport]:
    """Return the lists brought since then that stopped for a key which a test made after that found working."""
    made, account = ProfileImport, PayPalAccount
    works = exists().where(
        account.merchant_id == made.merchant_id,
        account.environment == made.environment,
        account.provider == Provider.PAYPAL_CLASSIC,
        account.state == KeyState.WORKING,
        account.checked_at > made.touched_at,
    )
    stopped = select(made).where(made.state == ImportState.STOPPED, made.created_at > brought_since, works)
    return session.scalars(stopped.where(or_(*(made.error.startswith(reason) for reason in KEY_REASONS)))).all()


def waiting(session: Session, import_id: uuid.UUID, *, after: int, limit: int) -> list[ProfileImportRow]:
    """Return the next rows to read, in the order of the file, after a line."""
    return list(
        session.scalars(
            select(ProfileImportRow)
            .where(
                ProfileImportRow.profile_import_id == import_id,
                ProfileImportRow.state == ProfileRowState.WAITING,
                ProfileImportRow.line > after,
            )
            .order_by(ProfileImportRow.line)
            .limit(limit)
        )
    )


def row(session: Session, row_id: uuid.UUID) -> ProfileImportRow:
    """Return one row; raise NoResultFound."""
    return session.scalars(select(ProfileImportRow).where(ProfileImportRow.id == row_id)).one()


@dataclass(frozen=True, kw_only=True)
class RowPage:
    """Some rows of a list. `next_line` and `previous_line` are where to go on from, None at an end."""

    rows: Sequence[ProfileImportRow]
    next_line: int | None
    previous_line: int | None


def rows_page(
    session: Session,
    import_id: uuid.UUID,
    *,
    state: ProfileRowState | None = None,
    after: int | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> RowPage:
    """Return the rows after or before a line of the file, in its order, of one state or of all."""
    line = ProfileImportRow.line
    statement = select(ProfileImportRow).where(ProfileImportRow.profile_import_id == import_id).limit(limit + 1)
    if state is not None:
        statement = statement.where(ProfileImportRow.state == state)
    if before is not None:
        found = session.scalars(statement.where(line < before).order_by(line.desc())).all()
        rows, more = found[:limit][::-1], len(found) > limit
        return RowPage(
            rows=rows,
            next_line=rows[-1].line if rows else None,
            previous_line=rows[0].line if rows and more else None,
        )
    found = session.scalars(statement.where(line > (after or 0)).order_by(line)).all()
    rows, more = found[:limit], len(found) > limit
    return RowPage(
        rows=rows,
        next_line=rows[-1].line if more else None,
        previous_line=rows[0].line if rows and after else None,
    )


def reasons(session: Session, import_id: uuid.UUID, *states: ProfileRowState) -> list[tuple[str, int]]:
    """Return each reason that rows in these states have, with how many have it, the commonest first."""
    number, row = func.count(), ProfileImportRow
    rows = session.execute(
        select(row.reason, number)
        .where(row.profile_import_id == import_id, row.state.in_(states), row.reason != "")
        .group_by(row.reason)
        .order_by(number.desc(), row.reason)
    )
    return [(reason, count) for reason, count in rows]


def product_of_description(
    session: Session, merchant_id: uuid.UUID, environment: str, description: str
) -> Product | None:
    """Return the product that classic subscriptions of this description have, with its contents."""
    return session.scalars(
        select(Product)
        .join(Plan, Plan.product_id == Product.id)
        .options(selectinload(Product.contents))
        .where(
            Plan.merchant_id == merchant_id,
            Plan.environment == environment,
            Plan.name == description,
            Plan.provider_id.startswith(CLASSIC_PLAN, autoescape=True),
        )
        .order_by(Plan.created_at, Plan.id)
        .limit(1)
    ).one_or_none()
