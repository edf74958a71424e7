"""What a reader and an owner of somebody's account may do: every route of the customers' space, tried."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from portal.domain.people.account_members import MemberRole
from portal.models import Base
from portal.web.access import ACCESS, Face
from tests.test_architecture import address
from tests.web.account_people import member_of, seat

LOOKED_AT = {  # by readers
    *("customer.subscriptions", "customer.subscription", "customer.access", "customer.late", "customer.settlement"),
    *("customer.request", "customer.request_proof", "customer.comeback", "customer.comeback_return"),
    *("customer.comeback_cancelled", "customer.payments", "customer.payments_csv", "customer.payments_statement"),
    *("customer.payment", "customer.payment_receipt", "customer.receipts", "customer.profile"),
}
ANYBODYS = {  # of which a reader sends the form, too
    *("customer.sessions", "customer.session_end", "customer.other_sessions_end", "auth.customer_again"),
    *("customer.accounts", "customer.account_choice", "customer.payment_search", "customer.account_leaving"),
}
OF_THE_ADDRESS_ON_FILE = {
    *("customer.address_change", "customer.address_withdrawal"),
    *("customer.data", "customer.data_export", "customer.data_export_new"),
    *("customer.erasure", "customer.erasure_withdrawal"),
}


def is_let_in(role, endpoint, method):
    """As the product's owner has said it."""
    if endpoint in OF_THE_ADDRESS_ON_FILE:
        return False
    if role is MemberRole.OWNER or endpoint in ANYBODYS:
        return True
    return method == "GET" and endpoint in LOOKED_AT


def routes_of_customers(app):
    """Every route of the customers' space, with its methods; those that end the session come last."""
    found = [
        (rule, method)
        for rule in app.url_map.iter_rules()
        if ACCESS[rule.endpoint].face is Face.CUSTOMER
        for method in sorted(rule.methods & {"GET", "POST"})
    ]
    return sorted(found, key=lambda one: one[0].endpoint == "customer.account_leaving")


@pytest.mark.parametrize("role", MemberRole)
def test_every_route_lets_in_whom_it_is_for(app, ctx, visit, role):
    person, wrong = seat(ctx, app, member_of(ctx, visit.customer, role=role)), []
    for rule, method in routes_of_customers(app):
        path = address(rule, merchant=visit.merchant, known={})
        answer = person.client.open(path, method=method, base_url="http://portal.test")
        if (answer.status_code != 403) is not is_let_in(role, rule.endpoint, method):
            wrong.append((method, rule.endpoint, answer.status))
    assert wrong == []


def test_what_a_reader_sends_with_a_good_token_changes_nothing(app, ctx, visit, make, paypal):
    held = make.subscription(customer=visit.customer)
    person = seat(ctx, app, member_of(ctx, visit.customer))
    token = person.values_of(person.get(f"{visit.home}sessions"))["csrf_token"]
    before = counts(ctx)
    for rule, method in routes_of_customers(app):
        if method != "POST" or rule.endpoint in ANYBODYS:
            continue
        path = address(rule, merchant=visit.merchant, known={"subscription_id": held.id})
        page = person.post(path, {"csrf_token": token, "email": "x@client.test", "role": "owner"}, status=403)
        assert "Nothing was changed." in page.text
        assert page.select("main a[href]"), "a way on"
    assert counts(ctx) == before
    assert not paypal.calls


def test_the_page_says_who_can_do_it(app, ctx, visit, make):
    held = make.subscription(customer=visit.customer)
    reader = seat(ctx, app, member_of(ctx, visit.customer))
    page = reader.get(visit.page(held, "/cancellation"), status=403)
    assert page.h1 == "You cannot change this"
    assert "You see this account as a reader" in page.text
    assert f"{visit.customer.name}, {visit.customer.email}" in page.text
    assert page.follow("My subscriptions").path == visit.home
    owner = seat(ctx, app, member_of(ctx, visit.customer, email="bert@client.test", role=MemberRole.OWNER))
    page = owner.get(f"{visit.home}profile/address", status=403)
    assert "Only the person of the account’s own email address" in page.text


def test_a_saved_form_of_a_reader_is_refused_and_the_pages_offer_none(app, ctx, visit):
    reader = seat(ctx, app, member_of(ctx, visit.customer))
    page = reader.get(f"{visit.home}profile")
    assert page.select_one("fieldset[disabled]")
    for words in ("Change my email address", "Download your data, or have it erased", "See who has access"):
        assert words not in page.text
    token = reader.values_of(reader.get(f"{visit.home}sessions"))["csrf_token"]
    reader.post(f"{visit.home}profile", {"csrf_token": token, "name": "Mallory"}, status=403)
    assert visit.browser.get(f"{visit.home}profile").select_one("input[name=name]")["value"] == visit.customer.name


WITHDRAWING = 'p:has(> a[href*="withdraw-from-contract"])'


def test_a_reader_sees_what_an_owner_sees(app, ctx, visit, make):
    held = make.subscription(customer=visit.customer)
    make.payment(held, 5)
    reader = seat(ctx, app, member_of(ctx, visit.customer))
    owner = seat(ctx, app, member_of(ctx, visit.customer, email="bert@client.test", role=MemberRole.OWNER))
    assert "Cancel my subscription" in owner.get(visit.home).text
    for path in ("", "payments", "access", f"subscriptions/{held.id}"):
        mains = [one.get(f"{visit.home}{path}").soup.select_one("main") for one in (reader, owner)]
        for main in mains:
            for own in main.select(f".notice, .buttons, {WITHDRAWING}"):  # whose account it is, as what; owners' acts
                own.extract()
        assert mains[0].get_text().split() == mains[1].get_text().split(), path


def test_a_reader_is_offered_nothing_that_would_be_refused(app, ctx, visit, make):
    make.subscription(customer=visit.customer)
    page = seat(ctx, app, member_of(ctx, visit.customer)).get(visit.home)
    assert page.select("main form") == []
    assert page.select("main a[href$=cancellation], main a[href$=pause]") == []


def counts(ctx):
    with ctx.db.read() as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table))
            for table in Base.metadata.sorted_tables
            if table.name not in ("throttles", "sessions")
        }
