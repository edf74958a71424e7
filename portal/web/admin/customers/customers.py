"""Each customer's record (fiche client)."""

from __future__ import annotations

import uuid
from typing import Final

from flask import g, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from wtforms import SubmitField, TextAreaField
from wtforms.validators import DataRequired, Length

from portal.clock import utc_now
from portal.domain.ends.duties import Duty, may
from portal.domain.ends.received_requests import ReceivedState
from portal.queries import subscriptions
from portal.queries.desk import desk
from portal.queries.ends import end_requests, received_requests
from portal.queries.money import payments
from portal.queries.people import customer_records, customers
from portal.queries.people.people import Kind
from portal.services.notices import outbox
from portal.services.people import sessions
from portal.services.people.customer_notes import may_delete
from portal.web import identity
from portal.web.admin import bp, list_pages, presenting, showing
from portal.web.admin.customers import (
    customer_access,
    customer_banners,
    customer_erasures,
    customer_history,
    customer_subscriptions,
)
from portal.web.admin.ends import end_facts
from portal.web.csrf import BaseForm
from portal.web.identity import context, person
from portal.web.labels import MEMBER_ROLE, MEMBER_STATE
from portal.web.typed_text import plain

PAYMENTS: Final = 10  # of all that the customer holds; each subscription shows its own


@bp.post("/customers/<uuid:customer_id>/view", endpoint="customer_view")
def view(customer_id: uuid.UUID) -> ResponseReturnValue:
    """Show the customer's pages as they see them, for a quarter of an hour."""
    visitor = identity.visitor(Kind.CUSTOMER)
    token = sessions.view(context(), person(), customer_id, visitor=visitor, now=utc_now())
    there = url_for("customer.subscriptions", merchant_slug=g.merchant.slug)
    return identity.give_token(redirect(there, 303), Kind.CUSTOMER, token)


class NoteForm(BaseForm):
    """A note about a customer."""

    text = TextAreaField(
        _l("New note"),
        description=_l("Your team sees it. The customer gets it only with the file of their own data."),
        filters=[plain],
        validators=[
            DataRequired(_l("Write a note first.")),
            Length(max=2000, message=_l("Write at most 2000 characters.")),
        ],
    )
    submit = SubmitField(_l("Add the note"))


@bp.get("/customers/<uuid:customer_id>", endpoint="customer")
def show(customer_id: uuid.UUID) -> ResponseReturnValue:
    """Show one: what matters now, who it is, subscriptions, access, requests, notes, what was sent, what happened."""
    return page(customer_id, NoteForm())


def page(customer_id: uuid.UUID, form: NoteForm) -> str:
    """Return the record, with a note that is being written. Raises NoResultFound for another merchant's customer."""
    who, now = person(), utc_now()
    merchant_id = who.merchant_id
    with context().db.browse() as session:
        record = customer_records.of_merchant(session, merchant_id, customer_id)
        found = record.customer
        sharing = customers.of_address(session, merchant_id, found.email)
        held = subscriptions.all_of_customer(session, merchant_id, customer_id)
        requests = desk.requests_of_customer(session, merchant_id, customer_id)
        plans = presenting.plans(end_requests.waiting_of(session, [row.id for row in held]), now=now)
        told = received_requests.notified(session, [one.id for one in held])
        waits = {key for key, one in told.items() if one.state is ReceivedState.OPEN}
        mails = desk.mails_of_customer(session, merchant_id, customer_id)
        letters = received_requests.unmatched_from(session, merchant_id, found.email)
        offered = None if found.paypal_email_declined else found.paypal_email
        return showing.page(
            "customer.html",
            session,
            customer=found,
            back_url=list_pages.way_back("admin.customers", found.id),
            customer_name=presenting.name_of(found),
            banners=customer_banners.banners(
                record, held, requests, plans, mails, may_act=may(who.role, Duty.CUSTOMERS), now=now
            ),
            erasure=customer_erasures.told(session, found, now=now),
            most_banners=customer_banners.MOST,
            change=record.change,
            joinings=record.joinings,
            members=[(one, one.state(now)) for one in record.members],
            MEMBER_ROLE=MEMBER_ROLE,
            MEMBER_STATE=MEMBER_STATE,
            now=now,
            others=[one for one in sharing if one.id != found.id],
            offered=offered,
            holders=customers.of_address(session, merchant_id, offered),
            living=customer_subscriptions.living(held, requests, waits, now=now),
            over=[one for one in held if one.is_over],
            paid=customer_subscriptions.paid(payments.of_customer(session, merchant_id, customer_id, PAYMENTS), held),
            plans=plans,
            access=customer_access.open_lines(held, requests, record.gifts, now=now),
            past_gifts=customer_access.past_gifts(record.gifts, now=now),
            requests=requests,
            replaced=end_facts.replaced(requests),
            letters=[(one, presenting.asked_on(one.received_at, one.way)) for one in letters],
            form=form,
            notes=[(note, may_delete(note.author_id, by_id=who.id, role=who.role)) for note in record.notes],
            mails=mails,
            hears_of_returns=bool(context().bounce_address),
            lasting=outbox.LASTING,
            timeline=customer_history.of_customer(session, merchant_id, customer_id),
        )
