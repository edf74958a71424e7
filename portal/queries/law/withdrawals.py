"""Withdrawals from contracts, and what was agreed when a contract began."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, Select, bindparam, select
from sqlalchemy.orm import Session

from portal.domain.law.withdrawals import Consents, RefundDuty, newest
from portal.models import ContractConsent, Subscription, TimelineEntry, TimelineKind, Withdrawal
from portal.queries.aliases import joined

OPEN: ColumnElement[bool] = Withdrawal.refund == RefundDuty.OPEN


def of_subscription(session: Session, subscription_id: uuid.UUID) -> Withdrawal | None:
    """Return the withdrawal from that contract, if there was one."""
    return session.scalars(select(Withdrawal).where(Withdrawal.subscription_id == subscription_id)).one_or_none()


def of_several(session: Session, subscription_ids: Collection[uuid.UUID]) -> list[Withdrawal]:
    """Return the withdrawals from several contracts; each contract that nobody withdrew from has none."""
    return list(session.scalars(select(Withdrawal).where(Withdrawal.subscription_id.in_(subscription_ids))))


def of_merchant(session: Session, merchant_id: uuid.UUID, withdrawal_id: uuid.UUID) -> Withdrawal:
    """Return one of the merchant's, with its subscription. Raises NoResultFound."""
    found = session.scalars(_whole().where(Withdrawal.merchant_id == merchant_id, Withdrawal.id == withdrawal_id))
    return found.unique().one()


def _whole() -> Select[Withdrawal]:
    customer, product, plan = Subscription.customer, Subscription.product, Subscription.plan
    paths = [(Withdrawal.subscription, part) for part in (customer, product, plan)]
    return joined(select(Withdrawal), *paths, (Withdrawal.end_request,), (Withdrawal.received,))


def of_request(session: Session, request_id: uuid.UUID) -> Withdrawal | None:
    """Return the withdrawal that a request to end carries out, if it does."""
    return session.scalars(select(Withdrawal).where(Withdrawal.end_request_id == request_id)).one_or_none()


def due(session: Session, *, before: datetime) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Return merchant and id of those whose refund is open and due before then, the first due first."""
    rows = session.execute(
        select(Withdrawal.merchant_id, Withdrawal.id)
        .where(OPEN, Withdrawal.refund_due_at <= before)
        .order_by(Withdrawal.refund_due_at, Withdrawal.id)
    )
    return [(merchant_id, withdrawal_id) for merchant_id, withdrawal_id in rows]


def were_coming(session: Session, subscription_id: uuid.UUID, *, said_at: datetime) -> frozenset[str]:
    """Return the payments, by their ids, that had begun and were not taken when staff said what became of a refund."""
    said = (
        TimelineEntry.subscription_id == subscription_id,
        TimelineEntry.kind == TimelineKind.WITHDRAWAL_CLOSED,
        TimelineEntry.at == said_at,
    )
    entries = session.scalars(select(TimelineEntry.details).where(*said))
    return frozenset(payment_id for details in entries for payment_id in details.get("coming", ()))


def consents(session: Session, subscription_id: uuid.UUID) -> list[ContractConsent]:
    """Return what is known of a contract's beginning, the oldest word first."""
    return list(session.scalars(_consents(), {"subscription_id": subscription_id}))


@cache
def _consents() -> Select[ContractConsent]:
    return (
        select(ContractConsent)
        .where(ContractConsent.subscription_id == bindparam("subscription_id"))
        .order_by(ContractConsent.created_at, ContractConsent.id)
    )


def known(session: Session, subscription_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Consents]:
    """Return what is known of each of several contracts; one of which nothing is known is left out."""
    rows = session.scalars(
        select(ContractConsent)
        .where(ContractConsent.subscription_id.in_(subscription_ids))
        .order_by(ContractConsent.created_at, ContractConsent.id)
    ).all()
    return {
        subscription_id: newest(
            (row.kind, row.is_given, row.at, row.way) for row in rows if row.subscription_id == subscription_id
        )
        for subscription_id in {row.subscription_id for row in rows}
    }
