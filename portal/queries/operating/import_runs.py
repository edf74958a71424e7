"""Every SELECT of import runs, and of what an import matches its rows with."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import Customer, CustomerJoining, ImportRun, ImportState, Plan, Product
from portal.queries.aliases import joined


def get(session: Session, run_id: uuid.UUID) -> ImportRun:
    """Return a run; raise NoResultFound."""
    return session.scalars(select(ImportRun).where(ImportRun.id == run_id)).one()


def lock(session: Session, run_id: uuid.UUID) -> ImportRun:
    """Return a run, locked until the transaction ends; raise NoResultFound."""
    return session.scalars(
        select(ImportRun)
        .where(ImportRun.id == run_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def unfinished(session: Session, merchant_id: uuid.UUID) -> ImportRun | None:
    """Return the merchant's running or stopped run, locked, if there is one."""
    return session.scalars(
        select(ImportRun)
        .where(ImportRun.merchant_id == merchant_id, ImportRun.state != ImportState.DONE)
        .with_for_update(key_share=True)
    ).one_or_none()


def latest(session: Session, merchant_id: uuid.UUID) -> ImportRun | None:
    """Return the merchant's newest run, if there was any."""
    return session.scalars(
        select(ImportRun).where(ImportRun.merchant_id == merchant_id).order_by(ImportRun.created_at.desc()).limit(1)
    ).one_or_none()


def plans_by_provider_id(
    session: Session, merchant_id: uuid.UUID, environment: str, ids: Collection[str]
) -> dict[str, Plan]:
    """Return the merchant's plans among PayPal's ids, each with its product."""
    rows = session.scalars(
        joined(select(Plan), (Plan.product, Product.contents)).where(
            Plan.merchant_id == merchant_id, Plan.environment == environment, Plan.provider_id.in_(ids)
        )
    )
    return {plan.provider_id: plan for plan in rows}


def customer_by_payer(session: Session, merchant_id: uuid.UUID, payer_id: str) -> Customer | None:
    """Return the merchant's customer with PayPal's payer id."""
    return session.scalars(
        select(Customer).where(Customer.merchant_id == merchant_id, Customer.payer_id == payer_id)
    ).one_or_none()


def customer_joined_of(session: Session, merchant_id: uuid.UUID, payer_id: str) -> Customer | None:
    """Return the customer with whom the one of that payer id was joined: a record keeps one PayPal account alone."""
    return session.scalars(
        select(Customer)
        .join(CustomerJoining, CustomerJoining.customer_id == Customer.id)
        .where(CustomerJoining.merchant_id == merchant_id, CustomerJoining.former["payer_id"].astext == payer_id)
        .order_by(CustomerJoining.created_at.desc(), CustomerJoining.id)
        .limit(1)
    ).one_or_none()


def customer_by_email(session: Session, merchant_id: uuid.UUID, email: str) -> Customer | None:
    """Return the merchant's customer with that address (normal form); of several, the one whose it is."""
    return session.scalars(
        select(Customer).where(Customer.merchant_id == merchant_id, Customer.email == email, Customer.email_place == 0)
    ).one_or_none()
