"""« A link for this customer »: shown once or mailed, only for what is theirs, taken back, in the audit chain."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from portal.domain.policies import Override
from portal.domain.subscriptions import Status
from portal.models import AuditEntry, TaskLink
from portal.secrets import token_hash
from tests.browser_client import Browser
from tests.web.conftest import row_counts

MAKE = "Make the link"


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="en", return_addresses=["https://shop.example/me"])


@pytest.fixture
def zoe(make, merchant):
    return make.customer(merchant, email="zoe@client.test", name="Zoé")


@pytest.fixture
def held(make, merchant, zoe):
    return make.subscription(merchant=merchant, customer=zoe)


def page_of(customer):
    return f"/admin/customers/{customer.id}/link"


def options(page):
    return [one["value"] for one in page.select("select[name=task] option")]


def acts(ctx):
    with ctx.db.read() as session:
        rows = session.scalars(select(AuditEntry).order_by(AuditEntry.number)).all()
    return [(one.act, one.details) for one in rows if one.act.startswith("customer.link")]


def test_a_link_is_shown_once_opens_the_task_and_is_in_the_chain_without_its_token(support, zoe, held, ctx, app):
    page = support.get(f"/admin/customers/{zoe.id}").follow("Link for this customer")
    made = page.submit(press=MAKE, task=f"cancel:{held.id}", return_to="https://shop.example/me/x")
    assert made.h1 == "Copy this link now"
    url = re.search(r"http://portal\.test(/account/\S+/task/(\S+))", made.text)
    with ctx.db.read() as session:
        row = session.scalars(select(TaskLink)).one()
    assert (row.token_hash, row.made_by) == (token_hash(url[2]), "Léa Martin")
    assert (row.expires_at - row.created_at).total_seconds() == 3600, "an hour at the desk"
    ((act, details),) = acts(ctx)
    assert act == "customer.link_made"
    assert (details["kind"], details["subscription"], details["is_mailed"]) == ("cancel", str(held.id), False)
    assert details["return_to"] == "https://shop.example/me/x"
    assert url[2] not in str(details)
    assert url[2] not in support.get(page.path).body, "once"
    assert Browser(app).get(url[1]).status == 200


def test_mailed_it_goes_to_the_address_on_file_and_nobody_at_the_desk_sees_it(support, zoe, held, letters, ctx):
    page = support.get(page_of(zoe)).submit(press=MAKE, task=f"cancel:{held.id}", is_mailed=True)
    assert page.notices == ["The link is on its way to the customer. It is good for two days."]
    (mail,) = letters()
    assert mail.recipient == "zoe@client.test"
    token = re.search(r"/task/(\S+)", mail.text)[1]
    with ctx.db.read() as session:
        row = session.scalars(select(TaskLink)).one()
    assert row.token_hash == token_hash(token)
    assert (row.expires_at - row.created_at).total_seconds() == 48 * 3600
    assert token not in page.body
    assert acts(ctx)[0][1]["is_mailed"] is True


def test_only_what_makes_sense_is_offered(support, zoe, held, merchant, make):
    late = make.subscription(merchant=merchant, customer=zoe, status=Status.PAST_DUE)
    make.subscription(merchant=merchant, customer=zoe, status=Status.CANCELLED)
    closed = make.product(merchant, self_cancellation=Override.OFF)
    make.subscription(merchant=merchant, customer=zoe, product=closed)
    offered = [one for one in options(support.get(page_of(zoe))) if ":" in one]
    assert set(offered) == {f"cancel:{held.id}", f"cancel:{late.id}", f"late:{late.id}"}


def test_without_an_address_nothing_can_be_cancelled_or_mailed(support, merchant, make):
    nameless = make.customer(merchant, email=None)
    late = make.subscription(merchant=merchant, customer=nameless, status=Status.PAST_DUE)
    page = support.get(page_of(nameless))
    assert [one for one in options(page) if ":" in one] == [f"late:{late.id}"]
    assert page.select_one("input[name=is_mailed]") is None


@pytest.mark.parametrize(
    "address", ["https://evil.example/me", "https://shop.example.evil.example/me", "//shop.example/me", "/me"]
)
def test_it_leads_back_only_to_what_the_merchant_has_named(support, zoe, held, address, ctx):
    before = row_counts(ctx)
    page = support.get(page_of(zoe)).submit(press=MAKE, task=f"cancel:{held.id}", return_to=address, status=422)
    assert page.errors == ["This address is not on your list of return addresses, or below one of them."]
    assert row_counts(ctx) == before


def test_what_is_another_customers_or_merchants_is_refused(support, zoe, held, merchant, make, ctx):
    other = make.subscription(merchant=merchant)
    stranger = make.customer(make.merchant())
    support.get(page_of(stranger), status=404)
    page = support.get(page_of(zoe))
    data = page.values(page.form(press=MAKE)) | {"task": f"cancel:{other.id}"}
    support.post(page_of(zoe), data, status=422)
    support.post(page_of(stranger), data, status=404)
    with ctx.db.read() as session:
        assert session.scalars(select(TaskLink)).all() == []


def test_it_is_taken_back_while_nobody_has_used_it(support, reader, zoe, held, ctx, app, make, merchant):
    made = support.get(page_of(zoe)).submit(press=MAKE, task=f"cancel:{held.id}")
    path = re.search(r"http://portal\.test(/account/\S+)", made.text)[1]
    page = support.get(page_of(zoe)).submit(press="Withdraw the link: Cancel “Cours de piano”")
    assert page.notices == ["This link now opens nothing."]
    Browser(app).get(path, status=410)
    assert [act for act, _details in acts(ctx)] == ["customer.link_made", "customer.link_withdrawn"]
    with ctx.db.read() as session:
        link_id = session.scalars(select(TaskLink.id)).one()
    token = support.values_of(page)["csrf_token"]
    other = make.customer(merchant)
    support.post(f"/admin/customers/{other.id}/link/{link_id}/withdrawal", {"csrf_token": token}, status=404)
    reader.get(page_of(zoe), status=403)
