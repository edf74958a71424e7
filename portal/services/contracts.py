"""What is known of a contract's conclusion, as the right of withdrawal is counted from it (law.md, R-FR-30 to 35)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from portal.domain.audit import By
from portal.domain.dates.billing import free_trial_end
from portal.domain.law.withdrawals import NO_PROOF, ConsentKind, Consents, ConsentWay, Contract
from portal.models import ContractConsent, Subscription, TimelineKind
from portal.models.held import AnySubscription
from portal.queries import subscriptions
from portal.queries.law import withdrawals
from portal.queries.people import merchants
from portal.services.audit import timeline
from portal.services.context import Context
from portal.services.dates.paid_time import terms_of


@dataclass(frozen=True, kw_only=True)
class Consent:
    """What was said when a contract began, or is known not to have been; `at`: when."""

    kind: ConsentKind
    is_given: bool
    at: datetime
    way: ConsentWay
    version: str = ""


def contract_of(session: Session, subscription: Subscription) -> Contract:
    """Return what the period of a subscription's contract is counted from; its customer is loaded."""
    merchant = merchants.of(session, subscription.merchant_id)
    consents = withdrawals.known(session, [subscription.id]).get(subscription.id, NO_PROOF)
    zones = merchant.time_zone, subscription.customer.time_zone
    return contract(subscription, consents, zones=zones, informed_since=merchant.withdrawal_informed_since)


def contract(
    subscription: AnySubscription, consents: Consents, *, zones: tuple[str | None, ...], informed_since: date | None
) -> Contract:
    """Return it of what is read already: the order's approval concludes a contract, else its start at PayPal does.

    A start that PayPal had planned for later is taken for the conclusion too: in doubt the period is the longer one.
    """
    return Contract(
        concluded_at=consents.ordered_at or subscription.started_at,
        zones=tuple(dict.fromkeys(zone for zone in zones if zone)),
        charged_since=free_trial_end(terms_of(subscription)),
        consents=consents,
        informed_since=informed_since,
    )


def record(
    ctx: Context, merchant_id: uuid.UUID, subscription_id: uuid.UUID, said: Sequence[Consent], *, by: By, now: datetime
) -> None:
    """Write what staff or another system know of a contract's beginning. Raises NoResultFound."""
    with ctx.db.begin() as session:
        subscription = subscriptions.lock(session, merchant_id, subscription_id)
        for one in said:
            write(session, subscription, one, by=by, now=now)


def write(session: Session, subscription: Subscription, said: Consent, *, by: By, now: datetime) -> None:
    """As `record`, one of them, in the session's transaction; the same said again is written once."""
    before = withdrawals.consents(session, subscription.id)
    latest = next((row for row in reversed(before) if row.kind is said.kind), None)
    if latest is not None and _same(latest, said):
        return
    row = ContractConsent(
        id=uuid.uuid4(),
        created_at=now,
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        kind=said.kind,
        is_given=said.is_given,
        at=said.at,
        version=said.version,
        way=said.way,
        recorded_by=by.name,
    )
    session.add(row)
    timeline.note(
        session,
        subscription,
        TimelineKind.CONSENT_RECORDED,
        key=str(row.id),
        at=now,
        by=by,
        consent=said.kind.value,
        is_given=said.is_given,
        said_at=said.at.isoformat(),
        way=said.way.value,
        version=said.version,
    )


def _same(row: ContractConsent, said: Consent) -> bool:
    known = (row.is_given, row.at, row.way, row.version)
    return known == (said.is_given, said.at, said.way, said.version)
