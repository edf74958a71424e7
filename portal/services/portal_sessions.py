"""Portal sessions: the merchant's server makes one for somebody who is logged in there, and sends them to its address.

What the address leads to is `services/people/task_visits.py`, as for every link that opens one task.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import structlog
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain import policies
from portal.domain.audit import Act, By
from portal.domain.integrations.api_keys import KeyStanding
from portal.domain.integrations.portal_sessions import CannotMake, Flaw
from portal.domain.integrations.return_addresses import is_allowed
from portal.domain.integrations.task_links import TASKS, VOUCHED, After, TaskKind
from portal.domain.merchants import own_hosts
from portal.domain.merchants.sections import Section, is_shown
from portal.domain.people.customer_erasures import check_there
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action, transition
from portal.models import Customer, Merchant, Subscription, TaskLink
from portal.queries import subscriptions
from portal.queries.integrations import api_keys
from portal.queries.people import customers, merchants
from portal.services import task_links
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.rules import settings_of
from portal.services.task_links import Vouched

log = structlog.get_logger("portal.portal_sessions")

SECTIONS: Final[Mapping[TaskKind, Section]] = {
    TaskKind.ACCESS: Section.ACCESS,
    TaskKind.PAYMENTS: Section.PAYMENTS,
}


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What the customer is to do. `after`: where they are led once it is done; only an end is ever done."""

    type: TaskKind = TaskKind.NONE
    subscription_id: uuid.UUID | None = None
    after: After = After.STAY


def create(
    ctx: Context,
    merchant_id: uuid.UUID,
    customer_id: uuid.UUID,
    *,
    return_url: str,
    flow: Flow,
    locale: Literal["fr", "en"] | None = None,
    by: By,
    now: datetime,
) -> tuple[TaskLink, str]:
    """Make a session and return it with its address, which is known nowhere else: it holds the token.

    It is good for ten minutes, once.  `by`: the key that asks.  Raises CannotMake; NoResultFound for a customer
    or a subscription that is not theirs; IllegalTransition for the end of what is over already; NotAllowed where
    customers do not end it by themselves, and for who is erased.
    """
    with ctx.db.begin() as session:
        _check_key(session, merchant_id, by, now=now)
        merchant = merchants.of(session, merchant_id)
        (customer,) = customers.lock(session, merchant_id, customer_id)
        check_there(customer.erased_at)
        if not is_allowed(return_url, merchant.return_addresses):
            raise CannotMake(Flaw.RETURN_URL)
        subscription = _subscription(session, merchant, customer, flow, now=now)
        made = task_links.make(
            session,
            merchant,
            customer,
            flow.type,
            subscription=subscription,
            return_to=return_url,
            vouched=Vouched(by=by.name or str(by.channel), locale=locale, after=flow.after),
            lasts=VOUCHED,
            now=now,
        )
        _tell(session, customer, made.id, flow, return_url, by=by, now=now)
        log.info("portal_session.made", portal_session_id=str(made.id), kind=flow.type.value)
        return session.get_one(TaskLink, made.id), own_hosts.address(ctx.base_url, merchant.own_host, made.path)


def _check_key(session: Session, merchant_id: uuid.UUID, by: By, *, now: datetime) -> None:
    """Raise CannotMake where the key that asks has ended while the call was under way, revoked or replaced at once."""
    if by.actor_id is None:
        return
    key = api_keys.lock(session, merchant_id, by.actor_id)
    now = max(now, utc_now())  # the lock was waited for
    if key.standing(now) in (KeyStanding.REVOKED, KeyStanding.EXPIRED):
        raise CannotMake(Flaw.KEY_REVOKED)


def _subscription(
    session: Session, merchant: Merchant, customer: Customer, flow: Flow, *, now: datetime
) -> Subscription | None:
    """Return what the task is about, once it is clear that its page would be there."""
    section = SECTIONS.get(flow.type)
    if section is not None and not is_shown(section, merchant.hidden_sections):
        raise CannotMake(Flaw.SECTION_HIDDEN)
    if TASKS[flow.type].is_about_subscription is not (flow.subscription_id is not None):
        is_missing = flow.subscription_id is None
        raise CannotMake(Flaw.SUBSCRIPTION_MISSING if is_missing else Flaw.SUBSCRIPTION_UNWANTED)
    if flow.subscription_id is None:
        return None
    found = subscriptions.of_customer(session, merchant.id, customer.id, flow.subscription_id)
    if flow.type is TaskKind.CANCEL:
        transition(found.status, Action.CANCEL)
        policies.check(Actor.CUSTOMER, Action.CANCEL, settings_of(merchant, found, now=now))
    return found


def _tell(
    session: Session, customer: Customer, made: uuid.UUID, flow: Flow, return_url: str, *, by: By, now: datetime
) -> None:
    audit.append(
        session,
        customer.merchant_id,
        Act.PORTAL_SESSION_MADE,
        by=by,
        at=now,
        subject=("customer", customer.id),
        link=str(made),
        kind=flow.type.value,
        return_to=return_url,
        **({"subscription": str(flow.subscription_id)} if flow.subscription_id is not None else {}),
    )
