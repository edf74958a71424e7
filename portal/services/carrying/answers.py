"""What PayPal answers a try, and how long a try may wait for it (cancellation.md, PayPal's answers)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from portal.clock import utc_now
from portal.domain.ends.end_requests import KEY_TROUBLES, TRUST_IN_204, Trouble
from portal.extensions import Busy
from portal.models import PayPalAccount, Provider
from portal.providers.ports import GatewayRefused, GatewayUnavailable, Reading, Refusal, SubscriptionGateway
from portal.queries import subscriptions
from portal.secrets import CannotOpen
from portal.services.context import Context
from portal.services.paypal.gateways import NoKey, OtherEnvironment, gateway_for, heed

log = structlog.get_logger(__name__)

WRITES: Final = 3  # times in a row that an answer is written, each as patient as the database is here

TROUBLES: Final = {
    Refusal.BAD_CREDENTIALS: Trouble.BAD_CREDENTIALS,
    Refusal.FORBIDDEN: Trouble.FORBIDDEN,
    Refusal.NOT_FOUND: Trouble.NOT_FOUND,
    Refusal.ACCOUNT_CLOSED: Trouble.ACCOUNT_CLOSED,
    Refusal.STATUS_INVALID: Trouble.STILL_LIVE,
}
REFUSED_KEY: Final = frozenset({Trouble.BAD_CREDENTIALS, Trouble.FORBIDDEN})  # 401 and 403: the key is tested again
# A 403 may concern one object only (FACTS.md 1.5), so it stops nobody else.
MERCHANT_TROUBLES: Final = KEY_TROUBLES | {
    Trouble.FORBIDDEN,
    Trouble.NOT_FOUND,
    Trouble.ACCOUNT_CLOSED,
    Trouble.REFUSED,
}


@dataclass(frozen=True)
class Patience:
    """How long a try may take: seconds for one answer, and for all of it (None: as long as it needs)."""

    answer: float = 20.0
    whole: float | None = None

    def deadline(self, started: datetime) -> datetime | None:
        """Return when a try must be over, None when it may take as long as it needs."""
        return started + timedelta(seconds=self.whole) if self.whole is not None else None


WORKER: Final = Patience()
VISITOR: Final = Patience(answer=4.0, whole=8.0)  # somebody waits for the page (cancellation.md, rule 3)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A row taken for one try. `claimed_at` is the fence: a later claim makes this one void."""

    merchant_id: uuid.UUID
    row_id: uuid.UUID
    subscription_id: uuid.UUID
    provider: Provider
    provider_id: str  # of the subscription
    claimed_at: datetime
    keys: Mapping[Provider, PayPalAccount]  # the merchant's then: an answer to one that was replaced says nothing

    def key_set_at(self, provider: Provider) -> datetime | None:
        """Return since when the key of that kind was the one in use: another date is another key."""
        account = self.keys.get(provider)
        return account.set_at if account is not None else None


@dataclass(frozen=True, kw_only=True)
class SubscriptionClaim(Claim):
    """A claim of an act on the subscription itself, which PayPal takes with a 204 and a read shows later."""

    note: str
    was_sent: bool
    accepted_at: datetime | None

    @property
    def only_reads(self) -> bool:
        """Whether the read may still lag behind a 204: then it is read again for a while before another call."""
        return self.accepted_at is not None and utc_now() - self.accepted_at < TRUST_IN_204


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a try brought: what an act's own answer says, or a trouble; `lost` when another process took over."""

    accepted: bool = False
    trouble: Trouble | None = None
    wait: timedelta | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    lost: bool = False


def written(write: Callable[[], None], *, row_id: uuid.UUID) -> None:
    """Write what PayPal has answered, again where others hold a row for long; raise Busy when they go on holding it.

    Without its answer a row would wait for the end of its claim.
    """
    for _ in range(WRITES - 1):
        try:
            return write()
        except Busy:
            log.info("carrying.settled_again", row_id=str(row_id))
    return write()


def answered(ask: Callable[[], Answer], *, merchant_id: uuid.UUID) -> Answer:
    """Return what `ask` brought; a key that is missing, a refusal and a silence each have their trouble."""
    try:
        return ask()
    except (NoKey, OtherEnvironment):
        return Answer(trouble=Trouble.NO_KEY)
    except CannotOpen:
        log.error("paypal_key_sealed_with_a_lost_master_key", merchant_id=str(merchant_id))
        return Answer(trouble=Trouble.NO_KEY)
    except GatewayRefused as refused:
        return from_refusal(refused)
    except GatewayUnavailable as unavailable:
        return _from_silence(unavailable)


def from_refusal(refused: GatewayRefused) -> Answer:
    """Return the trouble that a refusal is; 409: another call on it is under way, read again later (FACTS.md 1.5)."""
    trouble = Trouble.STILL_LIVE if refused.http_status == 409 else TROUBLES.get(refused.refusal, Trouble.REFUSED)
    return Answer(trouble=trouble, facts=facts_of(refused))


def _from_silence(unavailable: GatewayUnavailable) -> Answer:
    limited = unavailable.http_status == 429
    return Answer(
        trouble=Trouble.RATE_LIMITED if limited else Trouble.UNAVAILABLE,
        wait=timedelta(seconds=unavailable.retry_after) if unavailable.retry_after else None,
        facts={
            "http_status": unavailable.http_status,
            "reason": unavailable.reason,
            "debug_id": unavailable.debug_id,
        },
    )


def facts_of(refused: GatewayRefused) -> dict[str, object]:
    """Return what is kept of a refusal."""
    return {"http_status": refused.http_status, "issue": refused.issue, "debug_id": refused.debug_id}


def read(ctx: Context, claim: Claim, patience: Patience) -> tuple[SubscriptionGateway, Reading]:
    """Read the subscription; one that REST does not know may be a classic profile (cancellation.md, 404).

    Returns the gateway of the world it was found in (FACTS.md 0: its id does not tell).
    """
    key = claim.keys.get(claim.provider)
    gateway = gateway_for(ctx, claim.merchant_id, claim.provider, patience=patience.answer, account=key)
    try:
        return gateway, gateway.show_subscription(claim.provider_id)
    except GatewayRefused as unknown:
        if unknown.refusal is not Refusal.NOT_FOUND or claim.provider is Provider.PAYPAL_CLASSIC:
            raise
        return _read_classic(ctx, claim, patience, unknown)


def _read_classic(
    ctx: Context, claim: Claim, patience: Patience, unknown: GatewayRefused
) -> tuple[SubscriptionGateway, Reading]:
    try:
        gateway = gateway_for(ctx, claim.merchant_id, Provider.PAYPAL_CLASSIC, patience=patience.answer)
        found = gateway.show_subscription(claim.provider_id)
    except (NoKey, CannotOpen):
        raise unknown from None
    except (GatewayRefused, GatewayUnavailable) as error:
        with ctx.db.begin() as session:  # it concerns the classic key alone
            heed(session, claim.merchant_id, Provider.PAYPAL_CLASSIC, error, now=utc_now())
        if isinstance(error, GatewayRefused):
            raise unknown from None
        raise GatewayUnavailable("the classic API does not answer", retry_after=error.retry_after) from None
    with ctx.db.begin() as session:
        subscriptions.lock(session, claim.merchant_id, claim.subscription_id).provider = Provider.PAYPAL_CLASSIC
    return gateway, found


def read_back(gateway: SubscriptionGateway, claim: Claim, debug_id: str) -> tuple[Reading | None, dict[str, object]]:
    """Verify a 204 by a read: without one nobody is told anything. REST accepts by 204, the classic API by its ACK."""
    facts: dict[str, object] = {"accepted": True, "debug_id": debug_id}
    try:
        return gateway.show_subscription(claim.provider_id), facts
    except (GatewayRefused, GatewayUnavailable) as error:
        log.warning("read_back_failed", row_id=str(claim.row_id), reason=str(error))
        return None, facts
