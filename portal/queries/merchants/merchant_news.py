"""Every SELECT of what merchants are told together, or locking it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Row, Text, cast, exists, func, or_, select
from sqlalchemy.orm import Session

from portal.models import EndRequest, Mail, MailState, MerchantNews, NewsKind, ReceivedRequest, Subscription
from portal.queries import subscriptions
from portal.queries.aliases import with_list
from portal.queries.ends import received_requests

_LOCK: Final = 7_204_012  # keeps these locks apart from any others that are no row's


def lock(session: Session, merchant_id: uuid.UUID) -> None:
    """Let one transaction at a time change what waits to be told to a merchant.

    It is the last lock of all: after the subscription, its requests and the PayPal keys.  It is no row's: whoever
    begins an import locks the merchant's row first and the run after it, and a page of that run may tell of an end.
    """
    key = func.hashtextextended(cast(merchant_id, Text), _LOCK)
    session.execute(select(func.pg_advisory_xact_lock(key)))


def waiting_mail(session: Session, merchant_id: uuid.UUID, kind: NewsKind, *, recipient: str) -> Mail | None:
    """Return the mail that lists news of that kind and has not left, locked so that it cannot leave meanwhile."""
    return session.scalars(
        select(Mail)
        .join(MerchantNews, MerchantNews.mail_id == Mail.id)
        .where(MerchantNews.merchant_id == merchant_id, MerchantNews.kind == kind)
        .where(Mail.recipient == recipient, *_unsent())
        .limit(1)
        .with_for_update(key_share=True, of=Mail)
        .execution_options(populate_existing=True)
    ).first()


def last_left_at(session: Session, merchant_id: uuid.UUID, kind: NewsKind, *, recipient: str) -> datetime | None:
    """Return when the newest mail with news of that kind left, or was first tried."""
    return session.scalar(
        select(Mail.sent_at)
        .join(MerchantNews, MerchantNews.mail_id == Mail.id)
        .where(MerchantNews.merchant_id == merchant_id, MerchantNews.kind == kind)
        .where(Mail.recipient == recipient, Mail.sent_at.is_not(None))
        .order_by(MerchantNews.created_at.desc())
        .limit(1)
    )


def count_of_request(session: Session, request_id: uuid.UUID, kinds: Collection[NewsKind]) -> int:
    """Return how many things were written about a request, of either sort, and not dropped."""
    counted = select(func.count()).select_from(MerchantNews).where(*_about(request_id, kinds))
    return session.execute(counted.where(MerchantNews.mail_id.is_not(None))).scalar_one()


def lock_unsent(
    session: Session, request_id: uuid.UUID, kinds: Collection[NewsKind]
) -> Sequence[Row[MerchantNews, Mail]]:
    """Return those whose mail has not left, each with it, locked so that it cannot leave meanwhile."""
    return session.execute(
        select(MerchantNews, Mail)
        .join(Mail, Mail.id == MerchantNews.mail_id)
        .where(*_about(request_id, kinds), *_unsent())
        .order_by(Mail.id)
        .with_for_update(key_share=True, of=Mail)
        .execution_options(populate_existing=True)
    ).all()


def _about(request_id: uuid.UUID, kinds: Collection[NewsKind]) -> tuple[ColumnElement[bool], ...]:
    is_its = or_(MerchantNews.end_request_id == request_id, MerchantNews.received_request_id == request_id)
    return is_its, MerchantNews.kind.in_(kinds)


def tells_nothing(mail: Mail) -> ColumnElement[bool]:
    """Whether a mail lists nothing any more."""
    return ~exists().where(MerchantNews.mail_id == mail.id)


def requests_told(session: Session, mail_id: uuid.UUID, *, limit: int) -> tuple[list[EndRequest], int]:
    """Return the requests that a mail tells of, the next payment at risk first, and how many there are."""
    told = EndRequest.id.in_(select(MerchantNews.end_request_id).where(MerchantNews.mail_id == mail_id))
    count = session.scalar(select(func.count()).select_from(EndRequest).where(told)) or 0
    whole = subscriptions.whole(select(EndRequest).join(EndRequest.subscription), EndRequest.subscription)
    rows = session.scalars(
        with_list(whole, EndRequest.subscription, Subscription.payments)
        .where(told)
        .order_by(Subscription.next_payment_at.nulls_last(), EndRequest.created_at, EndRequest.id)
        .limit(limit)
    )
    return list(rows), count


def notified_told(
    session: Session, mail_id: uuid.UUID, *, limit: int, now: datetime
) -> tuple[list[tuple[ReceivedRequest, datetime | None]], int]:
    """Return the requests by other ways that a mail tells of, each with the payment at risk, and how many there are."""
    told = ReceivedRequest.id.in_(select(MerchantNews.received_request_id).where(MerchantNews.mail_id == mail_id))
    return received_requests.at_risk(session, told, limit=limit, now=now)


def told_of_received(session: Session, received_ids: Collection[uuid.UUID]) -> set[str]:
    """Return the keys of what was told of requests that came by other ways."""
    return set(session.scalars(select(MerchantNews.key).where(MerchantNews.received_request_id.in_(received_ids))))


def _unsent() -> tuple[ColumnElement[bool], ...]:
    return (Mail.state == MailState.WAITING, Mail.attempts == 0)
