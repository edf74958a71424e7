"""The merchant's customers: a list to search, and each one's record (fiche client)."""

from __future__ import annotations

import uuid

from flask import g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from portal.clock import utc_now
from portal.queries import desk, end_requests, subscriptions
from portal.queries.people import customers
from portal.queries.people.people import Kind
from portal.services.people import sessions
from portal.web import identity
from portal.web.admin import bp, presenting, showing
from portal.web.admin.forms import CustomerFilter
from portal.web.admin.lists import is_searchable, place, search_words, turn
from portal.web.admin.narrowing import may_be_too_broad
from portal.web.identity import context, person


@bp.get("/customers", endpoint="customers")
@may_be_too_broad(CustomerFilter)
def index() -> ResponseReturnValue:
    """List them by name."""
    search = search_words()
    with context().db.browse() as session:
        found = desk.customers_page(session, person().merchant_id, search=search, place=place())
        return showing.page(
            "customers.html",
            session,
            filters=CustomerFilter(request.args),
            rows=found.rows,
            is_filtered=bool(search),
            is_searchable=is_searchable(search),
            is_cut=found.is_cut,
            next_url=turn(after=found.next_id),
            previous_url=turn(before=found.previous_id),
        )


@bp.post("/customers/<uuid:customer_id>/view", endpoint="customer_view")
def view(customer_id: uuid.UUID) -> ResponseReturnValue:
    """Show the customer's pages as they see them, for a quarter of an hour."""
    visitor = identity.visitor(Kind.CUSTOMER)
    token = sessions.view(context(), person(), customer_id, visitor=visitor, now=utc_now())
    there = url_for("customer.subscriptions", merchant_slug=g.merchant.slug)
    return identity.give_token(redirect(there, 303), Kind.CUSTOMER, token)


@bp.get("/customers/<uuid:customer_id>", endpoint="customer")
def show(customer_id: uuid.UUID) -> ResponseReturnValue:
    """Show one: who it is, subscriptions, requests, what was sent, what happened."""
    merchant_id = person().merchant_id
    with context().db.browse() as session:
        found = customers.of_merchant(session, merchant_id, customer_id)
        entries = desk.timeline_of_customer(session, merchant_id, customer_id)
        sharing = customers.of_address(session, merchant_id, found.email)
        held = subscriptions.all_of_customer(session, merchant_id, customer_id)
        offered = None if found.paypal_email_declined else found.paypal_email
        return showing.page(
            "customer.html",
            session,
            customer=found,
            customer_name=presenting.customer_name(found.name, found.email),
            others=[one for one in sharing if one.id != found.id],
            offered=offered,
            holders=customers.of_address(session, merchant_id, offered),
            subscriptions=held,
            plans=presenting.plans(end_requests.waiting_of(session, [row.id for row in held]), now=utc_now()),
            requests=desk.requests_of_customer(session, merchant_id, customer_id),
            mails=desk.mails_of_customer(session, merchant_id, customer_id),
            timeline=presenting.timeline([entry for entry, _name in entries], [name for _entry, name in entries]),
        )
