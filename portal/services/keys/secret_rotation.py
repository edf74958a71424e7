"""Seal every secret of the database again with the newest master key (docs/operations.md, « Master keys »).

Row by row in small transactions, each box compared before it is written: the portal may run meanwhile, the work may
be interrupted and begun again.  A key that is missing stops it before anything is changed.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, LargeBinary, cast, func, literal, null, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from portal.clock import utc_now
from portal.domain.audit import OPERATOR, Act
from portal.models import (
    ApiReply,
    DataExport,
    EventEndpoint,
    FileImportPart,
    Invitation,
    ListExportPart,
    Mail,
    MerchantArchivePart,
    PayPalAccount,
    SigningKey,
    SiteLogin,
    Staff,
)
from portal.secrets import SEPARATOR, CannotOpen
from portal.services.access_tokens import PRIVATE
from portal.services.api.api_replies import BODY
from portal.services.archives import MERCHANT
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.imports.file_imports import SEALED as FILE
from portal.services.list_exports import SEALED as LIST
from portal.services.notices.outbox import CONTENT
from portal.services.outgoing import event_secrets
from portal.services.own_data.data_exports import ARCHIVE
from portal.services.paypal.gateways import SECRET, SIGNATURE, TOKEN
from portal.services.people.site_clients import SECRET as SITE_SECRET
from portal.services.people.staff_factors import TOTP_SECRET

log = structlog.get_logger(__name__)

NAMED: Final = 20  # rows named of each kind that would be lost


@dataclass(frozen=True)
class Sealed:
    """A column that holds boxes, the purpose they are sealed for, and whether each is for its own row alone."""

    model: Any
    column: InstrumentedAttribute[Any]
    purpose: str
    by_row: bool = False

    @property
    def name(self) -> str:
        """Return `table.column`."""
        return f"{self.model.__tablename__}.{self.column.key}"

    def row_of(self, row_id: uuid.UUID) -> uuid.UUID | None:
        """Return what a box of that row is bound to beside its purpose."""
        return row_id if self.by_row else None


# The SELECTs stay in this file: they are of whatever table the list names.
# A test compares this list with the columns of the models: whoever adds a sealed one adds it here.
SEALED: Final = (
    Sealed(PayPalAccount, PayPalAccount.secret, SECRET),
    Sealed(PayPalAccount, PayPalAccount.signature, SIGNATURE),
    Sealed(PayPalAccount, PayPalAccount.token, TOKEN),
    Sealed(Staff, Staff.totp_secret, TOTP_SECRET, by_row=True),
    Sealed(Invitation, Invitation.totp_secret, TOTP_SECRET, by_row=True),
    Sealed(Mail, Mail.content, CONTENT),
    Sealed(DataExport, DataExport.content, ARCHIVE, by_row=True),
    Sealed(ListExportPart, ListExportPart.content, LIST, by_row=True),
    Sealed(FileImportPart, FileImportPart.content, FILE, by_row=True),
    Sealed(MerchantArchivePart, MerchantArchivePart.content, MERCHANT, by_row=True),
    Sealed(EventEndpoint, EventEndpoint.secret, event_secrets.SECRET, by_row=True),
    Sealed(EventEndpoint, EventEndpoint.former_secret, event_secrets.FORMER, by_row=True),
    Sealed(SiteLogin, SiteLogin.secret, SITE_SECRET, by_row=True),
    Sealed(SigningKey, SigningKey.private_key, PRIVATE, by_row=True),
    Sealed(ApiReply, ApiReply.body, BODY, by_row=True),
)


@dataclass(frozen=True, kw_only=True)
class Use:
    """How many boxes of a column one master key has sealed; `rows` names some, when that key is missing."""

    column: str
    key_id: str
    count: int
    is_known: bool
    rows: tuple[uuid.UUID, ...] = ()


@dataclass(kw_only=True)
class Rotation:
    """How far it got: boxes sealed again, those that do not open although their key is here, and those in use."""

    sealed: int = 0
    unreadable: list[tuple[str, uuid.UUID]] = field(default_factory=list)
    in_use: int = 0  # held by another transaction or changed under our hands: another run takes them


class MissingKeys(Exception):
    """Boxes were sealed with master keys that are not configured: without those keys they are lost."""

    def __init__(self, lost: list[Use]) -> None:
        super().__init__(", ".join(f"{use.column}: {use.count} sealed with {use.key_id!r}" for use in lost))
        self.lost = lost


def uses(ctx: Context) -> list[Use]:
    """Return which master keys are in use, in which columns, for how many rows each."""
    found = []
    with ctx.db.read() as session:
        for sealed in SEALED:
            key_id = _key_id(sealed.column)
            counted = session.execute(
                select(key_id, func.count()).where(sealed.column.is_not(None)).group_by(key_id).order_by(key_id)
            )
            for raw, count in counted:
                name = bytes(raw).decode(errors="backslashreplace")
                known = name in ctx.vault.key_ids
                rows = () if known else _some_rows(session, sealed, raw)
                found.append(Use(column=sealed.name, key_id=name, count=count, is_known=known, rows=rows))
    return found


def rotate(
    ctx: Context,
    *,
    batch: int = 200,
    leave_lost: bool = False,
    on_progress: Callable[[str, int], None] = lambda _column, _sealed: None,
) -> Rotation:
    """Seal every box again that is not sealed with the newest key; `on_progress` hears column and count so far.

    Raises MissingKeys before anything is changed; with `leave_lost` such boxes are left as they are.
    """
    lost = [use for use in uses(ctx) if not use.is_known]
    if lost and not leave_lost:
        raise MissingKeys(lost)
    done = Rotation()
    for sealed in SEALED:
        _rotate_column(ctx, sealed, done, batch=batch, on_progress=on_progress)
    log.info("secrets_rotated", sealed=done.sealed, unreadable=len(done.unreadable), in_use=done.in_use)
    return done


def bind(ctx: Context) -> int:
    """Seal for its row alone what an older release sealed for its column only; return how many boxes that were.

    Part of `flask migrate`: from then on a box that was copied from another row opens nowhere.
    """
    bound = 0
    with ctx.db.begin() as session:
        for staff in session.scalars(select(Staff).with_for_update(key_share=True)):
            try:
                ctx.vault.open(staff.totp_secret, purpose=TOTP_SECRET, row=staff.id)
            except CannotOpen:
                with suppress(CannotOpen):  # a lost key: `flask secrets check` names it
                    secret = ctx.vault.open(staff.totp_secret, purpose=TOTP_SECRET)
                    staff.totp_secret = ctx.vault.seal(secret, purpose=TOTP_SECRET, row=staff.id)
                    bound += 1
    return bound


def _rotate_column(
    ctx: Context, sealed: Sealed, done: Rotation, *, batch: int, on_progress: Callable[[str, int], None]
) -> None:
    before = done.sealed
    for ids in _old_rows(ctx, sealed, batch=batch):
        with ctx.db.begin() as session:
            boxes = session.execute(
                select(sealed.model.id, sealed.column)
                .where(sealed.model.id.in_(ids), _is_old(ctx, sealed))
                .with_for_update(key_share=True, skip_locked=True)
            ).all()
            done.in_use += len(ids) - len(boxes)
            owners = Counter(_seal_again(ctx, session, sealed, row_id, box, done) for row_id, box in boxes)
            for owner, rows in owners.items():
                if owner is not None:
                    audit.append(
                        session,
                        owner,
                        Act.SECRETS_ROTATED,
                        by=OPERATOR,
                        at=utc_now(),
                        column=sealed.name,
                        rows=rows,
                        master_key=ctx.vault.newest_id,
                    )
        on_progress(sealed.name, done.sealed - before)


def _seal_again(
    ctx: Context, session: Session, sealed: Sealed, row_id: uuid.UUID, box: bytes, done: Rotation
) -> uuid.UUID | None:
    """Seal one box again; return whose it is: None for no merchant's, and when it was left as it is."""
    try:
        purpose, row = sealed.purpose, sealed.row_of(row_id)
        fresh = ctx.vault.seal_bytes(ctx.vault.open_bytes(box, purpose=purpose, row=row), purpose=purpose, row=row)
    except CannotOpen:
        log.error("sealed_box_does_not_open", column=sealed.name, row_id=str(row_id))
        done.unreadable.append((sealed.name, row_id))
        return None
    sealed_again = session.execute(
        update(sealed.model)
        .where(sealed.model.id == row_id, sealed.column == box)
        .values({sealed.column.key: fresh})
        .returning(getattr(sealed.model, "merchant_id", null()))
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if sealed_again is None:
        done.in_use += 1
        return None
    done.sealed += 1
    owner: uuid.UUID | None = sealed_again[0]
    return owner


def _old_rows(ctx: Context, sealed: Sealed, *, batch: int) -> Iterator[list[uuid.UUID]]:
    """Yield the ids of rows whose box is not sealed with the newest key, a batch at a time, each once."""
    last: uuid.UUID | None = None
    while True:
        statement = select(sealed.model.id).where(_is_old(ctx, sealed)).order_by(sealed.model.id).limit(batch)
        if last is not None:
            statement = statement.where(sealed.model.id > last)
        with ctx.db.read() as session:
            ids = list(session.scalars(statement))
        if ids:
            last = ids[-1]
            yield ids
        if len(ids) < batch:
            return


def _is_old(ctx: Context, sealed: Sealed) -> ColumnElement[bool]:
    """Say in SQL that the box was sealed with a configured key other than the newest one."""
    older = [key_id.encode() for key_id in ctx.vault.key_ids if key_id != ctx.vault.newest_id]
    return sealed.column.is_not(None) & _key_id(sealed.column).in_(older)


def _key_id(column: InstrumentedAttribute[Any]) -> ColumnElement[bytes]:
    """Return in SQL the id that a box begins with; empty for what is no box."""
    length = func.greatest(func.position(cast(literal(SEPARATOR), LargeBinary).op("IN")(column)) - 1, 0)
    return func.substring(column, 1, length, type_=LargeBinary)


def _some_rows(session: Session, sealed: Sealed, key_id: bytes) -> tuple[uuid.UUID, ...]:
    return tuple(
        session.scalars(
            select(sealed.model.id)
            .where(sealed.column.is_not(None), _key_id(sealed.column) == key_id)
            .order_by(sealed.model.id)
            .limit(NAMED)
        )
    )
