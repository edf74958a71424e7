"""The desk's home until the shop is set up: a fact does each step, the next one is named, and the page says how."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update

from portal.domain.policies import Actor, Role
from portal.models import KeyState, LoginSession, Merchant, PayPalAccount
from tests.browser_client import Browser
from tests.web.admin.waiting import make_request

TITLES = [
    "PayPal key",
    "Your subscriptions",
    "What each product opens",
    "Cancellation by customers",
    "The address for your customers",
]


def steps(page):
    """What the page says of each step: (its title, whether it is done, whether it is the next)."""
    found = []
    for step in page.soup.select("ol.steps > li"):
        title = " ".join(step.h2.get_text(" ").split())
        found.append((title.removeprefix("Done: "), title.startswith("Done: "), step.get("aria-current") == "step"))
    return found


def done(page):
    return [title for title, is_done, _ in steps(page) if is_done]


def following(page):
    return [title for title, _, is_next in steps(page) if is_next]


@pytest.fixture
def merchant(make):
    """A shop on its first day."""
    return make.merchant(name="L’Atelier", locale="en", key=False, self_cancellation=False)


@pytest.fixture
def visit(app, make, merchant, log_in_customer):
    """A customer of the merchant comes in."""

    def come():
        log_in_customer(Browser(app, address="192.0.2.250"), merchant, make.customer(merchant))

    return come


def test_a_new_shop_reads_what_to_do_first_instead_of_nothing_to_do(owner, merchant):
    page = owner.get("/admin/")
    assert page.h1 == "Five steps, and your customers can cancel by themselves"
    assert [title for title, _, _ in steps(page)] == TITLES
    assert done(page) == []
    assert following(page) == ["PayPal key"]
    assert "About 9 minutes are left" in page.text
    assert page.soup.select_one("main a.button-primary")["href"] == "/admin/paypal/rest"
    assert page.soup.select_one("main .mono").text == f"http://portal.test/account/{merchant.slug}/login"


def test_each_fact_does_its_step_and_shows_the_next(owner, make, merchant):
    expected = []

    def shown():
        page = owner.get("/admin/")
        assert done(page) == expected
        assert following(page) == [next(title for title in TITLES if title not in expected)]
        return page

    make.key(merchant)
    expected.append("PayPal key")
    assert "ends in …cret" in shown().text
    make.subscription(merchant=merchant, product=make.product(merchant, name="Piano"))
    expected.append("Your subscriptions")
    page = shown()
    assert "The rules of your product have not been read yet" in page.text
    assert page.soup.select_one("main a.button-primary").text == "Read the rules of Piano"
    owner.submit(page.soup.select_one("main a.button-primary")["href"], press="Save the product")
    expected.append("What each product opens")
    assert shown().soup.select_one("main a.button-primary")["href"] == "/admin/settings"


def test_each_page_of_the_way_leads_to_the_next_one(owner, make, merchant):
    """Nobody goes back to the list of steps to find the next: the page that did one offers it."""

    def offered(address):
        page = owner.get(address)
        return [link["href"] for link in page.soup.select("main a.button") if link.text.startswith("Next: ")]

    assert offered("/admin/settings") == ["/admin/paypal/rest"]
    assert offered("/admin/paypal/rest") == []  # one does not lead to itself
    make.key(merchant)
    assert offered("/admin/paypal/rest") == ["/admin/import"]
    assert offered("/admin/import") == []
    guitar = f"/admin/products/{make.subscription(merchant=merchant, product=make.product(merchant)).product_id}"
    violin = f"/admin/products/{make.product(merchant, name='Violin').id}"
    assert [offered("/admin/settings"), offered(guitar)] == [[guitar], []]
    owner.submit(guitar, press="Save the product")
    assert [offered(guitar), offered(violin)] == [[violin], []]
    owner.submit(violin, press="Save the product")
    assert [offered(violin), offered("/admin/settings")] == [["/admin/settings"], []]
    owner.submit("/admin/settings", press="Save the settings", self_cancellation="y")
    assert offered("/admin/settings") == ["/admin/start"]


def test_the_way_ends_when_all_is_done_and_the_home_is_what_there_is_to_do(owner, ctx, make, merchant, visit):
    make.key(merchant)
    make.subscription(merchant=merchant, product=make.product(merchant, reviewed_at=make.now()))
    with ctx.db.begin() as session:
        session.execute(update(Merchant).where(Merchant.id == merchant.id).values(self_cancellation=True))
    assert following(owner.get("/admin/")) == ["The address for your customers"]
    visit()
    assert owner.get("/admin/").h1 == "To do"
    page = owner.get("/admin/start")
    assert page.h1 == "Everything is set up"
    assert done(page) == TITLES


def test_the_product_that_nobody_has_read_is_the_one_that_is_offered(owner, make, merchant):
    """One without contents opens the whole of it: that is a rule as good as any."""
    make.subscription(merchant=merchant, product=make.product(merchant, name="Guitar", reviewed_at=make.now()))
    make.key(merchant)
    unread = make.product(merchant, name="Violin", contents=(("Lesson 1", 0),))
    page = owner.get("/admin/")
    assert page.soup.select_one("main a.button-primary")["href"] == f"/admin/products/{unread.id}"


def test_whoever_lets_customers_in_and_cancels_for_them_is_not_shown_the_way_for_ever(owner, make, merchant, visit):
    make.key(merchant)
    make.subscription(merchant=merchant)
    visit()
    page = owner.get("/admin/")
    assert page.h1 == "To do"
    assert page.soup.select_one('main a[href="/admin/start"]') is None
    assert done(owner.get("/admin/start")) == ["PayPal key", "Your subscriptions", "The address for your customers"]
    assert owner.get("/admin/settings").soup.select_one('main a[href="/admin/start"]') is not None


def test_a_key_that_broke_later_is_an_alarm_and_no_step_back(owner, ctx, make, merchant, now):
    key = make.key(merchant)
    with ctx.db.begin() as session:
        refused = {"state": KeyState.REFUSED, "broken_since": now}
        session.execute(update(PayPalAccount).where(PayPalAccount.id == key.id).values(**refused))
    assert done(owner.get("/admin/start")) == ["PayPal key"]


def test_a_key_that_never_passed_is_no_key(owner, ctx, make, merchant):
    key = make.key(merchant)
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).where(PayPalAccount.id == key.id).values(state=KeyState.MISSING_RIGHTS))
    assert done(owner.get("/admin/")) == []


def test_what_waits_comes_before_the_steps(owner, make, merchant, now):
    make.key(merchant)
    make_request(make, make.subscription(merchant=merchant, at_paypal=False), now, actor=Actor.STAFF)
    page = owner.get("/admin/")
    assert page.h1 == "To do"
    assert page.soup.select_one('main a[href="/admin/start"]') is not None


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.READER])
def test_the_steps_are_the_owners(enter, merchant, role):
    page = enter(merchant, role).get("/admin/")
    assert page.h1 == "To do"
    assert page.soup.select_one('main a[href="/admin/start"]') is None


def test_a_customer_who_came_long_ago_has_come(owner, ctx, make, merchant, visit):
    visit()
    with ctx.db.begin() as session:
        session.execute(delete(LoginSession).where(LoginSession.customer_id.is_not(None)))
    assert done(owner.get("/admin/start")) == ["The address for your customers"]


def test_a_key_that_is_taken_away_later_is_missed(owner, ctx, make, merchant, visit):
    visit()
    assert "No PayPal key has passed its test" in owner.get("/admin/").text


def test_another_shop_does_no_step_of_this_one(owner, app, make, log_in_customer):
    other = make.merchant()
    make.subscription(merchant=other, product=make.product(other, reviewed_at=make.now()))
    log_in_customer(Browser(app, address="192.0.2.251"), other, make.customer(other))
    assert done(owner.get("/admin/")) == []


def test_the_steps_cost_one_statement_whatever_there_is(owner, make, merchant, statements):
    counted = []
    for _ in range(2):
        with statements() as seen:
            owner.get("/admin/start")
        counted.append(len(seen))
        for name in ("Piano", "Guitar", "Violin"):
            make.subscription(merchant=merchant, product=make.product(merchant, name=name))
    assert counted[0] == counted[1]


def test_the_merchant_tries_the_space_as_one_of_the_customers(owner, make, merchant):
    assert owner.get("/admin/start").soup.select("form[action$='/view']") == []  # nobody is there yet
    row = make.subscription(merchant=merchant)
    page = owner.submit("/admin/start", press="Try as a customer")
    assert page.path == f"/account/{merchant.slug}/"
    assert row.product.name in page.text
    assert done(owner.get("/admin/start")).count("The address for your customers") == 0  # looking is no visit


def test_the_address_is_there_as_a_picture_too(owner, merchant):
    picture = owner.get("/admin/start").select_one(".qr")
    assert picture["aria-label"].endswith(f"/account/{merchant.slug}/login")
    assert picture.svg.path["d"].count("M") > 200  # dark modules
    assert not picture.select("[style]")
