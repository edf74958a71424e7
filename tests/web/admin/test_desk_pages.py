"""The desk's lists and records: what they show, to whom, and at what cost."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from portal.domain.policies import Role
from portal.domain.subscriptions import Status
from portal.queries.desk import desk
from portal.queries.desk.keyset import Place
from portal.queries.desk.subscription_filters import Whose
from tests.web.admin.waiting import open_request


@pytest.mark.parametrize("path", ["", "subscriptions", "customers", "products", "paypal", "settings", "import"])
@pytest.mark.parametrize("role", list(Role))
def test_every_page_opens_for_a_merchant_with_nothing(enter, make, path, role):
    page = enter(make.merchant(key=False), role).get(f"/admin/{path}")
    assert page.h1


@pytest.mark.parametrize("status", list(Status))
def test_a_subscription_shows_its_facts_and_five_dates(owner, make, merchant, status):
    subscription = make.subscription(merchant=merchant, status=status)
    page = owner.get(f"/admin/subscriptions/{subscription.id}")
    for words in ("Cancellation requested", "Stopped at PayPal", "Paid until", "Access", "Subscription end date"):
        assert words in page.text
    assert subscription.provider_id in page.text
    assert subscription.provider_status in page.text


def test_a_list_is_found_by_name_address_and_paypal_id(owner, make, merchant):
    anna = make.customer(merchant, name="Anna-Lou D’Été", email="anna@client.test")
    bob = make.customer(merchant, name="Bob Martin", email="bob@client.test")
    first = make.subscription(merchant=merchant, customer=anna, provider_id="I-AAAA11112222", at_paypal=False)
    second = make.subscription(merchant=merchant, customer=bob, provider_id="I-BBBB11112222", at_paypal=False)
    for search, found, other in [
        ("anna", first, second),
        ("mart", second, first),
        ("BOB@cl", second, first),
        ("I-AAAA", first, second),
        ("bbbb11", second, first),
        ("d’été", first, second),
    ]:
        page = owner.get("/admin/subscriptions?q=" + search)
        assert page.select(f'a[href="/admin/subscriptions/{found.id}"]'), search
        assert not page.select(f'a[href="/admin/subscriptions/{other.id}"]'), search
    assert "No subscription matches" in owner.get("/admin/subscriptions?q=100%25").text
    assert "No customer matches" in owner.get("/admin/customers?q=%5F%5F").text
    assert owner.get("/admin/customers?q=martin").select(f'a[href="/admin/customers/{bob.id}"]')


def test_a_list_is_narrowed_by_state_and_product(owner, make, merchant):
    piano, photo = make.product(merchant, name="Piano"), make.product(merchant, name="Photo")
    ended = make.subscription(merchant=merchant, product=piano, status=Status.CANCELLED)
    running = make.subscription(merchant=merchant, product=photo)
    page = owner.get("/admin/subscriptions?status=cancelled")
    assert page.select(f'a[href="/admin/subscriptions/{ended.id}"]')
    assert not page.select(f'a[href="/admin/subscriptions/{running.id}"]')
    page = owner.get(f"/admin/subscriptions?product={photo.id}&status=")
    assert page.select(f'a[href="/admin/subscriptions/{running.id}"]')
    assert not page.select(f'a[href="/admin/subscriptions/{ended.id}"]')
    owner.get("/admin/subscriptions?status=nonsense&product=nonsense&after=nonsense&before=1")


def test_pages_follow_one_another_and_lose_nobody(owner, make, merchant, ctx, now):
    customer, product = make.customer(merchant), make.product(merchant)
    made = [
        make.subscription(
            merchant=merchant, customer=customer, product=product, at_paypal=False,
            created_at=now - timedelta(days=number // 3),
        )
        for number in range(8)
    ]  # fmt: skip
    seen, place, ways = [], Place(), []
    whose = Whose(merchant_id=merchant.id, time_zone="Europe/Paris", now=now)
    with ctx.db.read() as session:
        while True:
            found = desk.subscriptions_page(session, whose, place=place, size=3)
            seen += [row.id for row in found.rows]
            ways.append(found)
            if found.next_id is None:
                break
            place = Place(after=found.next_id)
        back = desk.subscriptions_page(session, whose, place=Place(before=ways[-1].previous_id), size=3)
    assert len(seen) == len(set(seen)) == len(made)
    dates = {row.id: row.created_at for row in made}
    assert [dates[one] for one in seen] == sorted(dates.values(), reverse=True)
    assert [row.id for row in back.rows] == [row.id for row in ways[-2].rows]
    assert ways[0].previous_id is None
    assert back.next_id == ways[-2].next_id


def test_a_list_turns_its_pages_with_its_filters(owner, make, merchant, monkeypatch):
    monkeypatch.setitem(desk.subscriptions_page.__kwdefaults__, "size", 2)
    customer, product = make.customer(merchant), make.product(merchant)
    for _number in range(3):
        make.subscription(merchant=merchant, customer=customer, product=product, at_paypal=False)
    page = owner.get("/admin/subscriptions?status=active")
    second = page.follow("Next page")
    assert "state=active" in second.path
    assert len(second.select("tbody tr")) == 1
    assert len(second.follow("Previous page").select("tbody tr")) == 2


def test_a_list_costs_the_same_whatever_its_length(owner, make, merchant, statements):
    def cost(path):
        owner.get(path)
        with statements() as seen:
            owner.get(path)
        return len(seen)

    customer, product = make.customer(merchant), make.product(merchant)
    paths = ["/admin/subscriptions?q=claire", "/admin/customers", f"/admin/customers/{customer.id}", "/admin/products"]
    make.subscription(merchant=merchant, customer=customer, product=product, at_paypal=False)
    before = {path: cost(path) for path in paths}
    for _number in range(6):
        make.subscription(merchant=merchant, customer=customer, product=product, at_paypal=False)
        make.customer(merchant)
    assert {path: cost(path) for path in paths} == before
    assert max(before.values()) <= 16, before
    assert before["/admin/subscriptions?q=claire"] <= 8, before


def test_a_record_shows_identity_requests_mails_and_what_happened(owner, make, merchant, paypal):
    subscription = make.subscription(merchant=merchant)
    page = owner.get(f"/admin/subscriptions/{subscription.id}/end/cancel")
    page.submit(press="Cancel the subscription")
    page = owner.get(f"/admin/customers/{subscription.customer_id}")
    (request,) = make.requests(subscription)
    assert request.reference in page.text
    assert "Cancellation requested" in page.text
    assert "End confirmed" in page.text
    assert subscription.customer.email in page.text
    assert page.select("#mails tbody tr")


def test_a_customer_without_name_or_address_can_be_opened(owner, make, merchant):
    customer = make.customer(merchant, name="", email=None)
    make.subscription(merchant=merchant, customer=customer, at_paypal=False)
    assert "cannot log in" in owner.get(f"/admin/customers/{customer.id}").text
    owner.get("/admin/subscriptions")


def test_names_are_shown_whole_and_harmless(owner, make, merchant):
    name = "<b>L’été</b> " + "م" * 120
    customer = make.customer(merchant, name=name)
    page = owner.get(f"/admin/customers/{customer.id}")
    assert page.h1 == name
    assert not page.select("h1 b")


FOREIGN = (
    "subscriptions/{subscription}",
    "subscriptions/{subscription}/end/cancel",
    "subscriptions/{subscription}/end/complete",
    "subscriptions/{subscription}/end/abandon",
    "customers/{customer}",
    "products/{product}",
    "products/{product}/draft",
)


@pytest.mark.parametrize("path", FOREIGN)
def test_what_belongs_to_another_merchant_is_not_there(owner, make, path):
    theirs = make.subscription(merchant=make.merchant())
    ids = {"subscription": theirs.id, "customer": theirs.customer_id, "product": theirs.product_id}
    foreign = owner.get("/admin/" + path.format(**ids), status=404)
    nowhere = owner.get("/admin/" + path.format(**dict.fromkeys(ids, uuid.uuid4())), status=404)
    assert foreign.text == nowhere.text
    token = owner.get("/admin/settings").select_one('input[name="csrf_token"]')["value"]
    if "/end/" in path or path.startswith("products"):
        data = {"csrf_token": token, "provider_note": "x", "name": "x", "grace_days": "1", "self_cancellation": "on"}
        owner.post("/admin/" + path.format(**ids), data, status=404)
    assert make.reload(theirs).status is Status.ACTIVE
    assert make.requests(theirs) == []


def test_a_foreign_request_cannot_be_tried_again(owner, make, paypal):
    theirs = make.subscription(merchant=make.merchant())
    request_id = open_request(make, theirs)
    token = owner.get("/admin/settings").select_one('input[name="csrf_token"]')["value"]
    owner.post(f"/admin/requests/{request_id}/retry", {"csrf_token": token}, status=404)
    assert paypal.count("cancel") == 0


def test_lists_show_only_ones_own(owner, make, merchant):
    theirs = make.subscription(merchant=make.merchant(), customer=None)
    for path in ("subscriptions", "customers", "products"):
        page = owner.get(f"/admin/{path}")
        for one in (theirs.id, theirs.customer_id, theirs.product_id):
            assert str(one) not in page.body


def test_names_stand_in_the_order_in_which_one_looks_for_them(owner, make, merchant):
    """Neither an accent nor a small letter sends a name behind Z; pages follow each other in the same order."""
    wanted = ["Ângela Sá", "clara Dupuis", "Émile Roy", "Emma Blin", "Œuvre Dom", "Zoé Petit"]
    for name in reversed(wanted):
        make.customer(merchant, name=name)
        make.product(merchant, name=name)
    shown = [row.get_text(" ", strip=True) for row in owner.get("/admin/customers").select("tbody th")]
    assert [name for name in shown if name in wanted] == wanted
    page = owner.get("/admin/products")
    assert sorted(wanted, key=page.text.index) == wanted
