"""What the mailbox on file answers: « it was me » ends at once, « it was not me » ends nothing; once, by a button."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import structlog
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.ends.end_requests import Channel
from portal.domain.law.countries import Function
from portal.domain.law.declarations import LINK_LIFETIME, Carrying
from portal.domain.policies import Actor
from portal.models import PublicDeclaration
from portal.queries.law import declarations as stored
from portal.queries.people import merchants
from portal.secrets import token_hash
from portal.services import languages
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.declarations import carrying
from portal.services.ends.end_requests import Recorded
from portal.services.inbox import received_reminders

log = structlog.get_logger("portal.declarations")


class Standing(StrEnum):
    """Where a declaration stands for who reads the mailbox on file."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    SETTLED = "settled"  # ended, or closed, by another way
    OVER = "over"  # too old, or nothing of theirs is left to end


class AnsweredAlready(NoResultFound):
    """The link asked, a moment ago: a second click, or another answer, came first. Its page says which."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A subscription that it may be about."""

    id: uuid.UUID
    product: str
    provider_id: str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the page of the link shows."""

    received_id: uuid.UUID
    standing: Standing
    reference: str
    declared_at: datetime
    due_at: datetime | None
    name: str
    is_cancellation: bool
    wished_on: date | None
    choices: tuple[Choice, ...]
    language: str  # as its mail's


def look(ctx: Context, merchant_id: uuid.UUID, token: str, *, now: datetime) -> Asked | None:
    """Return what a link asks, changing nothing; None for no link of the merchant's."""
    with ctx.db.read() as session:
        row = stored.by_link(session, merchant_id, token_hash(token))
        return _asked(session, row, now=now) if row is not None else None


def confirm(
    ctx: Context, merchant_id: uuid.UUID, token: str, subscription_id: uuid.UUID, *, now: datetime
) -> Recorded | None:
    """« It was me »: the end is asked for at once. Raises NoResultFound for what is not theirs and for no link,
    AnsweredAlready for one that asks no more.

    None where the end was asked for already, or the merchant has to do it.
    """
    with ctx.db.begin() as session:
        row = _open(session, merchant_id, token, now=now)
        if subscription_id not in {one.id for one in _asked(session, row, now=now).choices}:
            raise NoResultFound
        row.subscription_id, row.confirmed_at = subscription_id, now
        if row.carrying is Carrying.BY_MERCHANT:  # their word is enough: it is tried again should we be stopped now
            row.carrying = Carrying.BY_MAIL
        received_id = row.received_request_id
        _note(session, row, Act.RECEIVED_CONFIRMED, now=now)
    log.info("declaration_confirmed", received_request_id=str(received_id))
    return carrying.carry(ctx, received_id, now=now)


def refuse(ctx: Context, merchant_id: uuid.UUID, token: str, *, now: datetime) -> None:
    """« It was not me »: nothing ends by itself, and the merchant sees it.

    Raises NoResultFound for no link, AnsweredAlready for one that asks no more.
    """
    with ctx.db.begin() as session:
        row = _open(session, merchant_id, token, now=now)
        row.refused_at, row.due_at, row.carrying = now, None, Carrying.BY_MERCHANT
        row.received.suggested_subscription_id = None
        received_reminders.tell_at_once(ctx, session, row.received, now=now)
        _note(session, row, Act.RECEIVED_REFUSED, now=now)
    log.info("declaration_refused", received_request_id=str(row.received_request_id))


def _note(session: Session, row: PublicDeclaration, act: Act, *, now: datetime) -> None:
    about, by = ("received_request", row.received_request_id), By(actor=Actor.CUSTOMER, channel=Channel.PUBLIC_PAGE)
    audit.append(session, row.merchant_id, act, by=by, at=now, subject=about, reference=row.received.reference)


def _open(session: Session, merchant_id: uuid.UUID, token: str, *, now: datetime) -> PublicDeclaration:
    found = stored.by_link(session, merchant_id, token_hash(token))
    if found is None:
        raise NoResultFound
    row = stored.lock(session, found.received_request_id)
    if _asked(session, row, now=now).standing is not Standing.ASKED:
        raise AnsweredAlready
    return row


def _asked(session: Session, row: PublicDeclaration, *, now: datetime) -> Asked:
    received = row.received
    theirs = stored.meant_by(session, row, now=now)
    named = [one for one in theirs if row.subscription_id in (None, one.id)]
    return Asked(
        received_id=row.received_request_id,
        standing=_standing(row, is_there=bool(named), now=now),
        reference=received.reference,
        declared_at=received.received_at,
        due_at=row.due_at,
        name=received.name,
        is_cancellation=row.kind is Function.CANCELLATION,
        wished_on=received.wished_on,
        choices=tuple(Choice(id=one.id, product=one.product.name, provider_id=one.provider_id) for one in named),
        language=languages.of_declaration(
            row, theirs[0].customer if theirs else None, merchants.of(session, row.merchant_id)
        ),
    )


def _standing(row: PublicDeclaration, *, is_there: bool, now: datetime) -> Standing:
    if row.refused_at is not None:
        return Standing.REFUSED
    if row.confirmed_at is not None:
        return Standing.CONFIRMED
    if not row.received.is_open:
        return Standing.SETTLED
    is_old = row.decided_at is None or now >= row.decided_at + LINK_LIFETIME
    return Standing.OVER if is_old or not is_there else Standing.ASKED
