"""Every SELECT of comparisons with PayPal: runs, differences, and what is due to be compared."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from portal.clock import SLACK
from portal.models import (
    ComparisonDifference,
    ComparisonRun,
    ComparisonState,
    ComparisonTrigger,
    Customer,
    KeyState,
    PayPalAccount,
    Plan,
    Product,
    Provider,
    Subscription,
)
from portal.queries.desk import PAGE, Place, Slice, keyset_page

__all__ = [
    "ComparisonState",
    "ComparisonTrigger",  # the web names these two
    "Note",
    "differences_page",
    "due_batch",
    "forgotten",
    "free_to_touch",
    "get",
    "has_difference",
    "is_late",
    "is_running",
    "is_waiting",
    "keys_are_in",
    "known",
    "last_listed",
    "last_whole",
    "lock",
    "merchants_with_a_key",
    "merchants_with_payments_near",
    "notes_of",
    "of_merchant",
    "runs_page",
    "started_since",
    "subscription_id",
    "unfinished",
    "waiting_for_a_key",
]

READ_AGAIN_AFTER: Final = timedelta(days=3)  # every live one is read every few days (FACTS.md 5)
PAYMENT_NEAR: Final = timedelta(hours=26)  # before a payment, one is read once more
FRESH: Final = timedelta(hours=24)  # so near a payment, an older reading counts no more
WATCH_ENDED: Final = timedelta(days=60)  # one ended here before it began may still be approved by the buyer
WATCH_AGAIN_AFTER: Final = timedelta(days=7)  # the list tells of approvals every night; this is for what it missed
BEGINNING: Final = Place()
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


def _whole_of(merchant_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    none_left_out = (~ComparisonRun.error.contains(note.value) for note in KEY_NOTE.values())
    return (*_finished_of(merchant_id), *none_left_out)


def _finished_of(merchant_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    run = ComparisonRun
    return (run.merchant_id == merchant_id, run.finished_at.is_not(None), run.trigger.in_(WHOLE), ~run.dry_run)


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


def differences_page(session: Session, run: ComparisonRun, *, place: Place = BEGINNING, size: int = PAGE) -> Slice:
    """Return one page of a run's differences in the order they were found, each with whose subscription it is."""
    found = ComparisonDifference
    scope = and_(found.run_id == run.id, found.merchant_id == run.merchant_id)
    statement = (
        select(
            *(found.id, found.at, found.subscription_id, found.provider_id),
            *(found.before, found.after, found.corrected, found.error),
            Customer.name,
            Customer.email,
            Product.name.label("product"),
        )
        .outerjoin(Subscription, Subscription.id == found.subscription_id)
        .outerjoin(Customer, Customer.id == Subscription.customer_id)
        .outerjoin(Product, Product.id == Subscription.product_id)
        .where(scope)
    )
    return keyset_page(session, statement, (found.at, found.id), scope, place=place, size=size, descending=False)


def lock_difference(session: Session, merchant_id: uuid.UUID, difference_id: uuid.UUID) -> ComparisonDifference:
    """Return one difference of the merchant, locked; raise NoResultFound for any other."""
    return session.scalars(
        select(ComparisonDifference)
        .where(ComparisonDifference.id == difference_id, ComparisonDifference.merchant_id == merchant_id)
        .with_for_update(key_share=True)
    ).one()


def has_difference(session: Session, run_id: uuid.UUID, provider_id: str) -> bool:
    """Say whether the run already lists that subscription (one that was interrupted goes over some again)."""
    found = ComparisonDifference
    return bool(session.scalar(select(exists().where(found.run_id == run_id, found.provider_id == provider_id))))


def known(
    session: Session, merchant_id: uuid.UUID, environment: str, provider_ids: Collection[str]
) -> dict[str, Subscription]:
    """Return the merchant's subscriptions among PayPal's ids, with product and plan."""
    rows = session.scalars(
        _comparable().where(
            Subscription.merchant_id == merchant_id,
            Subscription.environment == environment,
            Subscription.provider_id.in_(provider_ids),
        )
    )
    return {subscription.provider_id: subscription for subscription in rows}


def due_batch(
    session: Session, run: ComparisonRun, providers: Collection[Provider], *, now: datetime, limit: int
) -> Sequence[Subscription]:
    """Return the next subscriptions after `run.after_id` whose turn it is to be read, with product and plan."""
    statement = _comparable().where(
        Subscription.merchant_id == run.merchant_id,
        Subscription.environment == run.environment,
        Subscription.provider.in_(providers),
        Subscription.stopped_at_provider_at.is_(None),
    )
    if run.trigger is ComparisonTrigger.PAYMENT_DUE:
        statement = statement.where(_payment_near(now), _not_failed_lately(now))
    elif not run.everything:
        statement = statement.where(_due(now))
    if run.after_id is not None:
        statement = statement.where(Subscription.id > run.after_id)
    return session.scalars(statement.order_by(Subscription.id).limit(limit)).all()


def merchants_with_a_key(session: Session) -> Sequence[Row[uuid.UUID, str, datetime]]:
    """Return every merchant and environment with a working key, and since when they have one."""
    account = PayPalAccount
    statement = select(account.merchant_id, account.environment, func.min(account.set_at))
    statement = statement.where(account.state == KeyState.WORKING).group_by(account.merchant_id, account.environment)
    return session.execute(statement).all()


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


def merchants_with_payments_near(session: Session, *, now: datetime) -> Sequence[Row[uuid.UUID, str]]:
    """Return where a payment is to be read again before, through a key that works, with no comparison in the way.

    One that waits in the other environment for a key is not in the way.
    """
    run = ComparisonRun
    statement = (
        select(Subscription.merchant_id, Subscription.environment)
        .join(
            PayPalAccount,
            and_(
                PayPalAccount.merchant_id == Subscription.merchant_id,
                PayPalAccount.provider == Subscription.provider,
                PayPalAccount.environment == Subscription.environment,
                PayPalAccount.state == KeyState.WORKING,
            ),
        )
        .where(
            Subscription.stopped_at_provider_at.is_(None),
            _payment_near(now),
            _not_failed_lately(now),
            ~exists().where(
                run.merchant_id == Subscription.merchant_id,
                run.state != ComparisonState.DONE,
                or_(
                    run.state == ComparisonState.RUNNING,
                    run.wait_until.is_not(None),
                    run.environment == Subscription.environment,
                ),
            ),
        )
        .distinct()
    )
    return session.execute(statement).all()


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


def subscription_id(session: Session, run: ComparisonRun, provider_id: str) -> uuid.UUID | None:
    """Return the id of the merchant's subscription with PayPal's id."""
    return session.scalar(
        select(Subscription.id).where(
            Subscription.merchant_id == run.merchant_id,
            Subscription.environment == run.environment,
            Subscription.provider_id == provider_id,
        )
    )


def free_to_touch(session: Session, ids: Collection[uuid.UUID]) -> Sequence[uuid.UUID]:
    """Lock those of the subscriptions that nobody holds: who holds one reads it at PayPal anyway."""
    statement = select(Subscription.id).where(Subscription.id.in_(ids)).order_by(Subscription.id)
    return session.scalars(statement.with_for_update(key_share=True, skip_locked=True)).all()


def _comparable() -> Select[Subscription]:
    return select(Subscription).options(
        joinedload(Subscription.product), joinedload(Subscription.plan), selectinload(Subscription.payments)
    )


def _due(now: datetime) -> ColumnElement[bool]:
    ended = Subscription.ended_at
    read = Subscription.provider_read_at
    ahead = read > now + SLACK  # written by a wrong clock: no read at all
    live = and_(ended.is_(None), or_(read < now - READ_AGAIN_AFTER, ahead, _payment_near(now)))
    watched = and_(ended > now - WATCH_ENDED, or_(read < now - WATCH_AGAIN_AFTER, ahead))
    return or_(live, watched, and_(ended.is_(None), _plan_changed()))


def _plan_changed() -> ColumnElement[bool]:
    """Say that the subscription was not read since its plan was seen to have changed."""
    return exists().where(Plan.id == Subscription.plan_id, Plan.changed_at > Subscription.provider_read_at)


def _payment_near(now: datetime) -> ColumnElement[bool]:
    """Say that the next payment is near or past, and the subscription was not read for a day."""
    return and_(
        Subscription.ended_at.is_(None),
        Subscription.next_payment_at <= now + PAYMENT_NEAR,
        or_(Subscription.provider_read_at < now - FRESH, Subscription.provider_read_at > now + SLACK),
    )


def _not_failed_lately(now: datetime) -> ColumnElement[bool]:
    """Leave out what could not be read a moment ago: it is tried again every night, not every hour."""
    found = ComparisonDifference
    return ~exists().where(found.subscription_id == Subscription.id, found.error != "", found.at > now - FRESH)
