"""What merchants are told is grouped: what is new goes into the mail that has not left yet, and each thing once.

A mail is a list of rows until it leaves, and is written then (`leaving`).  It waits a minute, but for what nobody
carries on by itself; while one of its kind left less than an hour ago the next waits until then, unless a payment is
near.  So fifty requests in a minute or in an afternoon are a handful of mails, never fifty.
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
from portal.mail.composing import Composed, WrittenLater
from portal.models import EndRequest, Mail, MerchantNews, NewsKind, ReceivedRequest
from portal.queries import subscriptions
from portal.queries.ends import received_requests
from portal.queries.merchants import merchant_news as stored
from portal.queries.people import staff
from portal.services.notices import notice_facts as facts
from portal.services.notices import outbox
from portal.services.notices.recipients import Post

log = structlog.get_logger(__name__)

TOGETHER: Final = timedelta(seconds=60)  # what is new within it is one mail
PACE: Final = timedelta(hours=1)  # between two mails of one kind
URGENT: Final = timedelta(hours=24)  # a payment this near does not wait for the pace
AT_ONCE: Final = frozenset({NewsKind.NOTIFIED})  # nothing follows by itself: no answer is waited for
LISTED: Final = 20  # requests named in one mail
DESK: Final = "/admin/"
ABOUT_REQUESTS: Final = frozenset(NewsKind)

About = EndRequest | ReceivedRequest


def tell(post: Post, kind: NewsKind, request: About, *, key: str, known_to: uuid.UUID | None = None) -> None:
    """Put a request into the next mail of that kind to the merchant, unless `key` was told before, or they want none.

    `known_to`: who of the team wrote it down, and need not be told.
    """
    session, merchant, now = post.session, post.merchant, post.now
    session.flush()
    if not (post.sends(KINDS[kind]) or _is_left_to_them(session, request)):
        return
    next_payment = _next_payment(session, request, now=now)
    is_urgent = next_payment is not None and next_payment - now <= URGENT
    addresses = post.desk_addresses(kind=kind.value)
    stored.lock(session, merchant.id)
    for address in addresses:
        news = _write(session, kind, request, key=f"{key}{address.mark}", now=now)
        if news is not None and not staff.is_at(session, merchant.id, known_to, address.email):
            _list(post, news, request, recipient=address.email, is_urgent=is_urgent)


def _is_left_to_them(session: Session, request: About) -> bool:
    """Say whether the portal can tell the customer nothing: then the merchant has to, whatever they want to hear."""
    return isinstance(request, EndRequest) and not subscriptions.of_request(session, request).customer.email


def _next_payment(session: Session, request: About, *, now: datetime) -> datetime | None:
    if isinstance(request, EndRequest):
        return subscriptions.of_request(session, request).next_payment_at
    ((_row, at),), _count = received_requests.at_risk(session, ReceivedRequest.id == request.id, limit=1, now=now)
    return at


def _list(post: Post, news: MerchantNews, request: About, *, recipient: str, is_urgent: bool) -> None:
    """Name what is new in the mail that has not left, or begin one."""
    soon, kind = post.now + TOGETHER, news.kind
    mail = stored.waiting_mail(post.session, post.merchant.id, kind, recipient=recipient)
    if mail is None:
        only = request if isinstance(request, EndRequest) else None
        mail = _open(post, kind, only, recipient=recipient, is_urgent=is_urgent)
    else:
        mail.end_request_id = None  # it tells of several now
        if is_urgent and mail.send_at > soon:
            outbox.hasten(post.session, mail, at=soon)
    news.mail_id = mail.id


def drop(post: Post, request: About, *, kinds: Collection[NewsKind] = ABOUT_REQUESTS) -> bool:
    """Take a request out of the mails that have not left: something else says more. Say whether nobody can have read
    of it.
    """
    session = post.session
    session.flush()
    told = stored.count_of_request(session, request.id, kinds)
    if not told:
        return False
    stored.lock(session, post.merchant.id)
    unsent = stored.lock_unsent(session, request.id, kinds)
    for row, _mail in unsent:
        row.mail_id = None
    for mail in {mail for _row, mail in unsent}:
        outbox.supersede(session, mail.key, stored.tells_nothing(mail))
    return len(unsent) == told


def _write(session: Session, kind: NewsKind, request: About, *, key: str, now: datetime) -> MerchantNews | None:
    """Remember that this is told; None when it was before."""
    return session.scalars(
        insert(MerchantNews)
        .values(
            id=uuid.uuid4(),
            created_at=now,
            merchant_id=request.merchant_id,
            kind=kind,
            key=key,
            **{"end_request_id" if isinstance(request, EndRequest) else "received_request_id": request.id},
        )
        .on_conflict_do_nothing(index_elements=[MerchantNews.key])
        .returning(MerchantNews)
    ).one_or_none()


def _open(post: Post, kind: NewsKind, request: EndRequest | None, *, recipient: str, is_urgent: bool) -> Mail:
    """Begin a new mail."""
    soon = post.now if kind in AT_ONCE else post.now + TOGETHER
    left = None if is_urgent else stored.last_left_at(post.session, post.merchant.id, kind, recipient=recipient)
    mail = post.put(
        WrittenLater(kind=KINDS[kind]),
        key=f"news:{kind}:{uuid.uuid4()}",
        recipient=recipient,
        language=pick_locale(post.merchant.locale),
        request=request,
        is_work=True,  # `tell` has decided
        send_at=max(soon, left + PACE) if left is not None else soon,
    )
    assert mail is not None  # noqa: S101 - its key is new
    return mail


def words(post: Post, mail: Mail) -> Composed | None:
    """Write a mail that leaves now, of what it lists; None when that is nothing."""
    kind = next(kind for kind, name in KINDS.items() if name == mail.kind)
    return _notified(post, mail) if kind is NewsKind.NOTIFIED else _requests(post, kind, mail)


def _notified(post: Post, mail: Mail) -> Composed | None:
    told, count = stored.notified_told(post.session, mail.id, limit=LISTED, now=post.now)
    if not told:
        return None
    notified = tuple(facts.notified_facts(post.session, one, at, now=post.now) for one, at in told)
    path = notified[0].path if count == 1 else DESK
    return merchants.merchant_notified(post.desk_head, notified, more=count - len(told), path=path)


def _requests(post: Post, kind: NewsKind, mail: Mail) -> Composed | None:
    requests, count = stored.requests_told(post.session, mail.id, limit=LISTED)
    if not requests:
        return None
    head = post.desk_head
    mail.end_request_id = requests[0].id if count == 1 else None
    path = facts.desk_path(requests[0].subscription) if count == 1 else DESK
    more = count - len(requests)
    waiting = tuple(facts.waiting_facts(one) for one in requests)
    if kind is NewsKind.NEEDS_YOU:
        return merchants.merchant_needs_you(head, waiting, more=more, path=path, now=post.now)
    if kind is NewsKind.LATE:
        return merchants.merchant_end_late(head, waiting, more=more, path=path)
    ends = tuple(
        facts.end_facts(post, head, one, one.subscription, path=facts.desk_path(one.subscription)) for one in requests
    )
    return LISTS[kind](head, ends, more=more, path=path)


LISTS: Final[Mapping[NewsKind, Callable[..., Composed]]] = {
    NewsKind.REQUESTED: merchants.merchant_end_requested,
    NewsKind.OVERDUE: merchants.merchant_overdue,
}
KINDS: Final[Mapping[NewsKind, str]] = {
    NewsKind.REQUESTED: "merchant_end_requested",
    NewsKind.NEEDS_YOU: "merchant_needs_you",
    NewsKind.OVERDUE: "merchant_overdue",
    NewsKind.LATE: "merchant_end_late",
    NewsKind.NOTIFIED: "merchant_notified",
}
