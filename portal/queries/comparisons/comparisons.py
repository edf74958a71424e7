"""Every SELECT of runs: those that go on, the last of each kind, those that wait."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from portal.models import (
    ComparisonDifference,
    ComparisonRun,
    ComparisonState,
    ComparisonTrigger,
    KeyState,
    PayPalAccount,
    Provider,
)
from portal.queries.desk.keyset import BEGINNING, PAGE, Place, Slice, keyset_page

__all__ = ["ComparisonState", "ComparisonTrigger"]  # the web names these two

LATE_AFTER: Final = timedelta(hours=36)
KEY_REASONS: Final = ("bad_credentials", "forbidden", "no_key", "key_unreadable")  # first words of ComparisonRun.error
WHOLE: Final = (ComparisonTrigger.NIGHTLY, ComparisonTrigger.MANUAL)  # these read the list as well


class Note(StrEnum):
    """What a run did without: a word in `ComparisonRun.error`, after the reason if it stopped as well."""

    REST_LEFT_OUT = "rest_key_refused"
    CLASSIC_LEFT_OUT = "classic_key_refused"
    LIST_NOT_READ = "list_not_read"


KEY_NOTE: Final[Mapping[Provider, Note]] = {
    Provider.PAYPAL_REST: Note.REST_LEFT_OUT,
    Provider.PAYPAL_CLASSIC: Note.CLASSIC_LEFT_OUT,
}


def notes_of(error: str) -> set[Note]:
    """Return what a run did without."""
    return {Note(word) for word in error.split() if word in set(Note)}


def get(session: Session, run_id: uuid.UUID) -> ComparisonRun:
    """Return a run; raise NoResultFound."""
    return session.scalars(select(ComparisonRun).where(ComparisonRun.id == run_id)).one()


def lock(session: Session, run_id: uuid.UUID) -> ComparisonRun:
    """Return a run, locked until the transaction ends; raise NoResultFound."""
    statement = select(ComparisonRun).where(ComparisonRun.id == run_id).with_for_update(key_share=True)
    return session.scalars(statement.execution_options(populate_existing=True)).one()


def of_merchant(session: Session, merchant_id: uuid.UUID, run_id: uuid.UUID) -> ComparisonRun:
    """Return a run of the merchant; raise NoResultFound for any other."""
    statement = select(ComparisonRun).where(ComparisonRun.id == run_id, ComparisonRun.merchant_id == merchant_id)
    return session.scalars(statement).one()


def unfinished(session: Session, merchant_id: uuid.UUID) -> ComparisonRun | None:
    """Return the merchant's running or stopped run, locked, if there is one."""
    return session.scalars(
        select(ComparisonRun)
        .where(ComparisonRun.merchant_id == merchant_id, ComparisonRun.state != ComparisonState.DONE)
        .with_for_update(key_share=True)
    ).one_or_none()


def is_running(session: Session, merchant_id: uuid.UUID) -> bool:
    """Say whether a run of the merchant is at work."""
    run = ComparisonRun
    at_work = exists().where(run.merchant_id == merchant_id, run.state == ComparisonState.RUNNING)
    return bool(session.scalar(select(at_work)))


def is_waiting(session: Session, merchant_id: uuid.UUID, environment: str) -> bool:
    """Say whether a whole run of the merchant waits for its time, or in that environment for a key.

    It goes on by itself, unless the environment's keys were all taken away.
    """
    run = ComparisonRun
    for_a_key = or_(*(run.error.startswith(reason) for reason in KEY_REASONS))
    waits = exists().where(
        run.merchant_id == merchant_id,
        run.state == ComparisonState.STOPPED,
        run.trigger.in_(WHOLE),
        ~run.dry_run,
        exists().where(PayPalAccount.merchant_id == run.merchant_id, PayPalAccount.environment == run.environment),
        or_(run.wait_until.is_not(None), and_(for_a_key, run.environment == environment)),
    )
    return bool(session.scalar(select(waits)))


def last_whole(session: Session, merchant_id: uuid.UUID, environment: str | None = None) -> ComparisonRun | None:
    """Return the newest whole run that was finished, corrected what it found, and left no kind out."""
    statement = select(ComparisonRun).where(*_whole_of(merchant_id))
    if environment is not None:
        statement = statement.where(ComparisonRun.environment == environment)
    return session.scalars(statement.order_by(ComparisonRun.created_at.desc()).limit(1)).one_or_none()


def last_listed(session: Session, merchant_id: uuid.UUID, environment: str) -> ComparisonRun | None:
    """Return the newest finished run that did read PayPal's list: the next one asks what changed since."""
    run = ComparisonRun
    statement = select(run).where(
        *_finished_of(merchant_id),
        run.environment == environment,
        ~run.error.contains(Note.REST_LEFT_OUT.value),
        ~run.error.contains(Note.LIST_NOT_READ.value),
    )
    return session.scalars(statement.order_by(run.created_at.desc()).limit(1)).one_or_none()


def is_late(session: Session, merchant_id: uuid.UUID, *, now: datetime) -> bool:
    """Say whether an environment's subscriptions were last compared too long ago (or never, with a key that old)."""
    account, run = PayPalAccount, ComparisonRun
    last = select(func.max(run.finished_at)).where(*_whole_of(merchant_id), run.environment == account.environment)
    statement = select(func.coalesce(last.correlate(account).scalar_subquery(), func.min(account.set_at)))
    statement = statement.where(account.merchant_id == merchant_id).group_by(account.environment)
    return any(at is not None and now - at > LATE_AFTER for at in session.scalars(statement))


def whole(run: type[ComparisonRun] = ComparisonRun) -> tuple[ColumnElement[bool], ...]:
    """Return what makes a run, or an alias of it, whole: finished, correcting what it found, and no kind left out."""
    return (*finished(run), *(~run.error.contains(note.value) for note in KEY_NOTE.values()))


def _whole_of(merchant_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    return (ComparisonRun.merchant_id == merchant_id, *whole())


def _finished_of(merchant_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    return (ComparisonRun.merchant_id == merchant_id, *finished())


def finished(run: type[ComparisonRun] = ComparisonRun) -> tuple[ColumnElement[bool], ...]:
    """Return what makes a run one that asks for all there is, came to its end, and corrected what it found."""
    return (run.finished_at.is_not(None), run.trigger.in_(WHOLE), ~run.dry_run)


def runs_page(session: Session, merchant_id: uuid.UUID, *, place: Place = BEGINNING, size: int = PAGE) -> Slice:
    """Return one page of the merchant's runs, newest first."""
    run = ComparisonRun
    scope = run.merchant_id == merchant_id
    columns = (
        *(run.id, run.created_at, run.finished_at, run.trigger, run.state, run.dry_run, run.everything),
        *(run.compared, run.differed, run.corrected, run.added, run.failed, run.wait_until, run.touched_at, run.error),
    )
    return keyset_page(
        session,
        select(*columns).where(scope),
        (run.created_at, run.id),
        scope,
        place=place,
        size=size,
        descending=True,
    )


def keys_are_in(session: Session, merchant_id: uuid.UUID) -> Sequence[str]:
    """Return the environments of the merchant's keys: those with a working one first, then the longest uncompared."""
    account, run = PayPalAccount, ComparisonRun
    last = select(func.max(run.created_at)).where(*_finished_of(merchant_id), run.environment == account.environment)
    statement = select(account.environment).where(account.merchant_id == merchant_id).group_by(account.environment)
    works = func.bool_or(account.state == KeyState.WORKING)
    order = (works.desc(), last.correlate(account).scalar_subquery().asc().nulls_first(), account.environment)
    return session.scalars(statement.order_by(*order)).all()


def started_since(session: Session, merchant_id: uuid.UUID, environment: str, since: datetime) -> bool:
    """Say whether a nightly run of the merchant's subscriptions there was begun at or after that time."""
    run = ComparisonRun
    return bool(
        session.scalar(
            select(
                exists().where(
                    run.merchant_id == merchant_id,
                    run.environment == environment,
                    run.created_at >= since,
                    run.trigger == ComparisonTrigger.NIGHTLY,
                )
            )
        )
    )


def forgotten(session: Session, *, quiet_since: datetime, limit: int = 100) -> Sequence[ComparisonRun]:
    """Return runs whose job was lost: at work without a word, or due to go on for some time."""
    run = ComparisonRun
    statement = select(run).where(
        or_(
            and_(run.state == ComparisonState.RUNNING, run.touched_at < quiet_since),
            and_(run.state == ComparisonState.STOPPED, run.wait_until < quiet_since, run.touched_at < quiet_since),
        )
    )
    return session.scalars(statement.order_by(run.touched_at).limit(limit)).all()


def waiting_for_a_key(session: Session, *, limit: int = 100) -> Sequence[ComparisonRun]:
    """Return stopped runs that no time ends, one of whose keys works by a test made since."""
    run, account = ComparisonRun, PayPalAccount
    works = exists().where(
        account.merchant_id == run.merchant_id,
        account.environment == run.environment,
        account.state == KeyState.WORKING,
        account.checked_at > run.touched_at,
    )
    statement = select(run).where(
        run.state == ComparisonState.STOPPED,
        run.wait_until.is_(None),
        or_(*(run.error.startswith(reason) for reason in KEY_REASONS)),
        works,
    )
    return session.scalars(statement.order_by(run.touched_at).limit(limit)).all()


def over(before: datetime) -> tuple[ColumnElement[bool], ...]:
    """Say which finished runs began before `before` and found nothing that somebody has still to read of."""
    unread = exists().where(
        ComparisonDifference.run_id == ComparisonRun.id,
        ComparisonDifference.corrected,
        ComparisonDifference.seen_at.is_(None),
    )
    return ComparisonRun.created_at < before, ComparisonRun.state == ComparisonState.DONE, ~unread
