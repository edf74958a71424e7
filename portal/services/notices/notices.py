"""Who is told what of an end, and when: each function adds messages to the transaction of the change they tell of.

Every message has a key, so that calling twice tells once.  An acknowledgement waits a minute: when
PayPal confirms within it, the confirmation says all of it and is the only mail (cancellation.md, Mails).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import ALARM, KEY_TROUBLES, RequestState
from portal.domain.people.login_mails import LIFETIME
from portal.domain.policies import Actor
from portal.i18n import pick_locale
from portal.mail import ends, logins, merchants
from portal.mail.composing import Composed, WrittenLater
from portal.models import EndRequest, Grant, Merchant, NewsKind, Proof
from portal.queries import mails
from portal.queries.ends import end_requests
from portal.services.context import Context
from portal.services.notices import end_confirmations, key_notices, merchant_news, outbox
from portal.services.notices import notice_facts as facts
from portal.services.notices.recipients import Post, about

TOGETHER: Final = timedelta(seconds=60)  # an acknowledgement and a confirmation this close are one mail
ACKNOWLEDGEMENT: Final = "end_recorded"
OUTDATED: Final = (ACKNOWLEDGEMENT, "end_moved", "end_overdue")  # say less than what comes after them
LAST_ALARM: Final = timedelta(hours=24)  # before the next payment (cancellation.md, rule 8)


def login_code(
    ctx: Context,
    session: Session,
    *,
    merchant: Merchant,
    email: str,
    code: str,
    link_path: str,
    language: str,
    cancels: str = "",
    now: datetime,
) -> None:
    """Send the code, if one opens, and the link to an address; too late is never (the outbox drops it).

    `cancels`: what the code is asked for to cancel, instead of to log in.
    """
    post, locale = Post(ctx, session, merchant, now), pick_locale(language, merchant.locale)
    composed = logins.login_code(
        post.letterhead(locale),
        code=code,
        path=link_path,
        minutes=LIFETIME // timedelta(minutes=1),
        valid_until=now + LIFETIME,
        cancels=cancels,
    )
    post.put(composed, key=f"login:{uuid.uuid4()}", recipient=email, language=locale)


def end_recorded(ctx: Context, session: Session, request: EndRequest, *, now: datetime) -> None:
    """Acknowledge a customer's own request in a minute, and tell the merchant then.

    Staff's own acts are told to the customer once they are true, and not to the staff; a day that they have planned
    for who had asked is told too.
    """
    if request.cause is not None:
        return  # a withdrawal has its own acknowledgement, and its own word to the merchant (withdrawal_notices)
    if request.asked_by is not Actor.CUSTOMER or not (request.actor is Actor.CUSTOMER or request.is_planned(now)):
        return
    post, subscription = about(ctx, session, request, now=now)
    head = post.head_about(request, subscription.customer)
    written = WrittenLater(kind=ACKNOWLEDGEMENT, language=head.locale)
    post.to_holder(subscription, written, key=_ack(request), request=request, send_at=now + TOGETHER)
    if request.actor is Actor.CUSTOMER:
        merchant_news.tell(post, NewsKind.REQUESTED, request, key=f"requested:{request.id}")


def acknowledged_anew(ctx: Context, session: Session, request: EndRequest, *, now: datetime) -> bool:
    """Give an acknowledgement that was put off the words of the request as it stands now, for it may come last.

    Returns whether nobody can have read of the former day: one that nobody has tried to send is written as it leaves.
    """
    waiting = mails.unsent_of(session, request.id, ACKNOWLEDGEMENT)
    for mail in (one for one in waiting if one.attempts):
        composed = acknowledgement(ctx, session, request.merchant_id, request.id, language=mail.language, now=now)
        outbox.reword(ctx, session, mail, composed)
    return any(mail.attempts == 0 for mail in waiting)


class Answered(NamedTuple):
    """What a plan answered, as it was before the plan was taken back: when it was asked, and under which reference."""

    reference: str
    asked_at: datetime
    has_hour: bool


def end_plan_withdrawn(
    ctx: Context, session: Session, request: EndRequest, answered: Answered, *, now: datetime
) -> None:
    """Tell a customer that staff took back the plan that answered them: what they asked before waits again.

    One that nobody has read of is dropped.
    """
    if _drop_waiting(session, request):
        return
    post, subscription = about(ctx, session, request, now=now)
    head = post.head_about(request, subscription.customer)
    end = facts.end_facts(post, head, request, subscription, path=facts.account_path(post.merchant))
    end = replace(end, reference=answered.reference, asked_at=answered.asked_at, has_hour=answered.has_hour)
    end = replace(end, asked_by=Actor.CUSTOMER)
    composed = ends.end_plan_withdrawn(head, end)
    post.to_holder(subscription, composed, key=f"plan-withdrawn:{request.id}", request=request)


def end_unconfirmed(_ctx: Context, session: Session, request: EndRequest, *, now: datetime) -> None:
    """PayPal did not confirm: the acknowledgement leaves at once, in the words of where the request stands then.

    While PayPal has accepted and its read merely lags (*verifying*), the minute is still waited for.
    """
    if request.state is RequestState.VERIFYING:
        return
    outbox.release(session, _ack(request), now=now)


def end_withdrawn(ctx: Context, session: Session, request: EndRequest, *, now: datetime) -> None:
    """Drop what nobody has read; tell those who may have read of the request that it was taken back."""
    post, subscription = about(ctx, session, request, now=now)
    if not _drop_waiting(session, request):
        head = post.head_about(request, subscription.customer)
        composed = ends.end_withdrawn(head, facts.told_facts(post, head, request, subscription))
        post.to_holder(subscription, composed, key=f"withdrawn:{request.id}", request=request)
    if not merchant_news.drop(post, request):
        end = facts.end_facts(post, post.desk_head, request, subscription, path=facts.desk_path(subscription))
        composed = merchants.merchant_end_withdrawn(post.desk_head, end)
        post.to_merchant(composed, key=f"merchant-withdrawn:{request.id}", request=request)


def end_replaced(ctx: Context, session: Session, request: EndRequest, *, now: datetime) -> None:
    """Drop what has not left about a planned end: the end that took its place says the rest."""
    _drop_waiting(session, request)
    merchant_news.drop(Post.of(ctx, session, request.merchant_id, now=now), request)


def end_confirmed(
    ctx: Context, session: Session, request: EndRequest, proof: Proof, given: Sequence[Grant], *, now: datetime
) -> None:
    """Tell of the end, in one mail with the acknowledgement when that has not left yet.

    The mail carries the proof as a PDF (the outbox makes it when it sends).  `given`: by hand, of the product.
    """
    post, subscription = about(ctx, session, request, now=now)
    _drop_waiting(session, request)
    effects = facts.effect_facts(session, request, subscription, given, now=now)
    composed = end_confirmations.words(
        post, post.head_about(request, subscription.customer), request, subscription, effects, proof
    )
    post.to_holder(subscription, composed, key=f"confirmed:{request.id}", request=request)
    if request.actor is not Actor.STAFF:
        end = facts.end_facts(post, post.desk_head, request, subscription, path=facts.desk_path(subscription))
        composed = merchants.merchant_end_confirmed(post.desk_head, end, effects)
        is_work = not subscription.customer.email or effects.is_access_unknown
        post.to_merchant(composed, key=f"merchant-confirmed:{request.id}", request=request, is_work=is_work)


def end_is_told(ctx: Context, session: Session, request: EndRequest, *, now: datetime) -> None:
    """Drop what has not left of an end that is confirmed, when all the rest of it is written.

    All of one merchant's ends stand in line from here to the COMMIT.
    """
    merchant_news.drop(Post.of(ctx, session, request.merchant_id, now=now), request)


def end_overdue(ctx: Context, session: Session, request: EndRequest, *, now: datetime) -> None:
    """Say honestly, after 24 h, that PayPal has still not confirmed; a broken key is told once for all requests."""
    post, subscription = about(ctx, session, request, now=now)
    asked = request if request.asked_by is Actor.CUSTOMER else end_requests.replaced_by(session, request)
    if asked is not None and asked.asked_by is Actor.CUSTOMER:  # they wait, whoever's request stands now
        head = post.head_about(request, subscription.customer)
        end = facts.told_facts(post, head, request, subscription)
        composed = ends.end_overdue(head, replace(end, in_place_of=asked.reference if asked is not request else ""))
        post.to_holder(subscription, composed, key=f"overdue:{request.id}", request=request)
    if request.trouble in KEY_TROUBLES:
        key_notices.holds_up(post, request, subscription.provider, remind=True)
        return
    merchant_news.tell(post, NewsKind.OVERDUE, request, key=f"overdue:{request.id}")


def needs_merchant(ctx: Context, session: Session, request: EndRequest, *, now: datetime) -> None:
    """Ask the merchant for help: about a broken key once for all requests, else in one mail with all that is new.

    The same request is brought back to mind 48 h and 24 h before its next payment (rule 8).
    """
    post, subscription = about(ctx, session, request, now=now)
    phase = _phase(subscription.next_payment_at, now)
    if request.trouble in KEY_TROUBLES or key_notices.lacks_known_right(session, request, subscription.provider):
        key_notices.holds_up(post, request, subscription.provider, remind=phase != "")
    else:
        merchant_news.tell(
            post, NewsKind.NEEDS_YOU, request, key=f"needs-merchant:{request.id}:{request.trouble}:{phase}"
        )
    merchant_news.drop(post, request, kinds={NewsKind.REQUESTED})  # this says more


def access_ends_soon(ctx: Context, session: Session, request: EndRequest, *, now: datetime) -> None:
    """Tell the customer, three days before, which day is the last."""
    post, subscription = about(ctx, session, request, now=now)
    access = facts.access_facts(session, post.merchant, subscription, now=now)
    if access is not None:
        composed = ends.access_ends_soon(post.head_about(request, subscription.customer), access)
        post.to_holder(subscription, composed, key=f"access-soon:{request.id}", request=request)


def access_ended(ctx: Context, session: Session, request: EndRequest, *, now: datetime) -> None:
    """Tell the customer on the day; not when the confirmation has just said it."""
    post, subscription = about(ctx, session, request, now=now)
    access, confirmed = facts.access_facts(session, post.merchant, subscription, now=now), request.confirmed_at
    if access is None or (confirmed is not None and access.until < confirmed + timedelta(days=1)):
        return
    composed = ends.access_ended(post.head_about(request, subscription.customer), access)
    post.to_holder(subscription, composed, key=f"access-ended:{request.id}", request=request)


def _drop_waiting(session: Session, request: EndRequest) -> bool:
    """Drop what has not left about a request of which more is known now: it would say less, and might come last.

    Returns whether nobody can have read its acknowledgement.
    """
    dropped = outbox.supersede_about(session, request.id, OUTDATED)
    return dropped.get(_ack(request)) == 0


def _ack(request: EndRequest) -> str:
    return f"ack:{request.id}"


def acknowledgement(
    ctx: Context, session: Session, merchant_id: uuid.UUID, request_id: uuid.UUID, *, language: str, now: datetime
) -> Composed:
    """Write the acknowledgement of a customer's request as it stands."""
    request = end_requests.of_merchant(session, merchant_id, request_id)
    post = Post.of(ctx, session, merchant_id, now=now)
    head = post.head_for(request.subscription.customer, language)
    return ends.end_recorded(head, facts.told_facts(post, head, request, request.subscription))


def _phase(next_payment_at: datetime | None, now: datetime) -> str:
    if next_payment_at is None or next_payment_at - now > ALARM:
        return ""
    return "24h" if next_payment_at - now <= LAST_ALARM else "48h"
