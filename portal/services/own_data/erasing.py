"""What is erased of a customer, and what is left of the rows that the law keeps (law.md R-GD-2, R-GD-3).

Kept: subscriptions and payments without a name; what was asked, answered and proven, with what the proof itself says.
Gone: whatever says who it was or what was said beside that.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Delete, Text, Update, delete, func, literal, or_, update
from sqlalchemy.orm import Session

from portal.domain.ends.received_requests import ReceivedState, Way
from portal.domain.law import retention
from portal.domain.law.retention import Kind
from portal.domain.policies import Actor
from portal.mail.own_data import FAREWELL
from portal.models import (
    AccountMember,
    AddressChange,
    AddressHold,
    BulkAct,
    Comeback,
    Customer,
    CustomerJoining,
    CustomerNote,
    DataExport,
    EndRequest,
    ErasedPayer,
    EventState,
    Grant,
    LatePayment,
    LoginChallenge,
    LoginSession,
    Mail,
    MailState,
    Merchant,
    OfferAnswered,
    PauseRequest,
    PayPalEvent,
    PublicDeclaration,
    ReceivedRequest,
    RenewalReminder,
    Subscription,
    TaskLink,
    TimelineEntry,
    Withdrawal,
)
from portal.queries.merchants import customer_erasures as stored
from portal.queries.messages.paypal_events import names_payment_of, state_without_text
from portal.services.people.customer_addresses import close_ranks

# In the place of a reason that staff wrote about somebody, where a row may not be without one.
UNSAID: Final = "–"
UNDELIVERED: Final = (MailState.REFUSED, MailState.RETURNED)
NOBODY: Final[Mapping[str, Any]] = {
    "name": "",
    "email": None,
    "email_place": 0,
    "paypal_email": None,
    "paypal_email_at": None,
    "paypal_email_declined": False,
    "payer_id": None,
    "external_id": None,
    "locale": None,
    "time_zone": None,
    "reminders_allowed": False,
    "own_answers": [],
    "contact_allowed": False,
    "seen_at": None,
}


def kept_until(session: Session, merchant: Merchant, customer_id: uuid.UUID) -> datetime | None:
    """Return until when the last of what the law keeps of a customer is kept; None where nothing is."""
    found = stored.kept(session, customer_id)
    ends = [
        retention.until(Kind.PROOFS, merchant.retention, at) for at in (found.proven_at, found.noticed_at) if at
    ] + [retention.until(Kind.PAYMENTS, merchant.retention, at) for at in (found.paid_at,) if at]
    return max(ends, default=None)


def erase(session: Session, customer: Customer, *, now: datetime) -> dict[str, int]:
    """Erase a customer whose locks are held, and for whom nothing waits; return how many rows of what have changed."""
    session.flush()
    email, sought = customer.email, (customer.email, customer.name, customer.external_id)
    _remember_payers(session, customer, now=now)
    statements: dict[str, Delete | Update] = {
        **_messages(customer, now=now),
        **_gone(customer, email),
        **_wiped(customer),
    }
    counts = {what: _count(session, statement) for what, statement in statements.items()}
    counts["searches"] = sum(_count(session, _searched(customer, said)) for said in sought if said)
    for column, value in NOBODY.items():
        setattr(customer, column, value)
    customer.erased_at = now
    session.flush()
    close_ranks(session, customer.merchant_id, email)  # who shares the address logs in with it
    return {what: number for what, number in counts.items() if number}


def _remember_payers(session: Session, customer: Customer, *, now: datetime) -> None:
    for payer in stored.payers_of(session, customer):
        session.merge(
            ErasedPayer(
                payer_hash=stored.payer_hash(customer.merchant_id, payer),
                merchant_id=customer.merchant_id,
                customer_id=customer.id,
                erased_at=now,
            )
        )


def _gone(customer: Customer, email: str | None) -> dict[str, Delete | Update]:
    """What goes whole: who was logged in where, what waited for them, what was noted, given and made for them."""
    rows = {
        "sessions": LoginSession,
        "account_members": AccountMember,
        "address_changes": AddressChange,
        "address_holds": AddressHold,
        "task_links": TaskLink,
        "customer_notes": CustomerNote,
        "customer_joinings": CustomerJoining,
        "grants": Grant,
        "offer_answers": OfferAnswered,
        "data_exports": DataExport,
    }
    found: dict[str, Delete | Update] = {
        what: delete(row).where(row.customer_id == customer.id)  # type: ignore[attr-defined]
        for what, row in rows.items()
    }
    codes = (
        LoginChallenge.merchant_id == customer.merchant_id,
        or_(LoginChallenge.customer_id == customer.id, LoginChallenge.email == (email or "")),
    )
    return {**found, "login_challenges": delete(LoginChallenge).where(*codes)}


def _wiped(customer: Customer) -> dict[str, Delete | Update]:
    """What stays without what it said of the person."""
    theirs = stored.subscriptions_of(customer.id)
    by_customer = TimelineEntry.actor == Actor.CUSTOMER
    return {
        "subscriptions": update(Subscription)
        .where(Subscription.customer_id == customer.id)
        .values(payer_id=None, relaunch_allowed=False),
        "end_requests": update(EndRequest).where(EndRequest.subscription_id.in_(theirs)).values(reason_text=""),
        "names_of_requests": update(EndRequest)
        .where(EndRequest.subscription_id.in_(theirs), EndRequest.actor == Actor.CUSTOMER)
        .values(actor_name=""),
        "own_words_of_subscriptions": update(Subscription)
        .where(
            Subscription.customer_id == customer.id, or_(Subscription.reference.is_not(None), Subscription.extra != {})
        )
        .values(reference=None, extra={}),
        "names_of_withdrawals": update(Withdrawal)
        .where(Withdrawal.subscription_id.in_(theirs), Withdrawal.actor == Actor.CUSTOMER)
        .values(actor_name=""),
        "withdrawals": update(Withdrawal).where(Withdrawal.subscription_id.in_(theirs)).values(closed_note=""),
        "pause_requests": update(PauseRequest)
        .where(PauseRequest.subscription_id.in_(theirs), PauseRequest.actor == Actor.CUSTOMER)
        .values(actor_name=""),
        "timeline_entries": update(TimelineEntry)
        .where(TimelineEntry.subscription_id.in_(theirs), or_(by_customer, TimelineEntry.details.has_key("note")))
        .values(details=TimelineEntry.details.op("-")(literal("note", Text))),
        "names_of_timeline": update(TimelineEntry)
        .where(TimelineEntry.subscription_id.in_(theirs), by_customer)
        .values(actor_name=""),
        # Before the address is gone by which they are found.
        "public_declarations": update(PublicDeclaration)
        .where(
            PublicDeclaration.merchant_id == customer.merchant_id,
            PublicDeclaration.received_request_id.in_(stored.closed_words_of(customer)),
        )
        .values(particulars={}, link_hash=None),
        # What somebody wrote who could not log in proves no end, unless one answers it.
        "words_left": update(ReceivedRequest)
        .where(
            ReceivedRequest.merchant_id == customer.merchant_id,
            ReceivedRequest.way.in_((Way.NO_LOGIN, Way.PUBLIC_FORM)),
            ReceivedRequest.state == ReceivedState.DISMISSED,
            ReceivedRequest.email == (customer.email or ""),
        )
        .values(name="", message="", contract="", email=None, dismissal=UNSAID),
        "reasons_of_late_payments": update(LatePayment)
        .where(LatePayment.subscription_id.in_(theirs), LatePayment.reason != "")
        .values(reason=UNSAID),
        "received_requests": update(ReceivedRequest)
        .where(
            ReceivedRequest.merchant_id == customer.merchant_id,
            ReceivedRequest.email.is_not(None),
            or_(ReceivedRequest.subscription_id.in_(theirs), ReceivedRequest.email == (customer.email or "")),
        )
        .values(email=None),
        "renewal_reminders": update(RenewalReminder)
        .where(RenewalReminder.subscription_id.in_(theirs), RenewalReminder.address != "")
        .values(address=""),
        "comebacks": update(Comeback).where(Comeback.customer_id == customer.id).values(approval_url=None),
        "paypal_events": update(PayPalEvent)
        .where(
            PayPalEvent.merchant_id == customer.merchant_id,
            or_(PayPalEvent.subject.in_(stored.provider_ids_of(customer.id)), names_payment_of(customer.id)),
            PayPalEvent.state != EventState.WAITING,
            PayPalEvent.body.is_not(None),
        )
        .values(body=None, state=state_without_text()),
    }


def _messages(customer: Customer, *, now: datetime) -> dict[str, Delete | Update]:
    """What was written to them, and to the merchant about them: that it left stays, and what it said goes."""
    about = Mail.merchant_id == customer.merchant_id, Mail.kind != FAREWELL
    to_them = Mail.customer_id == customer.id
    of_requests = Mail.end_request_id.in_(stored.requests_of(customer.id))
    wiped = {"content": None, "subject": "", "report_words": "", "error": ""}
    return {
        "waiting_mails": update(Mail)
        .where(*about, or_(to_them, of_requests), Mail.state == MailState.WAITING)
        .values(state=MailState.SUPERSEDED),
        # What did not arrive is nobody's to send again.
        "undelivered_mails": update(Mail)
        .where(*about, or_(to_them, of_requests), Mail.state.in_(UNDELIVERED), Mail.seen_at.is_(None))
        .values(seen_at=now),
        "mails_to_them": update(Mail).where(*about, to_them).values(recipient="", **wiped),
        "mails_about_them": update(Mail)
        .where(*about, Mail.state != MailState.WAITING, stored.is_about(customer.id))
        .values(recipient=_without_customers(customer), **wiped),
    }


def _without_customers(customer: Customer) -> Any:
    """The merchant's own address stays; one that is the customer's goes, also of messages before their record."""
    return func.coalesce(func.nullif(Mail.recipient, customer.email or ""), "")


def _searched(customer: Customer, said: str) -> Update:
    """Take out of the desk's bulk acts what somebody searched for, where it names the customer."""
    words = BulkAct.filters["q"].astext
    return (
        update(BulkAct)
        .where(BulkAct.merchant_id == customer.merchant_id, func.lower(words) == said.lower())
        .values(filters=BulkAct.filters.op("-")(literal("q", Text)))
    )


def _count(session: Session, statement: Delete | Update) -> int:
    quietly = statement.execution_options(synchronize_session=False)
    return session.connection().execute(quietly).rowcount
