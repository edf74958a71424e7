"""What an IPN leads to: PayPal vouches for it, its profile is read, and what that shows goes through the one door.

IPN has no signature and no order (FACTS.md 3.2), so its word alone decides nothing about a subscription.  Money is
the exception: the classic API lists no payments, so a message counts once PayPal has vouched for it and it is for us.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

import structlog
from sqlalchemy import update

from portal.models import EventState, PayPalAccount, PayPalEvent, Provider
from portal.providers.deliveries import IpnVerifier
from portal.providers.ports import GatewayRefused, Reading, Refusal
from portal.queries import subscriptions
from portal.queries.merchants import paypal_accounts
from portal.queries.money import payments as stored_payments
from portal.services.arrivals import classic_arrivals
from portal.services.arrivals.event_outcomes import Handled, NotYet, Outcome
from portal.services.arrivals.import_rows import Origin
from portal.services.context import Context
from portal.services.messages import ipn_money
from portal.services.messages.batches import CALLS, Asking, in_rounds
from portal.services.messages.ipn_messages import IpnMessage
from portal.services.paypal.gateways import NoKey, classic_gateway

log = structlog.get_logger(__name__)

SOON: Final = timedelta(hours=1)  # so long a new profile may take to show at PayPal
OLD_PROFILE: Final = "11592"  # an `S-…` profile, which the API does not manage (FACTS.md 3.1)
API_USER: Final = re.compile(r"(.+)_api[0-9]+\.(.+)")  # seller_api1.example.com is seller@example.com


def handle(ctx: Context, events: Iterable[PayPalEvent], *, now: datetime) -> list[Outcome]:
    """Do what the messages lead to, and say what became of each."""
    asking = Asking(lambda: ctx.ipns)

    def in_turn(events: list[PayPalEvent]) -> list[Outcome]:
        return [(event, _try(ctx, event, asking, now=now)) for event in events]

    with ThreadPoolExecutor(CALLS) as pool:
        rounds = [list(pool.map(in_turn, about)) for about in in_rounds(events)]
    return list(chain.from_iterable(chain.from_iterable(rounds)))


def _try(ctx: Context, event: PayPalEvent, asking: Asking[IpnVerifier], *, now: datetime) -> Handled | Exception:
    try:
        return asking.ask(lambda _ipns: _handle(ctx, event, now=now))
    except Exception as error:
        return error


def _handle(ctx: Context, event: PayPalEvent, *, now: datetime) -> Handled:
    """Do what one message leads to.

    Raises NotYet when PayPal does not show its profile yet, NoKey, CannotOpen, and what the gateway raises.
    """
    if event.body is None:
        return _ignored("body_purged")
    message = IpnMessage.read(event.body)
    if message.is_test is not (event.environment == "sandbox"):
        _forget_body(ctx, event)
        return _ignored("other_environment")  # ours decides: PayPal's other world would not vouch for it anyway
    if not ctx.ipns.is_genuine(event.body, environment=event.environment):
        _forget_body(ctx, event)
        return Handled(EventState.REFUSED, "not_paypal")
    profile_id = message.profile_id or _profile_of_parent(ctx, event, message)
    if not profile_id:
        return _ignored("no_subscription")
    if _is_rest(ctx, event, profile_id):
        return _ignored("rest_subscription")  # its webhooks and comparisons tell of it
    account = _account(ctx, event.merchant_id)
    if account.environment != event.environment:
        return _ignored("other_environment")  # the key was changed since: it opens another world
    if not message.receivers & receivers_of(account):
        return Handled(EventState.REFUSED, "other_receiver")
    try:
        _reread(ctx, event, message, profile_id)
    except GatewayRefused as refused:
        return _not_shown(event, refused, now=now)
    return ipn_money.take_over(ctx, event, message, profile_id, now=now)


def receivers_of(account: PayPalAccount) -> frozenset[str]:
    """Return who a merchant's IPNs may be addressed to: what the merchant named, and the API user's own address."""
    user = account.client_id.lower()
    of_user = API_USER.fullmatch(user)
    named = {receiver.lower() for receiver in account.receivers}
    return frozenset(named | {user} | ({f"{of_user[1]}@{of_user[2]}"} if of_user else set()))


def _reread(ctx: Context, event: PayPalEvent, message: IpnMessage, profile_id: str) -> None:
    origin = Origin(event.merchant_id, event.environment, Provider.PAYPAL_CLASSIC)

    def add(reading: Reading) -> Reading:  # a refund that only names its sale may name another payer
        return _with_payer(reading, message) if message.profile_id else reading

    classic_arrivals.reread(ctx, origin, classic_gateway(ctx, event.merchant_id), profile_id, add=add)


def _with_payer(reading: Reading, message: IpnMessage) -> Reading:
    """Add the payer where PayPal's answer leaves them out: for some profiles it has no email address."""
    payer_id = message.text("payer_id")
    name = f"{message.text('first_name')} {message.text('last_name')}".strip()
    return replace(
        reading,
        payer_id=reading.payer_id or (payer_id if re.fullmatch(r"[A-Z0-9]{13}", payer_id) else None),
        payer_email=reading.payer_email or message.email,
        payer_name=reading.payer_name or name or None,
    )


def _not_shown(event: PayPalEvent, refused: GatewayRefused, *, now: datetime) -> Handled:
    if refused.refusal is not Refusal.NOT_FOUND:
        raise refused
    if refused.issue == OLD_PROFILE:
        return _ignored("old_profile")
    if now - (event.replayed_at or event.received_at) < SOON:
        raise NotYet("not_at_paypal")
    log.info("ipn_subject_not_at_paypal", event_id=str(event.id), debug_id=refused.debug_id)
    return _ignored("not_at_paypal")


def _profile_of_parent(ctx: Context, event: PayPalEvent, message: IpnMessage) -> str:
    """Return the profile that a refund's sale belongs to; empty when that sale is not known here."""
    parent = message.transaction("parent_txn_id")
    if not parent:
        return ""
    with ctx.db.read() as session:
        known = stored_payments.by_parent(session, event.merchant_id, event.environment, parent)
        return stored_payments.subscription_of(session, known[0]) if known else ""


def _is_rest(ctx: Context, event: PayPalEvent, profile_id: str) -> bool:
    with ctx.db.read() as session:
        known = subscriptions.by_provider_id(
            session, event.merchant_id, environment=event.environment, provider_id=profile_id
        )
    return known is not None and known.provider is Provider.PAYPAL_REST


def _account(ctx: Context, merchant_id: uuid.UUID) -> PayPalAccount:
    with ctx.db.read() as session:
        account = paypal_accounts.of_merchant(session, merchant_id, Provider.PAYPAL_CLASSIC)
    if account is None:
        raise NoKey
    return account


def _forget_body(ctx: Context, event: PayPalEvent) -> None:
    """Nobody vouched for it, so whoever wrote it may not have been PayPal: nothing is kept but that it came."""
    with ctx.db.begin() as session:
        session.execute(update(PayPalEvent).where(PayPalEvent.id == event.id).values(body=None))


def _ignored(why: str) -> Handled:
    return Handled(EventState.IGNORED, why)
