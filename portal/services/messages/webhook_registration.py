"""Have PayPal report to us: one webhook of ours at the merchant's application, found, repaired or created.

Others may be there, of a shop that shares the application: they are never touched (FACTS.md 2.4).
No transaction is open while PayPal is asked.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session

from portal import queue
from portal.domain.audit import PORTAL, Act, By
from portal.models import Provider, WebhookEndpoint, WebhookTrouble
from portal.providers.ports import GatewayRefused, GatewayUnavailable, Refusal, RestGateway, WebhookReading
from portal.queries.merchants import paypal_accounts
from portal.queries.messages import webhook_endpoints
from portal.secrets import CannotOpen
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.messages.webhook_endpoints import endpoint_of, webhook_url
from portal.services.paypal import gateways
from portal.services.paypal.gateways import NoKey

log = structlog.get_logger(__name__)

# FACTS.md 2.2, PayPal's own table.
DOCUMENTED: Final = frozenset(
    {
        *(
            f"BILLING.SUBSCRIPTION.{what}"
            for what in ("CREATED", "ACTIVATED", "UPDATED", "EXPIRED", "CANCELLED", "SUSPENDED", "PAYMENT.FAILED")
        ),
        *(f"PAYMENT.SALE.{what}" for what in ("COMPLETED", "REFUNDED", "REVERSED", "PENDING", "DENIED")),
    }
)
# Seen, but not in that table: asked for, and done without where PayPal refuses a name that it does not know.
UNLISTED: Final = frozenset({"BILLING.SUBSCRIPTION.RE-ACTIVATED", "BILLING.SUBSCRIPTION.RENEWED"})
OFFERS: Final = (UNLISTED, frozenset({"BILLING.SUBSCRIPTION.RE-ACTIVATED"}))
EVERYTHING: Final = "*"
TEST_EVENT: Final = "BILLING.SUBSCRIPTION.CREATED"
PATIENCE: Final = 8.0  # seconds for one answer: a person may wait for the page
CHECK_EVERY: Final = timedelta(hours=23)  # a little less than a day, so that an hourly look keeps its hour
NO_ANSWER_AGAIN: Final = timedelta(minutes=30)

TROUBLES: Final = {
    Refusal.BAD_CREDENTIALS: WebhookTrouble.KEY_REFUSED,
    Refusal.FORBIDDEN: WebhookTrouble.MISSING_RIGHT,
    Refusal.WEBHOOK_LIMIT: WebhookTrouble.LIMIT_REACHED,
}


class NotRegistered(Exception):
    """PayPal does not report to us, so there is no webhook to test or to send again to."""


def ensure(ctx: Context, merchant_id: uuid.UUID, *, by: By = PORTAL, now: datetime) -> WebhookTrouble | None:
    """See that PayPal reports to the merchant's address in the environment of the REST key.

    Returns what stands in the way, as it is also stored for the page; None when all is well.  Raises NoKey.
    """
    endpoint = _of_key(ctx, merchant_id)
    url = webhook_url(ctx, endpoint)
    trouble, debug_id, ours = None, "", None
    try:
        gateway = gateways.rest_gateway(ctx, merchant_id, patience=PATIENCE)
        if gateway.takes_address(url):
            ours = _ours(gateway, endpoint.webhook_id, url)
        else:
            trouble = WebhookTrouble.ADDRESS_NOT_PUBLIC
    except CannotOpen:
        trouble = WebhookTrouble.KEY_REFUSED
    except (GatewayRefused, GatewayUnavailable) as error:
        trouble, debug_id = trouble_of(ctx, merchant_id, error, now=now), error.debug_id
    with ctx.db.begin() as session:
        row = webhook_endpoints.lock(session, merchant_id, endpoint.environment)
        _write(row, ours, trouble, debug_id, now=now)
        if ours is not None and row.registered_at == now:
            act, found = Act.WEBHOOK_REGISTERED, row.webhook_id
            audit.append(session, merchant_id, act, by=by, at=now, environment=row.environment, webhook_id=found)
    log.info("webhook_checked", merchant_id=str(merchant_id), trouble=trouble, debug_id=debug_id)
    return trouble


def ask_for_test(ctx: Context, merchant_id: uuid.UUID, *, by: By = PORTAL, now: datetime) -> WebhookTrouble | None:
    """Have PayPal send a made-up event to the registered address; return what stood in the way.

    Raises NoKey and NotRegistered.
    """
    endpoint = _of_key(ctx, merchant_id)
    if endpoint.webhook_id is None:
        raise NotRegistered
    with ctx.db.begin() as session:  # before the call: the event may arrive before PayPal's answer does
        row = webhook_endpoints.lock(session, merchant_id, endpoint.environment)
        row.test_asked_at, row.test_seen_at = now, None
        audit.append(session, merchant_id, Act.WEBHOOK_TESTED, by=by, at=now, environment=row.environment)
    try:
        gateway = gateways.rest_gateway(ctx, merchant_id, patience=PATIENCE)
        debug_id = gateway.simulate_event(endpoint.webhook_id, event_type=TEST_EVENT)
    except CannotOpen:
        return WebhookTrouble.KEY_REFUSED
    except (GatewayRefused, GatewayUnavailable) as error:
        return trouble_of(ctx, merchant_id, error, now=now)
    log.info("webhook_test_asked", merchant_id=str(merchant_id), debug_id=debug_id)
    return None


def defer_due(ctx: Context, *, now: datetime) -> int:
    """Give a job to every merchant whose webhook was not looked at for a day, or whom PayPal left without an answer."""
    with ctx.db.begin() as session:
        due = webhook_endpoints.due_for_check(
            session, checked_before=now - CHECK_EVERY, unanswered_before=now - NO_ANSWER_AGAIN
        )
        for merchant_id in due:
            defer(session, merchant_id)
    return len(due)


def defer(session: Session, merchant_id: uuid.UUID) -> None:
    """Have a worker see to the merchant's webhook, once the caller's transaction is committed."""
    queue.defer(session, queue.REGISTER_WEBHOOK, lock=f"webhook:{merchant_id}", merchant_id=str(merchant_id))


def trouble_of(
    ctx: Context, merchant_id: uuid.UUID, error: GatewayRefused | GatewayUnavailable, *, now: datetime
) -> WebhookTrouble:
    """Return the word for PayPal's answer; a refused key is tested soon, and « too many » (429) binds every call."""
    with ctx.db.begin() as session:
        gateways.heed(session, merchant_id, Provider.PAYPAL_REST, error, now=now)
    if isinstance(error, GatewayRefused):
        return TROUBLES.get(error.refusal, WebhookTrouble.REFUSED)
    return WebhookTrouble.NO_ANSWER


def _of_key(ctx: Context, merchant_id: uuid.UUID) -> WebhookEndpoint:
    with ctx.db.begin() as session:
        account = paypal_accounts.of_merchant(session, merchant_id)
        if account is None:
            raise NoKey
        return endpoint_of(session, merchant_id, account.environment)


def _ours(gateway: RestGateway, webhook_id: str | None, url: str) -> WebhookReading:
    """Return our webhook as it stands at PayPal in the end.

    Two workers at once: the second is told that the address exists, and looks again.  So does whoever wanted to
    change a webhook that somebody deleted a moment before.
    """
    try:
        return _found_or_made(gateway, webhook_id, url)
    except GatewayRefused as refused:
        if refused.refusal not in (Refusal.WEBHOOK_EXISTS, Refusal.NOT_FOUND):
            raise
    return _found_or_made(gateway, webhook_id, url)


def _found_or_made(gateway: RestGateway, webhook_id: str | None, url: str) -> WebhookReading:
    present = gateway.list_webhooks()
    ours = next((one for one in present if one.url == url), None)
    if ours is None:  # made when the portal had another address
        ours = next((one for one in present if one.provider_id == webhook_id), None)
    if ours is None:
        return _with_unlisted(lambda types: gateway.create_webhook(url=url, event_types=types), DOCUMENTED)
    webhook_id, has = ours.provider_id, ours.event_types
    if ours.url != url:
        ours = gateway.change_webhook(webhook_id, url=url)
    if EVERYTHING in has or has >= DOCUMENTED:
        return ours
    return _with_unlisted(lambda types: gateway.change_webhook(webhook_id, event_types=types), has | DOCUMENTED)


def _with_unlisted(call: Callable[[frozenset[str]], WebhookReading], event_types: frozenset[str]) -> WebhookReading:
    """Ask for the unlisted event types too; PayPal refuses names that it does not know, then do without."""
    for unlisted in OFFERS:
        try:
            return call(event_types | unlisted)
        except GatewayRefused as refused:
            if refused.refusal is not Refusal.OTHER:
                raise
    return call(event_types)


def _write(
    row: WebhookEndpoint,
    ours: WebhookReading | None,
    trouble: WebhookTrouble | None,
    debug_id: str,
    *,
    now: datetime,
) -> None:
    row.checked_at, row.trouble, row.debug_id = now, trouble, debug_id
    if ours is not None:
        if (row.webhook_id, row.url) != (ours.provider_id, ours.url):
            row.registered_at = now
        row.webhook_id, row.url = ours.provider_id, ours.url
    elif trouble is WebhookTrouble.LIMIT_REACHED:  # none of the ten is ours: what was stored is gone
        row.webhook_id, row.url, row.registered_at = None, "", None
