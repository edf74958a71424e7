"""Who is told what, and when: each function adds messages to the transaction of the change they tell of.

Every message has a key, so that calling twice tells once.  An acknowledgement waits a minute: when
PayPal confirms within it, the confirmation says all of it and is the only mail (cancellation.md, Mails).
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.end_requests import ALARM, RequestState, Trouble
from portal.domain.login_mails import LIFETIME
from portal.domain.policies import Actor
from portal.i18n import pick_locale
from portal.mail import ends, logins, merchants
from portal.mail.composing import Composed
from portal.models import EndRequest, KeyState, Merchant, NewsKind, PayPalAccount, Proof, Provider, Subscription
from portal.queries import end_requests, mails, paypal_accounts, subscriptions
from portal.services.context import Context
from portal.services.notices import end_confirmations, merchant_news, outbox
from portal.services.notices import notice_facts as facts
from portal.services.notices.recipients import to_customer, to_merchant

TOGETHER: Final = timedelta(seconds=60)  # an acknowledgement and a confirmation this close are one mail
LAST_ALARM: Final = timedelta(hours=24)  # before the next payment (cancellation.md, rule 8)
REMIND_OF_KEY: Final = timedelta(hours=20)  # a broken key is brought back to mind once a day at most
KEY_TROUBLES: Final = frozenset({Trouble.BAD_CREDENTIALS, Trouble.NO_KEY})
LISTED: Final = 20  # requests named in one mail


def login_code(
    ctx: Context,
    session: Session,
    *,
    merchant: Merchant,
    email: str,
    code: str,
    link_path: str,
    language: str,
    now: datetime,
) -> None:
    """Send the code, if one opens, and the link to an address; too late is never (the outbox drops it)."""
    locale = pick_locale(language, merchant.locale)
    composed = logins.login_code(
        facts.letterhead(ctx, merchant, locale),
        code=code,
        path=link_path,
        minutes=LIFETIME // timedelta(minutes=1),
        valid_until=now + LIFETIME,
    )
    outbox.put(
        ctx,
        session,
        composed,
        merchant_id=merchant.id,
        key=f"login:{uuid.uuid4()}",
        recipient=email,
        language=locale,
        now=now,
    )


def end_recorded(ctx: Context, session: Session, request: EndRequest, merchant: Merchant, *, now: datetime) -> None:
    """Acknowledge a customer's own request in a minute, and tell the merchant then.

    Staff's own acts are told to the customer once they are true, and not to the staff; a day that they have planned
    for who had asked is told too.
    """
    if request.asked_by is not Actor.CUSTOMER or not (request.actor is Actor.CUSTOMER or request.is_planned(now)):
        return
    subscription = subscriptions.of_request(session, request)
    composed = _acknowledgement(ctx, session, merchant, request, subscription, now=now)
    to_customer(ctx, session, merchant, request, composed, key=_ack(request), now=now, send_at=now + TOGETHER)
    if request.actor is Actor.CUSTOMER:
        merchant_news.tell(ctx, session, NewsKind.REQUESTED, request, merchant, key=f"requested:{request.id}", now=now)


def end_plan_withdrawn(
    ctx: Context, session: Session, request: EndRequest, reference: str, asked_at: datetime, *, now: datetime
) -> None:
    """Tell a customer that staff took back the plan that answered them: what they asked under `reference` waits again.

    One that nobody has read of is dropped.
    """
    if outbox.supersede(session, _ack(request)):
        return
    merchant, subscription = session.get_one(Merchant, request.merchant_id), subscriptions.of_request(session, request)
    end = facts.end_facts(request, subscription, path=facts.account_path(merchant), now=now)
    end = replace(end, reference=reference, asked_at=asked_at, asked_by=Actor.CUSTOMER)
    composed = ends.end_plan_withdrawn(facts.customer_head(ctx, merchant, subscription.customer), end)
    to_customer(ctx, session, merchant, request, composed, key=f"plan-withdrawn:{request.id}", now=now)


def end_unconfirmed(ctx: Context, session: Session, request: EndRequest, merchant: Merchant, *, now: datetime) -> None:
    """PayPal did not confirm: the acknowledgement leaves at once, in the words of where the request stands now.

    While PayPal has accepted and its read merely lags (*verifying*), the minute is still waited for.
    """
    if request.state is RequestState.VERIFYING:
        return
    if request.state is RequestState.NEEDS_MERCHANT:
        subscription = subscriptions.of_request(session, request)
        composed = _acknowledgement(ctx, session, merchant, request, subscription, now=now)
        outbox.rewrite(ctx, session, _ack(request), composed)
    outbox.release(session, _ack(request), now=now)


def end_withdrawn(ctx: Context, session: Session, request: EndRequest, merchant: Merchant, *, now: datetime) -> None:
    """Drop what nobody has read; tell those who may have read of the request that it was taken back."""
    subscription = subscriptions.of_request(session, request)
    if not outbox.supersede(session, _ack(request)):
        end = facts.told_facts(request, subscription, merchant, now=now)
        composed = ends.end_withdrawn(facts.customer_head(ctx, merchant, subscription.customer), end)
        to_customer(ctx, session, merchant, request, composed, key=f"withdrawn:{request.id}", now=now)
    if not merchant_news.drop(ctx, session, request, merchant, now=now):
        end = facts.end_facts(request, subscription, path=facts.desk_path(subscription), now=now)
        composed = merchants.merchant_end_withdrawn(facts.letterhead(ctx, merchant, merchant.locale), end)
        to_merchant(ctx, session, merchant, composed, key=f"merchant-withdrawn:{request.id}", request=request, now=now)


def end_replaced(ctx: Context, session: Session, request: EndRequest, *, now: datetime) -> None:
    """Drop what has not left about a planned end: the end that took its place says the rest."""
    outbox.supersede(session, _ack(request))
    merchant_news.drop(ctx, session, request, session.get_one(Merchant, request.merchant_id), now=now)


def end_confirmed(
    ctx: Context, session: Session, request: EndRequest, merchant: Merchant, proof: Proof | None, *, now: datetime
) -> None:
    """Tell of the end, in one mail with the acknowledgement when that has not left yet.

    A change of our own word alone (cancelled → abandoned) has no proof and is told to nobody: nothing changes for
    the customer.  The mail carries the proof as a PDF (the outbox makes it when it sends).
    """
    if proof is None:
        return
    subscription = subscriptions.of_request(session, request)
    outbox.supersede(session, _ack(request))
    merchant_news.drop(ctx, session, request, merchant, now=now)
    effects = facts.effect_facts(session, request, subscription, now=now)
    head = facts.customer_head(ctx, merchant, subscription.customer)
    composed = end_confirmations.words(head, merchant, request, subscription, effects, proof, now=now)
    to_customer(ctx, session, merchant, request, composed, key=f"confirmed:{request.id}", now=now)
    if request.actor is Actor.STAFF:
        return
    end = facts.end_facts(request, subscription, path=facts.desk_path(subscription), now=now)
    composed = merchants.merchant_end_confirmed(facts.letterhead(ctx, merchant, merchant.locale), end, effects)
    to_merchant(ctx, session, merchant, composed, key=f"merchant-confirmed:{request.id}", request=request, now=now)


def end_overdue(ctx: Context, session: Session, request: EndRequest, merchant: Merchant, *, now: datetime) -> None:
    """Say honestly, after 24 h, that PayPal has still not confirmed; a broken key is told once for all requests."""
    subscription = subscriptions.of_request(session, request)
    asked = request if request.asked_by is Actor.CUSTOMER else end_requests.replaced_by(session, request)
    if asked is not None and asked.asked_by is Actor.CUSTOMER:  # they wait, whoever's request stands now
        end = facts.told_facts(request, subscription, merchant, now=now)
        end = replace(end, in_place_of=asked.reference if asked is not request else "")
        composed = ends.end_overdue(facts.customer_head(ctx, merchant, subscription.customer), end)
        to_customer(ctx, session, merchant, request, composed, key=f"overdue:{request.id}", now=now)
    if request.trouble in KEY_TROUBLES:
        _tell_of_key(ctx, session, request, merchant, now=now, remind=True)
        return
    merchant_news.tell(ctx, session, NewsKind.OVERDUE, request, merchant, key=f"overdue:{request.id}", now=now)


def needs_merchant(ctx: Context, session: Session, request: EndRequest, merchant: Merchant, *, now: datetime) -> None:
    """Ask the merchant for help: about a broken key once for all requests, else in one mail with all that is new.

    The same request is brought back to mind 48 h and 24 h before its next payment (rule 8).
    """
    phase = _phase(subscriptions.of_request(session, request).next_payment_at, now)
    if request.trouble in KEY_TROUBLES or _lacks_known_right(session, request):
        _tell_of_key(ctx, session, request, merchant, now=now, remind=phase != "")
    else:
        key = f"needs-merchant:{request.id}:{request.trouble}:{phase}"
        merchant_news.tell(ctx, session, NewsKind.NEEDS_YOU, request, merchant, key=key, now=now)
    merchant_news.drop(ctx, session, request, merchant, kinds={NewsKind.REQUESTED}, now=now)  # this says more


def key_broken(
    ctx: Context, session: Session, merchant_id: uuid.UUID, provider: Provider, *, finding: str, now: datetime
) -> None:
    """Tell the merchant, once for one breakage, that a test found a key broken, whether or not a request waits.

    `finding` is the test's word.  A request that met the same refusal may have told already.
    """
    account = paypal_accounts.lock(session, merchant_id, provider)
    if account is None or _is_told(account, now=now):
        return
    account.merchant_told_at = now
    rows, count = mails.waiting_requests(session, merchant_id, provider, limit=LISTED)
    if account.state is KeyState.MISSING_RIGHTS and any(row.trouble is Trouble.FORBIDDEN for row in rows):
        return  # the request's own mail has just said that the right is missing
    merchant = session.get_one(Merchant, merchant_id)
    composed = merchants.merchant_key_broken(
        facts.letterhead(ctx, merchant, merchant.locale),
        is_classic=provider is Provider.PAYPAL_CLASSIC,
        finding=finding,
        since=account.broken_since or now,
        waiting=count,
        path=facts.key_path(provider),
    )
    to_merchant(ctx, session, merchant, composed, key=f"key-broken:{account.id}:{now.isoformat()}", now=now)


def access_ends_soon(ctx: Context, session: Session, request: EndRequest, merchant: Merchant, *, now: datetime) -> None:
    """Tell the customer, three days before, which day is the last."""
    subscription = subscriptions.of_request(session, request)
    until = subscription.access_until
    if until is None:
        return
    access = facts.access_facts(session, merchant, subscription, until)
    if access is None:
        return
    composed = ends.access_ends_soon(facts.customer_head(ctx, merchant, subscription.customer), access)
    to_customer(ctx, session, merchant, request, composed, key=f"access-soon:{request.id}", now=now)


def access_ended(ctx: Context, session: Session, request: EndRequest, merchant: Merchant, *, now: datetime) -> None:
    """Tell the customer on the day; not when the confirmation has just said it."""
    subscription = subscriptions.of_request(session, request)
    until, confirmed = subscription.access_until, request.confirmed_at
    if until is None or (confirmed is not None and until < confirmed + timedelta(days=1)):
        return
    access = facts.access_facts(session, merchant, subscription, until)
    if access is None:
        return
    composed = ends.access_ended(facts.customer_head(ctx, merchant, subscription.customer), access)
    to_customer(ctx, session, merchant, request, composed, key=f"access-ended:{request.id}", now=now)


def _ack(request: EndRequest) -> str:
    return f"ack:{request.id}"


def _acknowledgement(
    ctx: Context,
    session: Session,
    merchant: Merchant,
    request: EndRequest,
    subscription: Subscription,
    *,
    now: datetime,
) -> Composed:
    head = facts.customer_head(ctx, merchant, subscription.customer)
    planned = facts.planned_words(session, head, merchant, request, subscription, now=now)
    return ends.end_recorded(head, facts.told_facts(request, subscription, merchant, planned=planned, now=now))


def _tell_of_key(
    ctx: Context, session: Session, request: EndRequest, merchant: Merchant, *, now: datetime, remind: bool
) -> None:
    """Send one mail for all requests that a broken key holds up, unless the merchant was told of this breakage."""
    provider = subscriptions.of_request(session, request).provider
    account = paypal_accounts.lock(session, merchant.id, provider)
    if account is not None and _is_told(account, now=now) and not (remind and _may_remind(account, now=now)):
        return
    rows, count = mails.waiting_requests(session, merchant.id, provider, limit=LISTED)
    composed = merchants.merchant_needs_you(
        facts.letterhead(ctx, merchant, merchant.locale),
        tuple(replace(facts.waiting_facts(row), trouble=request.trouble) for row in rows),
        more=count - len(rows),
        path=facts.key_path(provider),
        now=now,
    )
    # Without an account there is no row to remember by: the day is then part of the key.
    key = (
        f"key-broken:{account.id}:{now.isoformat()}"
        if account is not None
        else f"no-key:{merchant.id}:{provider}:{now.date()}"
    )
    to_merchant(ctx, session, merchant, composed, key=key, now=now)
    if account is not None:
        account.merchant_told_at = now


def _is_told(account: PayPalAccount, *, now: datetime) -> bool:
    """Say whether the merchant was told of this breakage, or within the day of one that a test then found mended."""
    told, broken = account.merchant_told_at, account.broken_since
    return told is not None and (broken is None or told >= broken or not _may_remind(account, now=now))


def _may_remind(account: PayPalAccount, *, now: datetime) -> bool:
    return account.merchant_told_at is None or now - account.merchant_told_at >= REMIND_OF_KEY


def _lacks_known_right(session: Session, request: EndRequest) -> bool:
    """Say whether a 403 is the missing right that a test of the key has found: then one mail tells of it for all."""
    if request.trouble is not Trouble.FORBIDDEN:
        return False
    account = paypal_accounts.of_merchant(
        session, request.merchant_id, subscriptions.of_request(session, request).provider
    )
    return account is not None and account.broken_since is not None and account.state is KeyState.MISSING_RIGHTS


def _phase(next_payment_at: datetime | None, now: datetime) -> str:
    if next_payment_at is None or next_payment_at - now > ALARM:
        return ""
    return "24h" if next_payment_at - now <= LAST_ALARM else "48h"
