"""What a merchant decides: self-cancellation, the text shown when it is off, names and languages."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain import policies
from portal.domain.audit import PORTAL, Act, By
from portal.models import KeyState
from portal.queries import paypal_accounts
from portal.queries.people import merchants
from portal.services.audit import audit
from portal.services.context import Context

log = structlog.get_logger(__name__)

TEXTS: Final = frozenset({"name", "support_email", "cancellation_text"})  # the audit chain holds which, not what


@dataclass(frozen=True, kw_only=True)
class MerchantSettings:
    """The settings page's answers. `time_zone` is an IANA name, `locale` a language of the portal."""

    name: str
    support_email: str
    time_zone: str
    locale: str
    self_cancellation: bool
    cancellation_text: str


def key_passed(session: Session, merchant_id: uuid.UUID) -> bool:
    """Say whether a stored key passed its last live test: what switching on needs (product.md, decision 6)."""
    accounts = paypal_accounts.all_of_merchant(session, merchant_id).values()
    return any(account.state is KeyState.WORKING for account in accounts)


def save(ctx: Context, merchant_id: uuid.UUID, wish: MerchantSettings, *, by: By = PORTAL) -> None:
    """Write the settings. Raises NotAllowed(KEY_NOT_TESTED) when the switch may not be turned on yet.

    Leaving it on with a key that broke later is no turning on: the button stays (decision 6).
    """
    with ctx.db.begin() as session:
        merchant = merchants.lock(session, merchant_id)
        turned_on = wish.self_cancellation and not merchant.self_cancellation
        if turned_on:
            policies.check_switch_on(key_passed_its_test=key_passed(session, merchant_id))
        if wish.self_cancellation != merchant.self_cancellation:
            log.info("self_cancellation_switched", merchant_id=str(merchant_id), on=wish.self_cancellation)
        changes = audit.changes(merchant, vars(wish), texts=TEXTS)
        if changes:
            audit.append(session, merchant_id, Act.SETTINGS_CHANGED, by=by, at=utc_now(), **changes)
        for name, value in vars(wish).items():
            setattr(merchant, name, value)
