"""The merchant is told of a PayPal key that no longer works: once for one breakage, for all that it holds up."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import Trouble
from portal.mail import merchants
from portal.models import EndRequest, KeyState, PayPalAccount, Provider
from portal.queries import mails
from portal.queries.merchants import paypal_accounts
from portal.services.context import Context
from portal.services.notices import notice_facts as facts
from portal.services.notices.recipients import Post

REMIND_OF_KEY: Final = timedelta(hours=20)  # a broken key is brought back to mind once a day at most
LISTED: Final = 20  # requests named in one mail


def broken(
    ctx: Context, session: Session, merchant_id: uuid.UUID, provider: Provider, *, finding: str, now: datetime
) -> None:
    """Tell the merchant that a test found a key broken, whether or not a request waits.

    `finding` is the test's word.  A request that met the same refusal may have told already.
    """
    account = paypal_accounts.lock(session, merchant_id, provider)
    if account is None or _is_told(account, now=now):
        return
    account.merchant_told_at = now
    rows, count = mails.waiting_requests(session, merchant_id, provider, limit=LISTED)
    if account.state is KeyState.MISSING_RIGHTS and any(row.trouble is Trouble.FORBIDDEN for row in rows):
        return  # the request's own mail has just said that the right is missing
    post = Post.of(ctx, session, merchant_id, now=now)
    composed = merchants.merchant_key_broken(
        post.desk_head,
        is_classic=provider is Provider.PAYPAL_CLASSIC,
        finding=finding,
        since=account.broken_since or now,
        waiting=count,
        path=facts.key_path(provider),
    )
    post.to_merchant(composed, key=f"key-broken:{account.id}:{now.isoformat()}")


def holds_up(post: Post, request: EndRequest, provider: Provider, *, remind: bool) -> None:
    """Send one mail for all requests that a broken key holds up, unless the merchant was told of this breakage."""
    merchant, now = post.merchant, post.now
    account = paypal_accounts.lock(post.session, merchant.id, provider)
    if account is not None and _is_told(account, now=now) and not (remind and _may_remind(account, now=now)):
        return
    rows, count = mails.waiting_requests(post.session, merchant.id, provider, limit=LISTED)
    composed = merchants.merchant_needs_you(
        post.desk_head,
        tuple(replace(facts.waiting_facts(row), trouble=request.trouble) for row in rows),
        more=count - len(rows),
        path=facts.key_path(provider),
        now=now,
    )
    if account is None:  # there is no row to remember by: the day is then part of the key
        post.to_merchant(composed, key=f"no-key:{merchant.id}:{provider}:{now.date()}")
        return
    post.to_merchant(composed, key=f"key-broken:{account.id}:{now.isoformat()}")
    account.merchant_told_at = now


def lacks_known_right(session: Session, request: EndRequest, provider: Provider) -> bool:
    """Say whether a 403 is the missing right that a test of the key has found: then one mail tells of it for all."""
    if request.trouble is not Trouble.FORBIDDEN:
        return False
    account = paypal_accounts.of_merchant(session, request.merchant_id, provider)
    return account is not None and account.broken_since is not None and account.state is KeyState.MISSING_RIGHTS


def _is_told(account: PayPalAccount, *, now: datetime) -> bool:
    """Say whether the merchant was told of this breakage, or within the day of one that a test then found mended."""
    told, since = account.merchant_told_at, account.broken_since
    return told is not None and (since is None or told >= since or not _may_remind(account, now=now))


def _may_remind(account: PayPalAccount, *, now: datetime) -> bool:
    return account.merchant_told_at is None or now - account.merchant_told_at >= REMIND_OF_KEY
