"""A customer who asks to be erased, and what the database says of them afterwards."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from portal.domain.people.customer_erasures import REFLECTION
from portal.models import Base, Customer, CustomerErasure, EndRequest, Mail, MailState
from portal.services.notices import leaving
from portal.services.own_data import customer_erasures
from tests.services.carrying.carried import carry

LATER = REFLECTION + timedelta(minutes=1)


def wish(ctx, customer, now):
    return customer_erasures.ask(ctx, customer.merchant_id, customer.id, now=now)


def again(ctx, erasure, now):
    return customer_erasures.carry_on(ctx, erasure.id, now=now)


def erasure_of(ctx, customer):
    with ctx.db.read() as session:
        return session.scalars(select(CustomerErasure).where(CustomerErasure.customer_id == customer.id)).one()


def carry_ends(ctx):
    """Let PayPal be told of every end that is asked for."""
    with ctx.db.read() as session:
        found = session.scalars(select(EndRequest)).all()
    for one in found:
        carry(ctx, one)


def let_leave(ctx, at):
    """Let every message leave that may at that moment."""
    with ctx.db.read() as session:
        waiting = session.scalars(select(Mail.id).where(Mail.state == MailState.WAITING)).all()
    for mail_id in waiting:
        leaving.send(ctx, mail_id, now=at)


def row_of(ctx, customer):
    with ctx.db.read() as session:
        return session.get_one(Customer, customer.id)


def whole_database(ctx):
    """Every value of every table as one text, but for the bytes that are sealed, which say nothing."""
    said = []
    with ctx.db.read() as session:
        for table in Base.metadata.sorted_tables:
            for found in session.execute(select(table)):
                said.append(f"{table.name} {[str(value) for value in found if not isinstance(value, bytes)]}")
    return "\n".join(said)
