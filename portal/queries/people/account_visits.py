"""Who is visiting a customer's account: a person, their session and their merchant, in one statement (page budget)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, false, func, or_, select

from portal.domain.ends.duties import Duty, may
from portal.domain.integrations.site_logins import Proof
from portal.domain.integrations.task_links import TaskKind
from portal.domain.law.plan_kinds import PlanKind
from portal.domain.people.profiles import Answer
from portal.domain.policies import Role
from portal.models import AccountMember, Customer, LoginSession, Membership, Merchant, Plan, Subscription, TaskLink
from portal.queries.aliases import kept_alias
from portal.queries.people.people import (
    ALIVE,
    MERCHANT,
    SESSION,
    Kind,
    OwnMembership,
    OwnTask,
    Visit,
    merchant_of,
    person_of,
)

_TASK: Final = (
    LoginSession.task_link_id,
    TaskLink.kind.label("task_kind"),
    TaskLink.subscription_id.label("task_subscription_id"),
    TaskLink.return_to,
    TaskLink.vouched_by,
    TaskLink.after,
    TaskLink.locale.label("task_locale"),
    TaskLink.proven_at,
    TaskLink.done_at,
)

# Whoever looks at a customer's pages from the desk may do so as long as they may work on customers there.
_MAY_VIEW: Final = (
    select(Membership.id)
    .where(
        Membership.staff_id == LoginSession.viewer_id,
        Membership.merchant_id == LoginSession.merchant_id,
        Membership.disabled_at.is_(None),
        Membership.role.in_([role for role in Role if may(role, Duty.CUSTOMERS)]),
    )
    .correlate(LoginSession)
    .exists()
)

# Somebody whom the customer has let in is nobody here from the moment that they are removed.
_MEMBER: Final = (
    AccountMember.id.label("member_id"),
    AccountMember.role.label("member_role"),
    AccountMember.name.label("member_name"),
    AccountMember.email.label("member_email"),
    AccountMember.locale.label("member_locale"),
)
_IS_MEMBER: Final = and_(
    AccountMember.id == LoginSession.account_member_id,
    AccountMember.customer_id == LoginSession.customer_id,
    AccountMember.accepted_at.is_not(None),
    AccountMember.removed_at.is_(None),
)
_OWN_RECORD, _OTHER_MEMBER = kept_alias(Customer), kept_alias(AccountMember)
_PROVEN: Final = func.coalesce(AccountMember.email, Customer.email)
_SPACES: Final = (
    select(func.count())
    .where(_OWN_RECORD.merchant_id == Merchant.id, _OWN_RECORD.email == _PROVEN)
    .correlate(Merchant, Customer, AccountMember)
    .scalar_subquery()
    + select(func.count())
    .where(
        _OTHER_MEMBER.merchant_id == Merchant.id,
        _OTHER_MEMBER.email == _PROVEN,
        _OTHER_MEMBER.accepted_at.is_not(None),
        _OTHER_MEMBER.removed_at.is_(None),
    )
    .correlate(Merchant, Customer, AccountMember)
    .scalar_subquery()
)
# Of all that they hold, what PlanKind.INSTALMENTS says of one (HasSubscriptionFacts.is_schedule); NULL: none.
_IN_INSTALMENTS: Final = (
    select(func.bool_and(func.coalesce(Plan.kind == PlanKind.INSTALMENTS, false())))
    .select_from(Subscription)
    .outerjoin(Plan, Plan.id == Subscription.plan_id)
    .where(Subscription.customer_id == Customer.id)
    .correlate(Customer)
    .scalar_subquery()
)

_AT_ACCOUNT: Final = (
    select(
        *MERCHANT,
        *SESSION,
        Customer.id.label("person_id"),
        Customer.name.label("person_name"),
        Customer.email,
        Customer.locale.label("person_locale"),
        Customer.time_zone.label("person_zone"),
        Customer.own_answers,
        LoginSession.viewer_id,
        LoginSession.site_proof,
        *_TASK,
        *_MEMBER,
        _SPACES.label("spaces"),
        _IN_INSTALMENTS.label("in_instalments"),
    )
    .select_from(Merchant)
    .outerjoin(
        LoginSession,
        and_(
            LoginSession.merchant_id == Merchant.id,
            LoginSession.customer_id.is_not(None),
            ALIVE,
            or_(LoginSession.viewer_id.is_(None), _MAY_VIEW),
        ),
    )
    .outerjoin(AccountMember, _IS_MEMBER)
    .outerjoin(
        Customer,
        and_(
            Customer.id == LoginSession.customer_id,
            Customer.erased_at.is_(None),
            or_(LoginSession.account_member_id.is_(None), AccountMember.id.is_not(None)),
        ),
    )
    .outerjoin(TaskLink, TaskLink.id == LoginSession.task_link_id)
    .where(Merchant.slug == bindparam("slug"), Merchant.closed_at.is_(None))
)


def _task(row: Any) -> OwnTask | None:
    if row.task_link_id is None:
        return None
    return OwnTask(
        link_id=row.task_link_id,
        kind=row.task_kind,
        subscription_id=row.task_subscription_id,
        return_to=row.return_to,
        is_proven=row.proven_at is not None or bool(row.vouched_by),
        is_done=row.done_at is not None,
        vouched_by=row.vouched_by,
        locale=row.task_locale,
        after=row.after,
    )


def _membership(row: Any) -> OwnMembership | None:
    if row.member_id is None:
        return None
    return OwnMembership(id=row.member_id, role=row.member_role, name=row.member_name, email=row.member_email)


def at_account(connection: Connection, slug: str, token_hash: str, *, now: datetime, seen_after: datetime) -> Visit:
    """Return the merchant of an account page and its customer, if logged in.

    Raises NoResultFound for no merchant, and for one that has gone.
    """
    parameters = {"slug": slug, "token_hash": token_hash, "now": now, "seen_after": seen_after}
    row = connection.execute(_AT_ACCOUNT, parameters).one()
    if row.person_id is None:
        return Visit(merchant=merchant_of(row), person=None)
    came_by = _task(row)
    person = person_of(
        row,
        Kind.CUSTOMER,
        viewer_id=row.viewer_id,
        time_zone=row.person_zone,
        own_locale=row.person_locale if Answer.LOCALE in row.own_answers else None,
        task=came_by if came_by is not None and came_by.kind is not TaskKind.NONE else None,
        vouched=came_by if came_by is not None and came_by.vouched_by else None,
        member=_membership(row),
        spaces=1 if row.site_proof is Proof.EXTERNAL_ID else row.spaces,  # an id proves no address
        in_instalments=bool(row.in_instalments),
        site_proof=row.site_proof,
    )
    if person.member is not None:  # the customer's choice of a language is not theirs
        person = replace(person, locale=row.member_locale, own_locale=None)
    return Visit(merchant=merchant_of(row), person=person)
