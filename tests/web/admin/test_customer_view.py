"""Somebody of the desk sees a customer's pages as the customer does: marked, looking only, ending by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from portal.clock import utc_now
from portal.models import EndRequest, LoginSession, Merchant
from tests.web.admin.test_team import acts_of


@pytest.fixture
def piano(make, merchant):
    return make.subscription(merchant=merchant, customer=make.customer(merchant, name="Claire", locale="en"))


def view(browser, subscription):
    return browser.submit(f"/admin/customers/{subscription.customer_id}", press="See their space")


def test_it_shows_what_the_customer_sees_and_says_that_it_does(support, merchant, piano, ctx):
    page = view(support, piano)
    assert page.path == f"/account/{merchant.slug}/"
    assert "as they see it" in page.body
    assert piano.product.name in page.text
    assert acts_of(ctx, merchant)[-1] == "customer.viewed"


def test_nothing_can_be_changed_from_there(support, merchant, piano, ctx):
    page = view(support, piano)
    page = support.get(f"/account/{merchant.slug}/subscriptions/{piano.id}/cancellation")
    answer = page.submit(press="Cancel now", status=409)
    assert "nothing can be changed" in answer.text
    with ctx.db.read() as session:
        assert session.scalars(select(EndRequest)).all() == []


def test_stopping_it_leads_out_and_the_desk_stays_open(support, merchant, piano):
    view(support, piano).submit(press="Stop viewing")
    assert support.get(f"/account/{merchant.slug}/").path.split("?")[0].endswith("/login")
    support.get("/admin/customers")


def test_it_ends_by_itself_after_a_quarter_of_an_hour(support, merchant, piano):
    view(support, piano)
    with time_machine.travel(utc_now() + timedelta(minutes=16), tick=False):
        assert support.get(f"/account/{merchant.slug}/").path.split("?")[0].endswith("/login")


def test_it_ends_when_the_viewer_is_kept_out(support, owner, merchant, piano, ctx):
    view(support, piano)
    with ctx.db.read() as session:
        who = session.scalars(select(LoginSession.viewer_id).where(LoginSession.viewer_id.is_not(None))).one()
    owner.submit(f"/admin/team/{who}", press="Suspend")
    assert support.get(f"/account/{merchant.slug}/").path.split("?")[0].endswith("/login")


def test_it_is_no_visit_of_the_customer(support, merchant, piano, ctx, seat_customer, other_browser):
    view(support, piano)
    with ctx.db.read() as session:
        assert session.get_one(Merchant, merchant.id).first_customer_at is None
    page = seat_customer(other_browser, merchant, piano.customer).get(f"/account/{merchant.slug}/sessions")
    assert len(page.select("main article")) == 1


def test_a_reader_does_not_and_another_merchants_customer_is_not_there(reader, support, make, piano):
    assert not reader.get(f"/admin/customers/{piano.customer_id}").select("main form")
    stranger = make.customer(make.merchant())
    token = support.values_of(support.get(f"/admin/customers/{piano.customer_id}"))
    support.post(f"/admin/customers/{stranger.id}/view", token, status=404)


def test_it_ends_with_the_viewers_log_out(support, merchant, piano):
    view(support, piano)
    support.submit("/admin/customers", press="Log out")
    assert support.get(f"/account/{merchant.slug}/").path.split("?")[0].endswith("/login")


def test_it_ends_when_the_viewer_may_work_for_customers_no_more(support, owner, merchant, piano, ctx):
    view(support, piano)
    with ctx.db.read() as session:
        who = session.scalars(select(LoginSession.viewer_id).where(LoginSession.viewer_id.is_not(None))).one()
    owner.submit(f"/admin/team/{who}", press="Change the role", role="reader")
    assert support.get(f"/account/{merchant.slug}/").path.split("?")[0].endswith("/login")


def test_the_customers_own_browsers_are_not_shown(support, merchant, piano):
    page = view(support, piano)
    assert "/sessions" not in " ".join(str(link["href"]) for link in page.select("a[href]"))
    support.get(f"/account/{merchant.slug}/sessions", status=409)
