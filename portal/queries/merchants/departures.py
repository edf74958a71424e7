"""What is live, open and waiting at a merchant's: what `flask merchant delete` shows, and what a deletion waits for."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from portal.domain.ends import comebacks, end_requests, pauses
from portal.domain.ends.end_requests import RequestState
from portal.domain.ends.received_requests import ReceivedState
from portal.domain.law.withdrawals import RefundDuty
from portal.domain.money import refunds, settlements
from portal.domain.money.late_payments import LateState
from portal.domain.money.refunds import WithEndState
from portal.domain.subscriptions import LIVE, Status
from portal.models import (
    Comeback,
    Customer,
    EndRefund,
    EndRequest,
    LatePayment,
    Mail,
    MailState,
    PauseRequest,
    ReceivedRequest,
    Refund,
    RenewalRefund,
    Settlement,
    Subscription,
    Withdrawal,
)
from portal.queries.ends import bulk_acts


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Counts of one merchant's rows. `live`: subscriptions by state."""

    planned_ends: int  # wait for their day
    end_requests: int  # the other open ones
    bulk_rows: int  # confirmed in bulk, and not asked yet, of acts that run, held or not
    refunds: int  # under way, or owed by law and not made
    settlements: int
    comebacks: int
    pauses: int
    late_payments: int
    received: int  # letters and notices that nobody has settled
    mails: int  # should have been sent by now
    customers: int
    live: Mapping[Status, int]

    @property
    def live_in_all(self) -> int:
        """How many subscriptions PayPal may go on charging."""
        return sum(self.live.values())

    @property
    def holds_back(self) -> dict[str, int]:
        """What somebody has asked for and nobody has finished, at PayPal or by hand: nothing is erased before it.

        A bulk act that was stopped holds nothing back: somebody said that the rest of its rows is not to be asked now.
        """
        found = {
            "planned_ends": self.planned_ends,
            "end_requests": self.end_requests,
            "bulk_rows": self.bulk_rows,
            "refunds": self.refunds,
            "settlements": self.settlements,
            "comebacks": self.comebacks,
            "pauses": self.pauses,
            "received": self.received,
            "mails": self.mails,
        }
        return {name: count for name, count in found.items() if count}


def of(session: Session, merchant_id: uuid.UUID, *, now: datetime) -> Standing:
    """Return the counts of one merchant."""

    def count(row: Any, *where: ColumnElement[bool]) -> int:
        return session.scalar(select(func.count()).select_from(row).where(row.merchant_id == merchant_id, *where)) or 0

    is_open = EndRequest.state.in_(end_requests.OPEN)
    planned = count(EndRequest, EndRequest.state == RequestState.RECORDED, EndRequest.due_at > now)
    return Standing(
        planned_ends=planned,
        end_requests=count(EndRequest, is_open) - planned,
        bulk_rows=bulk_acts.waiting_rows(session, merchant_id),
        refunds=count(Refund, Refund.state.in_(refunds.OPEN))
        + count(EndRefund, EndRefund.state == WithEndState.WAITING)
        + count(Withdrawal, Withdrawal.refund == RefundDuty.OPEN)
        + count(RenewalRefund, RenewalRefund.settled_at.is_(None)),
        settlements=count(Settlement, Settlement.state.in_(settlements.UNDER_WAY)),
        comebacks=count(Comeback, Comeback.state.in_(comebacks.OPEN)),
        pauses=count(PauseRequest, PauseRequest.state.in_(pauses.OPEN)),
        late_payments=count(LatePayment, LatePayment.state == LateState.OPEN),
        received=count(ReceivedRequest, ReceivedRequest.state == ReceivedState.OPEN),
        mails=count(Mail, Mail.state == MailState.WAITING, Mail.send_at <= now),
        customers=count(Customer),
        live=live(session, merchant_id),
    )


def live(session: Session, merchant_id: uuid.UUID) -> dict[Status, int]:
    """Return how many of the merchant's subscriptions are in each live state, in the states' order."""
    by_status = (
        select(Subscription.status, func.count().label("number"))
        .where(Subscription.merchant_id == merchant_id, Subscription.status.in_(LIVE))
        .group_by(Subscription.status)
    )
    counted = {row.status: row.number for row in session.execute(by_status)}
    return {status: counted[status] for status in Status if status in counted}
