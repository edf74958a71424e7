"""Who is told of a withdrawal: the customer what follows, the merchant of the refund, again until it is made."""

from __future__ import annotations

import uuid
from datetime import datetime

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from portal.domain.ends.received_requests import was_timed
from portal.domain.law.withdrawals import WARNED_BEFORE, days_left, warnings_due
from portal.logs import place_of
from portal.mail import withdrawals as mails
from portal.mail.withdrawals import WithdrawalFacts
from portal.models import ReceivedRequest, Subscription, Withdrawal
from portal.queries import subscriptions
from portal.queries.law import declarations, withdrawals
from portal.queries.money import payments
from portal.services import languages
from portal.services.batches import Unfinished
from portal.services.context import Context
from portal.services.notices import notice_facts
from portal.services.notices.recipients import Post

log = structlog.get_logger(__name__)


def accepted(ctx: Context, session: Session, withdrawal: Withdrawal, *, now: datetime) -> None:
    """Tell both sides, once: only the address on file learns that there is a contract and what follows."""
    subscription = subscriptions.of_merchant(session, withdrawal.merchant_id, withdrawal.subscription_id)
    post = Post.of(ctx, session, withdrawal.merchant_id, now=now)
    told = _facts(session, withdrawal, subscription, path=notice_facts.account_path(post.merchant))
    received_id = withdrawal.received_request_id
    declared = declarations.of_received(session, received_id) if received_id is not None else None
    language = languages.of_declaration(declared, subscription.customer, post.merchant)
    composed = mails.withdrawal_accepted(post.head_for(subscription.customer, language), told)
    post.to_holder(subscription, composed, key=f"withdrawal:{withdrawal.id}")
    told = _facts(session, withdrawal, subscription, path=desk_path(withdrawal))
    post.to_merchant(mails.merchant_withdrawal(post.desk_head, told), key=f"merchant-withdrawal:{withdrawal.id}")


def warn(ctx: Context, *, now: datetime) -> None:
    """Warn of every refund that is due soon, or is overdue, once for each time (R-FR-33).

    One that fails is logged and stops nobody behind it.  Raises Unfinished then, at the end.
    """
    with ctx.db.read() as session:
        waiting = withdrawals.due(session, before=now + max(WARNED_BEFORE))
    failed = 0
    for merchant_id, withdrawal_id in waiting:
        try:
            _warn(ctx, merchant_id, withdrawal_id, now=now)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            failed += 1
            name, place = type(error).__name__, place_of(error)
            log.error("withdrawal_warning_failed", withdrawal_id=str(withdrawal_id), error=name, place=place)
    if failed:
        raise Unfinished(f"{failed} warnings")


def _warn(ctx: Context, merchant_id: uuid.UUID, withdrawal_id: uuid.UUID, *, now: datetime) -> None:
    """Send the newest of the warnings whose time has come: a machine that stood still sends one, not four."""
    with ctx.db.begin() as session:
        found = withdrawals.of_merchant(session, merchant_id, withdrawal_id)
        times = warnings_due(found.refund_due_at, now=now)
        if not found.is_open or not times:
            return
        post = Post.of(ctx, session, merchant_id, now=now)
        told = _facts(session, found, found.subscription, path=desk_path(found))
        days = days_left(found.refund_due_at, post.merchant.time_zone, now=now)
        composed = mails.merchant_withdrawal_due(post.desk_head, told, days=days)
        post.to_merchant(composed, key=f"withdrawal-due:{found.id}:{times[-1]}")


def desk_path(withdrawal: Withdrawal) -> str:
    """Return the desk's page of a withdrawal."""
    return f"/admin/withdrawals/{withdrawal.id}"


def _facts(session: Session, withdrawal: Withdrawal, subscription: Subscription, *, path: str) -> WithdrawalFacts:
    received = session.get(ReceivedRequest, withdrawal.received_request_id) if withdrawal.received_request_id else None
    return WithdrawalFacts(
        reference=withdrawal.reference,
        product=subscription.product.name,
        customer_name=subscription.customer.name,
        customer_email=subscription.customer.email,
        is_schedule=subscription.is_schedule,
        declared_at=withdrawal.declared_at,
        has_hour=was_timed(withdrawal.actor, received.way if received is not None else None),
        verdict=withdrawal.verdict,
        is_over=subscription.stopped_at_provider_at is not None,
        due=withdrawal.sum_due,
        are_payments_unknown=withdrawal.sum_due is None and payments.are_unknown(session, subscription),
        owed=withdrawal.sum_owed,
        refund_by=withdrawal.refund_due_at,
        path=path,
    )
