"""The new subscription of somebody who came back, as PayPal shows it: whose it is, and what follows from it.

Only what was approved becomes a subscription here: until then it takes no money, and PayPal forgets it by itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from portal.documents.orders import EXPRESS_VERSION, WITHDRAWAL_VERSION
from portal.domain.audit import PORTAL, PROVIDER
from portal.domain.ends.comebacks import ComebackState
from portal.domain.law.withdrawals import ConsentKind, ConsentWay
from portal.domain.subscriptions import ProviderStatus
from portal.models import Comeback, Customer, Subscription, TimelineKind
from portal.providers.ports import Reading
from portal.queries import subscriptions
from portal.queries.ends import comebacks
from portal.queries.operating import import_runs
from portal.services import contracts
from portal.services.audit import timeline
from portal.services.context import Context
from portal.services.contracts import Consent
from portal.services.dates.provider_facts import is_over
from portal.services.notices import comeback_notices

log = structlog.get_logger(__name__)


def without_unapproved(
    session: Session, merchant_id: uuid.UUID, environment: str, readings: Iterable[Reading]
) -> list[Reading]:
    """Leave out what we asked for ourselves and nobody has approved yet."""
    kept = list(readings)
    pending = [reading for reading in kept if reading.status == ProviderStatus.APPROVAL_PENDING]
    if not pending:
        return kept
    ours = matching(session, merchant_id, environment, pending)
    return [one for one in kept if one.status != ProviderStatus.APPROVAL_PENDING or one.provider_id not in ours]


def matching(
    session: Session, merchant_id: uuid.UUID, environment: str, readings: Iterable[Reading]
) -> dict[str, Comeback]:
    """Return the attempt that led to each of PayPal's ids, where one did."""
    shown = [(reading.provider_id, reading.custom_id) for reading in readings]
    return comebacks.matching(session, merchant_id, environment, shown)


def customer_of(session: Session, comeback: Comeback, reading: Reading) -> Customer:
    """Return who came back, whatever PayPal account they paid with: its email address is nobody's identity."""
    customer = session.get_one(Customer, comeback.customer_id)
    payer_id = reading.payer_id
    if customer.payer_id is None and payer_id is not None and customer.erased_at is None:
        taken = import_runs.customer_by_payer(session, comeback.merchant_id, payer_id) is not None
        customer.payer_id = None if taken else payer_id
    return customer


def record(
    ctx: Context, session: Session, comeback_id: uuid.UUID, arrived: Subscription, reading: Reading, *, now: datetime
) -> None:
    """Write that the attempt led to this subscription, and tell both sides once.

    One that was dropped before and approved all the same is a real subscription: it is told as such.
    """
    old = subscriptions.lock(session, arrived.merchant_id, arrived.predecessor_id)  # type: ignore[arg-type]
    comeback = comebacks.lock(session, comeback_id)
    if comeback.state is ComebackState.APPROVED:
        log.warning("comeback_led_to_two", comeback_id=str(comeback_id), subscription_id=str(arrived.id))
        return
    comeback.approved_at = now
    comeback.move(ComebackState.APPROVED)
    comeback.provider_id = reading.provider_id
    _note_consents(session, comeback, arrived, now=now)
    comeback.trouble = comeback.closed_at = comeback.next_try_at = comeback.claimed_at = None
    timeline.note(
        session,
        old,
        TimelineKind.COMEBACK_APPROVED,
        key=str(comeback.id),
        at=now,
        by=PROVIDER,
        subscription_id=str(arrived.id),
    )
    if is_over(reading):
        return  # approved and ended before we saw it: nothing has begun that could be announced
    rows = subscriptions.all_of_customer(session, old.merchant_id, old.customer_id)
    others = any(one.id != arrived.id for one in comebacks.rivals(old, rows))
    comeback_notices.approved(ctx, session, comeback, arrived.id, has_another=others, now=now)


def _note_consents(session: Session, comeback: Comeback, arrived: Subscription, *, now: datetime) -> None:
    """Keep what the order's page informed of and asked, in which version (law.md, R-FR-31, R-FR-34)."""
    if comeback.ordered is None:
        return
    asked = comeback.express_at
    for kind, is_given, at, version in (
        (ConsentKind.INFORMED, True, now, WITHDRAWAL_VERSION),
        (ConsentKind.EXPRESS_REQUEST, asked is not None, asked or now, comeback.express_version or EXPRESS_VERSION),
    ):
        said = Consent(kind=kind, is_given=is_given, at=at, way=ConsentWay.ORDER_PAGE, version=version)
        contracts.write(session, arrived, said, by=PORTAL, now=now)
