"""A merchant's PayPal keys: stored only once they work, tested again, replaced and removed (product.md, decision 6).

No transaction is open while PayPal is asked.  Secrets go into the vault and never come out on a page.
Requests to end are not touched here: those that wait for a key are tried again once one works.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

import structlog

from portal import queue
from portal.clock import utc_now
from portal.domain.audit import PORTAL, Act, By
from portal.models import PayPalAccount, Provider
from portal.providers.ports import ClassicCredentials, Credentials
from portal.queries.merchants import paypal_accounts
from portal.secrets import CannotOpen
from portal.services import tries
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.imports import profile_imports
from portal.services.keys import key_checks, key_writes
from portal.services.keys.key_checks import BROKEN, AnyCredentials, KeyCheck
from portal.services.messages import events, webhook_endpoints
from portal.services.paypal.gateways import NoKey, classic_credentials, rest_credentials

log = structlog.get_logger(__name__)

DAILY: Final = timedelta(hours=24)
AT_ONCE: Final = 500  # keys given to the workers in one go
OVER: Final = timedelta(minutes=50)  # …and over how long they are spread
# A key that was refused for a moment only is not followed by everybody's retry: the requests have their own plan,
# and a call that PayPal refuses although it takes the key would otherwise go round for ever.
LONG_BROKEN: Final = timedelta(hours=1)


class Untested(Exception):
    """PayPal gave no answer about the key: the test has to be made again."""


def save(
    ctx: Context,
    merchant_id: uuid.UUID,
    *,
    environment: str,
    client_id: str,
    secret: str,
    by: By = PORTAL,
    now: datetime,
) -> KeyCheck:
    """Test the REST key, then store it if it works, in place of the one before; requests that waited are tried again.

    Anything but a working key stores nothing.  The webhook is then registered by a job.
    """
    credentials = Credentials(client_id=client_id, secret=secret, environment=environment)
    return _save(ctx, merchant_id, credentials, (), by=by, now=now)


def save_classic(
    ctx: Context,
    merchant_id: uuid.UUID,
    credentials: ClassicCredentials,
    *,
    receivers: tuple[str, ...],
    by: By = PORTAL,
    now: datetime,
) -> KeyCheck:
    """Test and store a classic key, as `save`. `receivers`: to whom IPNs may be addressed, in lower case."""
    return _save(ctx, merchant_id, credentials, receivers, by=by, now=now)


def set_receivers(ctx: Context, merchant_id: uuid.UUID, receivers: tuple[str, ...], *, by: By = PORTAL) -> None:
    """Change to whom IPNs may be addressed. Raises NoKey."""
    with ctx.db.begin() as session:
        account = paypal_accounts.lock(session, merchant_id, Provider.PAYPAL_CLASSIC)
        if account is None:
            raise NoKey
        if account.receivers != list(receivers):  # addresses: the chain holds how many
            numbers = [len(account.receivers), len(receivers)]
            audit.append(session, merchant_id, Act.RECEIVERS_CHANGED, by=by, at=utc_now(), number=numbers)
        account.receivers = list(receivers)


def remove(
    ctx: Context,
    merchant_id: uuid.UUID,
    provider: Provider,
    *,
    set_at: datetime | None = None,
    by: By = PORTAL,
) -> bool:
    """Forget a key; say whether there was one. Open requests stay: they wait for the merchant, then for a new key.

    `set_at`: when the key was entered that a page showed: one that somebody has entered since stays.
    """
    with ctx.db.begin() as session:
        account = paypal_accounts.lock(session, merchant_id, provider)
        if account is None or (set_at is not None and account.set_at != set_at):
            return False
        session.delete(account)
        key_writes.tell(session, account, Act.KEY_REMOVED, by=by, at=utc_now())
    log.info("paypal_key_removed", merchant_id=str(merchant_id), provider=provider)
    return True


def check_stored(
    ctx: Context,
    merchant_id: uuid.UUID,
    provider: Provider = Provider.PAYPAL_REST,
    *,
    by: By = PORTAL,
    now: datetime,
) -> KeyCheck:
    """Test the stored key again and write what was found; silence at PayPal's changes nothing.

    Raises NoKey, and CannotOpen when the master key that sealed it is no longer configured.
    """
    with ctx.db.read() as session:
        account = paypal_accounts.of_merchant(session, merchant_id, provider)
    if account is None:
        raise NoKey
    found, written = _test(ctx, account, now=now, forget_told=True, by=by)
    if written and found.works:
        _try_again(ctx, merchant_id, now=now)
    return found


def check_suspected(
    ctx: Context, merchant_id: uuid.UUID, provider: Provider, *, since: datetime, now: datetime
) -> KeyCheck | None:
    """Test a key that PayPal refused, or that was not tested for a day; None when there is nothing to test any more.

    A key tested or replaced after `since` is left alone.  The merchant is told once when it does not work.
    Raises Untested when PayPal does not answer.
    """
    with ctx.db.read() as session:
        account = paypal_accounts.of_merchant(session, merchant_id, provider)
    if account is None or max(account.checked_at, account.set_at) > since:
        return None
    if account.calm_until is not None and account.calm_until > now:
        raise Untested
    try:
        found, written = _test(ctx, account, now=now, forget_told=False)
    except CannotOpen:
        log.error("paypal_key_sealed_with_a_lost_master_key", merchant_id=str(merchant_id), provider=provider)
        return None
    if not found.works and found.finding not in BROKEN:
        raise Untested
    broken = account.broken_since
    if written and found.works and broken is not None and now - broken >= LONG_BROKEN:
        _try_again(ctx, merchant_id, now=now)
    return found


def plan_daily_tests(ctx: Context, *, now: datetime) -> int:
    """Give every key that was not tested for a day to the workers, spread over the hour; return how many.

    Keys were entered at different times, so a day later they come back at different times too.
    """
    with ctx.db.begin() as session:
        due = paypal_accounts.untested(session, before=now - DAILY, limit=AT_ONCE)
        for place, (merchant_id, provider) in enumerate(due):
            at = now + OVER * place / len(due)
            queue.defer(
                session,
                queue.CHECK_KEY,
                at=at,
                merchant_id=str(merchant_id),
                provider=provider.value,
                since=now.isoformat(),
            )
    return len(due)


def _save(
    ctx: Context,
    merchant_id: uuid.UUID,
    credentials: AnyCredentials,
    receivers: tuple[str, ...],
    *,
    by: By,
    now: datetime,
) -> KeyCheck:
    found = key_checks.check(ctx, credentials, now=now)
    _log(merchant_id, found)
    if found.works:
        columns = {
            "merchant_id": merchant_id,
            "environment": credentials.environment,
            "set_at": now,
            **key_writes.sealed(ctx, credentials),
            **key_writes.working(ctx, found),
            "receivers": list(receivers),
        }
        with ctx.db.begin() as session:
            former = paypal_accounts.lock(session, merchant_id, columns["provider"])
            session.execute(key_writes.upsert(columns))
            act = Act.KEY_SET if former is None else Act.KEY_REPLACED
            provider, environment = columns["provider"], credentials.environment
            audit.append(session, merchant_id, act, by=by, at=now, provider=provider, environment=environment)
            # PayPal needs our address for its messages from now on, of either kind.
            webhook_endpoints.endpoint_of(session, merchant_id, credentials.environment)
            if isinstance(credentials, Credentials):
                queue.defer(session, queue.REGISTER_WEBHOOK, merchant_id=str(merchant_id))
        _try_again(ctx, merchant_id, now=now)
    return found


def _test(
    ctx: Context, account: PayPalAccount, *, now: datetime, forget_told: bool, by: By | None = None
) -> tuple[KeyCheck, bool]:
    """Test a stored key and write what was found; say whether it was written. Raises CannotOpen.

    `by`: who asked for it; None when it is the portal's own test of every day.
    """
    is_rest = account.provider is Provider.PAYPAL_REST
    credentials = rest_credentials(ctx, account) if is_rest else classic_credentials(ctx, account)
    found = key_checks.check(ctx, credentials, now=now)
    _log(account.merchant_id, found)
    with ctx.db.begin() as session:
        if by is not None:
            key_writes.tell(session, account, Act.KEY_TESTED, by=by, at=now, finding=found.finding)
        return found, key_writes.note(ctx, session, account, found, now=now, forget_told=forget_told)


def _try_again(ctx: Context, merchant_id: uuid.UUID, *, now: datetime) -> None:
    """Try the requests and the messages that waited for the key, and go on with the list of profiles.

    Never in the account's own transaction: whoever settles a request or tells of it holds the request first
    and takes the account then.
    """
    with ctx.db.begin() as session:
        profile_imports.wake(session, merchant_id, now=now)  # first: who reads a list holds it, then its requests
        tries.retry_all(session, merchant_id, now=now)
        for provider in Provider:
            events.retry_all(session, merchant_id, provider, now=now)


def _log(merchant_id: uuid.UUID, found: KeyCheck) -> None:
    log.info("paypal_key_checked", merchant_id=str(merchant_id), finding=found.finding, debug_id=found.debug_id)
