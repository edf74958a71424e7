"""A contract that somebody withdraws from, and what the tests look at afterwards."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel, new_reference
from portal.domain.law.withdrawals import ConsentKind, ConsentWay
from portal.domain.policies import Actor, Role
from portal.models import EndRequest, Withdrawal
from portal.services import contracts
from portal.services.contracts import Consent
from portal.services.ends import contract_withdrawals
from portal.services.ends.contract_withdrawals import Declared

STAFF = By(actor=Actor.STAFF, channel=Channel.STAFF, name="Anne")


def declare(ctx, subscription, *, now: datetime, at: datetime | None = None, **changes) -> Withdrawal:
    own = By(actor=Actor.CUSTOMER, actor_id=subscription.customer_id, channel=Channel.PUBLIC_PAGE, name="Zoé")
    declared = Declared(
        **{
            "merchant_id": subscription.merchant_id,
            "subscription_id": subscription.id,
            "reference": new_reference(),
            "declared_at": at or now,
            "by": own,
            **changes,
        }
    )
    return contract_withdrawals.accept(ctx, declared, now=now).withdrawal


def by_staff(ctx, subscription, *, now: datetime, **changes) -> Withdrawal:
    return declare(ctx, subscription, now=now, by=STAFF, role=Role.OWNER, **changes)


def say(ctx, subscription, *kinds: ConsentKind, at: datetime, is_given: bool = True) -> None:
    said = [Consent(kind=kind, is_given=is_given, at=at, way=ConsentWay.SITE, version="CGV 3") for kind in kinds]
    contracts.record(ctx, subscription.merchant_id, subscription.id, said, by=STAFF, now=at)


def stored(ctx) -> Withdrawal:
    with ctx.db.read() as session:
        return session.scalars(select(Withdrawal)).one()


def request_of(ctx, withdrawal) -> EndRequest:
    with ctx.db.read() as session:
        return session.get_one(EndRequest, withdrawal.end_request_id)
