"""What the desk sees of an erasure, who may open what is kept, and how long what is kept is set and reported."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.ends.received_requests import ReceivedState
from portal.domain.law.retention import COUNTED, Kind
from portal.domain.policies import Role
from portal.models import AuditEntry, Customer, EndRequest, Mail, MailState, Merchant, ReceivedRequest
from portal.queries import inbox
from portal.services.inbox import notifications
from portal.services.inbox.notifications import Notification
from portal.services.own_data import customer_erasures, erasing, retention
from tests.services.own_data.wishing import LATER, carry_ends, erasure_of, let_leave, wish

PAGE, SAVE = "/admin/settings/retention", "Save the settings"


@pytest.fixture
def customer(make, merchant):
    return make.customer(merchant, name="Zoé Rousseau")


@pytest.fixture
def leave(ctx):
    def run(customer):
        wish(ctx, customer, utc_now() - LATER)
        carry_ends(ctx)
        let_leave(ctx, utc_now())
        assert customer_erasures.carry_on(ctx, erasure_of(ctx, customer).id, now=utc_now())

    return run


@pytest.fixture
def left_notice(ctx, make):
    """A notice that was closed, of a customer who is erased."""
    merchant = make.merchant(self_cancellation=False, locale="en")
    customer = make.customer(merchant, name="Zoé Rousseau")
    held = make.subscription(merchant=merchant, customer=customer)
    notification = Notification(merchant_id=merchant.id, customer_id=customer.id, subscription_id=held.id)
    notice = notifications.notify(ctx, notification, now=utc_now())
    with ctx.db.begin() as session:
        received = session.get_one(ReceivedRequest, notice.id)
        received.state, received.dismissal, received.settled_at = ReceivedState.DISMISSED, "over", utc_now()
        erasing.erase(session, session.get_one(Customer, customer.id), now=utc_now())
    return merchant, notice.id


def chosen(ctx, merchant):
    with ctx.db.read() as session:
        return session.get_one(Merchant, merchant.id).retention


def test_the_record_says_that_it_waits_and_for_what(ctx, make, merchant, customer, support):
    make.subscription(merchant=merchant, customer=customer)
    erasure = wish(ctx, customer, utc_now())
    page = support.get(f"/admin/customers/{customer.id}")
    assert "has asked for their data to be erased" in page.text
    assert erasure.reference in page.text
    assert "PayPal has not confirmed an end" in page.text


@pytest.mark.parametrize(("days", "rings"), [(13, False), (15, True)])
def test_an_erasure_that_paypal_holds_up_rings_after_two_weeks(ctx, make, merchant, customer, support, days, rings):
    make.subscription(merchant=merchant, customer=customer)
    erasure = wish(ctx, customer, utc_now() - timedelta(days=days))
    page = support.get("/admin/")
    assert ("Zoé Rousseau – erasure of data" in page.text) is rings
    assert (erasure.reference in page.text) is rings
    with ctx.db.read() as session:
        counted = inbox.count(session, merchant.id, now=utc_now())
        shown = inbox.page(session, merchant.id, now=utc_now()).items
    assert counted == len(shown)


@pytest.mark.parametrize("why", ["confirmed", "withdrawn", "planned"])
def test_what_is_not_held_up_by_paypal_rings_nothing(ctx, make, merchant, customer, support, why):
    make.subscription(merchant=merchant, customer=customer)
    wish(ctx, customer, utc_now() - timedelta(days=40))
    if why == "confirmed":
        carry_ends(ctx)
    elif why == "withdrawn":
        assert customer_erasures.withdraw(ctx, merchant.id, customer.id, now=utc_now())
    else:
        with ctx.db.begin() as session:
            session.execute(update(EndRequest).values(due_at=utc_now() + timedelta(days=9)))
    assert "erasure of data" not in support.get("/admin/").text


def test_an_erased_customer_is_named_so_everywhere_and_nothing_can_be_added(make, merchant, customer, support, leave):
    held = make.subscription(merchant=merchant, customer=customer)
    make.payment(held, 5)
    leave(customer)
    page = support.get(f"/admin/customers/{customer.id}")
    assert page.select_one("h1").get_text() == "Erased customer"
    assert "Proofs of ends (1), until" in page.text
    assert "Payments (1), until" in page.text
    for word in ("Rousseau", "See their space", "Correct…", "Add the note", "Give access"):
        assert word not in page.text, word
    for path in ("/admin/customers", "/admin/subscriptions", f"/admin/subscriptions/{held.id}"):
        page = support.get(path)
        assert "Erased customer" in page.text, path
        assert "Rousseau" not in page.text, path


def test_nobody_of_the_desk_sees_the_space_of_somebody_erased(make, merchant, customer, enter, leave):
    """It would show to everybody at the desk what is kept for the readers of the archive alone."""
    make.payment(make.subscription(merchant=merchant, customer=customer), 5)
    desk = enter(merchant, Role.SUPPORT)
    page = desk.get(f"/admin/customers/{customer.id}")
    leave(customer)
    page.submit(press="See their space", status=409)
    assert desk.get(f"/account/{merchant.slug}/payments").path.startswith(f"/account/{merchant.slug}/login")


def test_a_form_that_was_open_before_brings_nobody_back(make, customer, support, leave):
    identity = support.get(f"/admin/customers/{customer.id}/identity")
    notes = support.get(f"/admin/customers/{customer.id}")
    leave(customer)
    identity.submit(name="Zoé Rousseau", status=409)
    notes.submit(press="Add the note", text="Zoé Rousseau", status=409)


@pytest.mark.law("R-GD-3")
def test_what_is_kept_is_for_owners_who_say_why(make, merchant, customer, enter, leave):
    held = make.subscription(merchant=merchant, customer=customer)
    other = make.subscription(merchant=merchant)
    leave(customer)
    (request,) = make.requests(held)
    proof = f"/admin/requests/{request.id}/proof.pdf"
    for role, status in ((Role.READER, 403), (Role.SUPPORT, 403), (Role.MANAGER, 403), (Role.OWNER, 303)):
        answer = enter(merchant, role).client.get(proof, base_url="http://portal.test")
        assert answer.status_code == status, role
    assert other is not None


def test_the_table_is_shown_and_changed_within_its_bounds(ctx, merchant, manager):
    page = manager.get(PAGE)
    assert "Cancellation requests and proofs" in page.text
    for wrong in ("4", "11", "x", ""):
        page = manager.submit(PAGE, press=SAVE, keeps_proofs=wrong, status=422)
        assert "Enter a number of years from 5 to 10." in page.text
    assert chosen(ctx, merchant) == {}
    manager.submit(PAGE, press=SAVE, keeps_proofs="10", keeps_mails="6")
    assert chosen(ctx, merchant) == {"proofs": 10, "mails": 6}
    manager.submit(PAGE, press=SAVE, keeps_proofs="5")
    assert chosen(ctx, merchant) == {"mails": 6}, "the usual one is no choice"


def test_of_two_editors_the_second_is_told_and_the_chain_has_both_figures(ctx, merchant, owner, manager):
    stale = manager.get(PAGE)
    owner.submit(PAGE, press=SAVE, keeps_customers="2")
    page = stale.submit(press=SAVE, keeps_mails="3", status=409)
    page.submit(press=SAVE)
    assert chosen(ctx, merchant) == {"customers": 2, "mails": 3}
    with ctx.db.read() as session:
        changed = select(AuditEntry).where(AuditEntry.act == "settings.changed").order_by(AuditEntry.number)
        told = [row.details for row in session.scalars(changed)]
    assert told[0]["keeps_customers"] == [3, 2]


def test_support_looks_and_changes_nothing(merchant, support):
    page = support.get(PAGE)
    assert page.select("main button:not(.link, .menu)") == []


def test_each_night_is_reported_also_when_it_erased_nothing(ctx, merchant, customer, owner, now):
    assert "The first night writes here" in owner.get(PAGE).text
    told = now + timedelta(days=4 * 366)
    retention.run(ctx, now=told)
    with ctx.db.begin() as session:
        session.execute(update(Mail).values(state=MailState.SENT, sent_at=told))
    retention.run(ctx, now=told + timedelta(days=31))
    page = owner.get(PAGE)
    rows = [[cell.get_text(strip=True) for cell in row.select("td")] for row in page.select("#nights tbody tr")]
    assert rows == [["1" if kind is Kind.CUSTOMERS else "0" for kind in COUNTED], ["0"] * len(COUNTED)]


def test_a_notice_of_somebody_erased_is_of_the_archive_too(ctx, make, enter, left_notice):
    merchant, received_id = left_notice
    for role in (Role.SUPPORT, Role.MANAGER):
        enter(merchant, role).get(f"/admin/received/{received_id}", status=403)
    page = enter(merchant, Role.OWNER).get(f"/admin/received/{received_id}")
    assert "/archive?next=" in page.path
    assert page.submit(press="Open the archive", occasion="court").path == f"/admin/received/{received_id}"
