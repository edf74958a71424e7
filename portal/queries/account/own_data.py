"""Every SELECT of what a customer's own archive holds, a part a statement (law.md R-GD-1).

Without secrets and tokens; who of the team did something is named « staff » alone.  What the team notes of the
customer is theirs to have; a remark to an end or a gift that the team wrote for itself is not in here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Select, case, func, literal, select
from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import Channel
from portal.domain.policies import Actor
from portal.models import (
    AccountMember,
    AddressChange,
    AddressHold,
    Comeback,
    ContractConsent,
    Customer,
    CustomerErasure,
    CustomerNote,
    EndRequest,
    Grant,
    LoginSession,
    Mail,
    MailState,
    OfferAnswered,
    PauseRequest,
    Payment,
    Plan,
    Product,
    Proof,
    PublicDeclaration,
    ReceivedRequest,
    Refund,
    RenewalReminder,
    Settlement,
    Subscription,
    TaskLink,
    Withdrawal,
)

Statement = Callable[[uuid.UUID], Select[*tuple[Any, ...]]]


def _of_subscriptions(statement: Select[*tuple[Any, ...]], of: Any, customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    return statement.join(Subscription, Subscription.id == of.subscription_id).where(
        Subscription.customer_id == customer_id
    )


def _record(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    return select(
        *(Customer.id, Customer.created_at, Customer.name, Customer.email, Customer.paypal_email),
        *(Customer.payer_id, Customer.external_id, Customer.locale, Customer.time_zone),
        *(Customer.contact_allowed, Customer.reminders_allowed, Customer.own_answers),
        Customer.seen_at.label("last_log_in_at"),
    ).where(Customer.id == customer_id)


def _subscriptions(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    return (
        select(
            *(Subscription.id, Product.name.label("product"), Plan.name.label("plan"), Subscription.provider),
            *(Subscription.provider_id, Subscription.payer_id, Subscription.environment, Subscription.status),
            *(Subscription.provider_status, Subscription.created_at, Subscription.started_at),
            *(Subscription.amount, Subscription.currency, Subscription.interval_unit, Subscription.interval_count),
            *(Subscription.last_payment_at, Subscription.next_payment_at, Subscription.committed_until),
            *(Subscription.paid_until, Subscription.access_until, Subscription.end_requested_at),
            *(Subscription.stopped_at_provider_at, Subscription.ended_at),
            *(Subscription.reference, Subscription.extra),
        )
        .join(Product, Product.id == Subscription.product_id)
        .outerjoin(Plan, Plan.id == Subscription.plan_id)
        .where(Subscription.customer_id == customer_id)
        .order_by(Subscription.created_at, Subscription.id)
    )


def _payments(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    columns = (
        *(Payment.id, Payment.subscription_id, Payment.provider_id, Payment.state, Payment.amount),
        *(Payment.currency, Payment.refunded, Payment.paid_at),
    )
    return _of_subscriptions(select(*columns), Payment, customer_id).order_by(Payment.paid_at, Payment.id)


def _refunds(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    columns = (
        *(Refund.id, Refund.payment_id, Refund.subscription_id, Refund.amount, Refund.currency, Refund.state),
        *(Refund.provider_id, Refund.created_at, Refund.settled_at),
    )
    return _of_subscriptions(select(*columns), Refund, customer_id).order_by(Refund.created_at, Refund.id)


def _requests(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    own_words = case((EndRequest.actor == Actor.CUSTOMER, EndRequest.reason_text), else_="")
    columns = (
        *(EndRequest.reference, EndRequest.subscription_id, EndRequest.created_at, EndRequest.actor),
        *(EndRequest.channel, EndRequest.state, EndRequest.outcome, EndRequest.reason_code),
        *(own_words.label("comment"), EndRequest.wished_on, EndRequest.due_at, EndRequest.sent_at),
        *(EndRequest.confirmed_at, EndRequest.withdrawn_at, EndRequest.closed_at, EndRequest.shown),
    )
    statement = _of_subscriptions(select(*columns), EndRequest, customer_id)
    return statement.order_by(EndRequest.created_at, EndRequest.id)


def _notices(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    columns = (
        *(ReceivedRequest.reference, ReceivedRequest.subscription_id, ReceivedRequest.received_at),
        *(ReceivedRequest.way, ReceivedRequest.name, ReceivedRequest.email, ReceivedRequest.contract),
        *(ReceivedRequest.wished_on, ReceivedRequest.message, ReceivedRequest.state, ReceivedRequest.settled_at),
        *(PublicDeclaration.labels, PublicDeclaration.text_version, PublicDeclaration.particulars),
    )
    # Named by itself, or found by whoever ended it.
    about = func.coalesce(ReceivedRequest.subscription_id, EndRequest.subscription_id)
    statement = (
        select(*columns)
        .outerjoin(PublicDeclaration, PublicDeclaration.received_request_id == ReceivedRequest.id)
        .outerjoin(EndRequest, EndRequest.id == ReceivedRequest.end_request_id)
        .join(Subscription, Subscription.id == about)
        .where(Subscription.customer_id == customer_id)
    )
    return statement.order_by(ReceivedRequest.received_at, ReceivedRequest.id)


def _proofs(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    return (
        select(EndRequest.reference, Proof.code, Proof.made_at, Proof.facts)
        .join(EndRequest, EndRequest.id == Proof.end_request_id)
        .join(Subscription, Subscription.id == EndRequest.subscription_id)
        .where(Subscription.customer_id == customer_id)
        .order_by(Proof.made_at, Proof.id)
    )


def _pauses(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    columns = (
        *(PauseRequest.subscription_id, PauseRequest.kind, PauseRequest.state, PauseRequest.actor),
        *(PauseRequest.created_at, PauseRequest.due_at, PauseRequest.resume_at, PauseRequest.done_at),
    )
    statement = _of_subscriptions(select(*columns), PauseRequest, customer_id)
    return statement.order_by(PauseRequest.created_at, PauseRequest.id)


def _offers(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    """What they answered to the offer that stood beside the button that cancels."""
    return (
        select(OfferAnswered.subscription_id, OfferAnswered.offer, OfferAnswered.answer, OfferAnswered.created_at)
        .where(OfferAnswered.customer_id == customer_id)
        .order_by(OfferAnswered.created_at, OfferAnswered.id)
    )


def _comebacks(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    return (
        select(
            *(Comeback.subscription_id, Comeback.plan_id, Comeback.state, Comeback.created_at),
            *(Comeback.amount, Comeback.currency, Comeback.approved_at, Comeback.closed_at, Comeback.provider_id),
        )
        .where(Comeback.customer_id == customer_id)
        .order_by(Comeback.created_at, Comeback.id)
    )


def _grants(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    return (
        select(Product.name.label("product"), Grant.created_at, Grant.since, Grant.until, Grant.withdrawn_at)
        .join(Product, Product.id == Grant.product_id)
        .where(Grant.customer_id == customer_id)
        .order_by(Grant.since, Grant.id)
    )


def _mails(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    """What was sent to them; the subject of a log-in code holds none."""
    return (
        select(Mail.kind, Mail.recipient, Mail.language, Mail.subject, Mail.state, Mail.created_at, Mail.sent_at)
        .where(Mail.customer_id == customer_id, Mail.state != MailState.SUPERSEDED)
        .order_by(Mail.created_at, Mail.id)
    )


def _sessions(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    return (
        select(
            *(LoginSession.created_at, LoginSession.last_seen_at, LoginSession.expires_at, LoginSession.revoked_at),
            *(LoginSession.browser, LoginSession.network),
        )
        .where(
            LoginSession.customer_id == customer_id,
            LoginSession.viewer_id.is_(None),
            LoginSession.account_member_id.is_(None),  # whoever they let in is another person
        )
        .order_by(LoginSession.created_at, LoginSession.id)
    )


def _members(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    """Whom they have let into their account."""
    return (
        select(
            *(AccountMember.email, AccountMember.name, AccountMember.role, AccountMember.created_at),
            *(AccountMember.invited_at, AccountMember.accepted_at, AccountMember.removed_at),
        )
        .where(AccountMember.customer_id == customer_id)
        .order_by(AccountMember.created_at, AccountMember.id)
    )


def _addresses(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    by = case((AddressChange.by_customer, literal(Actor.CUSTOMER.value)), else_=literal(Actor.STAFF.value))
    return (
        select(AddressChange.email, by.label("asked_by"), AddressChange.created_at, AddressChange.outcome)
        .add_columns(AddressChange.closed_at)
        .where(AddressChange.customer_id == customer_id)
        .order_by(AddressChange.created_at, AddressChange.id)
    )


def _holds(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    return (
        select(
            *(AddressHold.former_email, AddressHold.email, AddressHold.created_at, AddressHold.expires_at),
            *(AddressHold.held_at, AddressHold.outcome, AddressHold.decided_at),
        )
        .where(AddressHold.customer_id == customer_id)
        .order_by(AddressHold.created_at, AddressHold.id)
    )


def _links(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    by = case(
        (TaskLink.vouched_by != "", literal(Channel.API.value)),
        (TaskLink.made_by == "", literal(Actor.SYSTEM.value)),
        else_=literal(Actor.STAFF.value),
    )
    return (
        select(
            *(TaskLink.kind, by.label("made_by"), TaskLink.subscription_id, TaskLink.created_at),
            *(TaskLink.expires_at, TaskLink.used_at, TaskLink.done_at, TaskLink.withdrawn_at),
        )
        .where(TaskLink.customer_id == customer_id)
        .order_by(TaskLink.created_at, TaskLink.id)
    )


def _settlements(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    columns = (
        *(Settlement.subscription_id, Settlement.created_at, Settlement.amount, Settlement.currency),
        *(Settlement.state, Settlement.provider_id, Settlement.closed_at, Settlement.failed_for),
    )
    statement = _of_subscriptions(select(*columns), Settlement, customer_id)
    return statement.order_by(Settlement.created_at, Settlement.id)


def _renewals(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    columns = (
        *(RenewalReminder.subscription_id, RenewalReminder.renews_on, RenewalReminder.deadline_on),
        *(RenewalReminder.state, RenewalReminder.address, RenewalReminder.sent_at, RenewalReminder.letter_on),
    )
    statement = _of_subscriptions(select(*columns), RenewalReminder, customer_id)
    return statement.order_by(RenewalReminder.created_at, RenewalReminder.id)


def _withdrawals(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    columns = (
        *(Withdrawal.reference, Withdrawal.subscription_id, Withdrawal.declared_at, Withdrawal.verdict),
        *(Withdrawal.owed, Withdrawal.due, Withdrawal.currency, Withdrawal.refund, Withdrawal.refund_due_at),
        Withdrawal.closed_at,
    )
    statement = _of_subscriptions(select(*columns), Withdrawal, customer_id)
    return statement.order_by(Withdrawal.declared_at, Withdrawal.id)


def _consents(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    columns = (
        *(ContractConsent.subscription_id, ContractConsent.kind, ContractConsent.is_given, ContractConsent.at),
        *(ContractConsent.way, ContractConsent.version),
    )
    statement = _of_subscriptions(select(*columns), ContractConsent, customer_id)
    return statement.order_by(ContractConsent.created_at, ContractConsent.id)


def _notes(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    return (
        select(CustomerNote.created_at, CustomerNote.text)
        .where(CustomerNote.customer_id == customer_id)
        .order_by(CustomerNote.created_at, CustomerNote.id)
    )


def _erasures(customer_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    return (
        select(
            *(CustomerErasure.reference, CustomerErasure.created_at, CustomerErasure.state),
            *(CustomerErasure.due_at, CustomerErasure.withdrawn_at),
        )
        .where(CustomerErasure.customer_id == customer_id)
        .order_by(CustomerErasure.created_at, CustomerErasure.id)
    )


PARTS: Final[Mapping[str, Statement]] = {
    "record": _record,
    "subscriptions": _subscriptions,
    "payments": _payments,
    "refunds": _refunds,
    "settlements": _settlements,
    "renewal_reminders": _renewals,
    "requests_to_end": _requests,
    "cancellation_notices": _notices,
    "withdrawals": _withdrawals,
    "contract_consents": _consents,
    "proofs": _proofs,
    "pauses": _pauses,
    "offers_answered": _offers,
    "comebacks": _comebacks,
    "access_given": _grants,
    "emails": _mails,
    "sessions": _sessions,
    "account_members": _members,
    "address_changes": _addresses,
    "address_contests": _holds,
    "task_links": _links,
    "notes": _notes,
    "erasure_requests": _erasures,
}


def rows(session: Session, part: str, customer_id: uuid.UUID) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the names of a part's columns, and the customer's rows of it."""
    found = session.execute(PARTS[part](customer_id))
    names = list(found.keys())
    return names, [dict(row) for row in found.mappings()]
