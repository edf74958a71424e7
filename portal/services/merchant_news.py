"""What merchants are told is grouped: what is new goes into the mail that has not left yet, and each thing once.

A mail waits a minute; while one of its kind left less than an hour ago the next waits until then, unless a
payment is near.  So fifty requests in a minute or in an afternoon are a handful of mails, never fifty.
Two workers at once meet at one lock per merchant, taken last, and at the mail's own row: a mail that is being
sent is no longer added to.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.i18n import pick_locale
from portal.mail import merchants
from portal.mail.composing import Composed
from portal.models import EndRequest, Mail, Merchant, MerchantNews, NewsKind
from portal.queries import merchant_news as stored
from portal.queries import subscriptions
from portal.queries.end_requests import of_merchant
from portal.services import notice_facts as facts
from portal.services import outbox
from portal.services.context import Context

log = structlog.get_logger(__name__)

TOGETHER: Final = timedelta(seconds=60)  # what is new within it is one mail
PACE: Final = timedelta(hours=1)  # between two mails of one kind
URGENT: Final = timedelta(hours=24)  # a payment this near does not wait for the pace
LISTED: Final = 20  # requests named in one mail
DESK: Final = "/admin/"
ABOUT_REQUESTS: Final = frozenset(NewsKind)


def tell(
    ctx: Context,
    session: Session,
    kind: NewsKind,
    request: EndRequest,
    merchant: Merchant,
    *,
    key: str,
    now: datetime,
) -> None:
    """Put a request into the next mail of that kind to the merchant, unless `key` was told before."""
    if not merchant.support_email:
        log.warning("merchant_without_address", merchant_id=str(merchant.id), kind=kind.value)
        return
    session.flush()
    stored.lock(session, merchant.id)
    news_id = _write(session, kind, request, key=key, now=now)
    if news_id is None:
        return
    next_payment = subscriptions.of_request(session, request).next_payment_at
    is_urgent = next_payment is not None and next_payment - now <= URGENT
    mail = stored.waiting_mail(session, merchant.id, kind)
    if mail is None:
        mail = _open(ctx, session, kind, request, merchant, is_urgent=is_urgent, now=now)
        session.get_one(MerchantNews, news_id).mail_id = mail.id
        return
    session.get_one(MerchantNews, news_id).mail_id = mail.id
    _rewrite(ctx, session, kind, mail, merchant, now=now)
    if is_urgent and mail.send_at > now + TOGETHER:
        outbox.hasten(session, mail, at=now + TOGETHER)


def drop(
    ctx: Context,
    session: Session,
    request: EndRequest,
    merchant: Merchant,
    *,
    kinds: Collection[NewsKind] = ABOUT_REQUESTS,
    now: datetime,
) -> bool:
    """Take a request out of the mails that have not left: something else says more. Say whether nobody can have read
    of it.
    """
    session.flush()
    if not stored.of_request(session, request.id, kinds):
        return False
    stored.lock(session, merchant.id)
    news = stored.of_request(session, request.id, kinds)
    unsent = stored.lock_unsent(session, {row.mail_id for row in news if row.mail_id is not None})
    for row in news:
        mail = unsent.get(row.mail_id) if row.mail_id is not None else None
        if mail is not None:
            row.mail_id = None
            session.flush()
            _rewrite(ctx, session, row.kind, mail, merchant, now=now)
    return all(row.mail_id is None for row in news)


def _write(session: Session, kind: NewsKind, request: EndRequest, *, key: str, now: datetime) -> uuid.UUID | None:
    """Remember that this is told; None when it was before."""
    return session.execute(
        insert(MerchantNews)
        .values(
            id=uuid.uuid4(),
            created_at=now,
            merchant_id=request.merchant_id,
            kind=kind,
            key=key,
            end_request_id=request.id,
        )
        .on_conflict_do_nothing(index_elements=[MerchantNews.key])
        .returning(MerchantNews.id)
    ).scalar_one_or_none()


def _open(
    ctx: Context,
    session: Session,
    kind: NewsKind,
    request: EndRequest,
    merchant: Merchant,
    *,
    is_urgent: bool,
    now: datetime,
) -> Mail:
    """Begin a new mail with this request alone."""
    assert merchant.support_email  # noqa: S101 - `tell` has looked
    left = None if is_urgent else stored.last_left_at(session, merchant.id, kind)
    mail = outbox.put(
        ctx,
        session,
        _compose(ctx, session, kind, [of_merchant(session, merchant.id, request.id)], 1, merchant, now=now),
        merchant_id=merchant.id,
        key=f"news:{kind}:{uuid.uuid4()}",
        recipient=merchant.support_email,
        language=pick_locale(merchant.locale),
        now=now,
        end_request_id=request.id,
        send_at=max(now + TOGETHER, left + PACE) if left is not None else now + TOGETHER,
    )
    assert mail is not None  # noqa: S101 - its key is new
    return mail


def _rewrite(ctx: Context, session: Session, kind: NewsKind, mail: Mail, merchant: Merchant, *, now: datetime) -> None:
    """Give a locked mail that has not left the words for what it tells of now; drop it when that is nothing."""
    session.flush()
    requests, count = stored.requests_told(session, mail.id, limit=LISTED)
    if not requests:
        outbox.supersede(session, mail.key)
        return
    mail.end_request_id = requests[0].id if count == 1 else None
    outbox.rewrite(ctx, session, mail.key, _compose(ctx, session, kind, requests, count, merchant, now=now))


def _compose(
    ctx: Context,
    session: Session,
    kind: NewsKind,
    requests: list[EndRequest],
    count: int,
    merchant: Merchant,
    *,
    now: datetime,
) -> Composed:
    head = facts.letterhead(ctx, merchant, merchant.locale)
    path = facts.desk_path(requests[0].subscription) if count == 1 else DESK
    more = count - len(requests)
    if kind is NewsKind.NEEDS_YOU:
        waiting = tuple(facts.waiting_facts(one) for one in requests)
        return merchants.merchant_needs_you(head, waiting, more=more, path=path, now=now)
    if kind is NewsKind.LATE:
        return merchants.merchant_end_late(
            head, tuple(facts.waiting_facts(one) for one in requests), more=more, path=path
        )
    ends = tuple(
        facts.end_facts(
            one,
            one.subscription,
            path=facts.desk_path(one.subscription),
            planned=facts.planned_words(session, head, merchant, one, one.subscription, now=now),
            now=now,
        )
        for one in requests
    )
    return LISTS[kind](head, ends, more=more, path=path)


LISTS: Final[Mapping[NewsKind, Callable[..., Composed]]] = {
    NewsKind.REQUESTED: merchants.merchant_end_requested,
    NewsKind.OVERDUE: merchants.merchant_overdue,
}
