"""The lists of subscriptions and customers: what each filter finds, in which order, and what the page says of it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from portal.domain.desk.list_filters import Order
from portal.domain.desk.subscription_filters import SubscriptionFilter
from portal.domain.ends.end_requests import RequestState
from portal.domain.ends.ended_by import EndedBy
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import Subscription
from portal.models.base import Provider
from portal.queries.desk import desk, subscription_filters
from portal.queries.desk.keyset import Place
from portal.queries.desk.subscription_filters import Whose
from portal.services.ends import end_requests
from tests.services.carrying.carried import wish_of
from tests.web.admin.waiting import make_request


def ids(page):
    """Return the last part of the address of each row, in the table's order."""
    return [link["href"].rpartition("/")[2] for link in page.select("tbody th a")]


def chips(page):
    return [chip.get_text(" ", strip=True).removesuffix(" remove this filter") for chip in page.select("a.chip")]


@pytest.fixture
def world(make, merchant, now):
    """One subscription for each thing that a list may be narrowed by, by name; all in one product but « other »."""
    product, noon = make.product(merchant, name="Piano"), datetime(2026, 3, 10, 12, tzinfo=UTC)

    def one(**columns):
        columns.setdefault("product", product)
        return make.subscription(merchant=merchant, at_paypal=False, **columns)

    made = {
        "plain": one(),
        "other": one(product=make.product(merchant, name="Photo")),
        "classic": one(provider=Provider.PAYPAL_CLASSIC),
        "past_due": one(status=Status.PAST_DUE, failed_payments=2),
        "overdue": one(next_payment_at=now - timedelta(days=2)),
        "due_today": one(next_payment_at=now - timedelta(hours=5)),
        "nameless": one(customer=make.customer(merchant, email=None)),
        "erased": one(customer=make.customer(merchant, email=None, name="", erased_at=now)),
        "planned": one(),
        "stuck": one(),
        "by_customer": one(status=Status.CANCELLED, ended_by=EndedBy.CUSTOMER, ended_at=noon),
        "by_staff": one(status=Status.CANCELLED, ended_by=EndedBy.STAFF, ended_at=noon + timedelta(days=1)),
        "completed": one(status=Status.COMPLETED, ended_by=EndedBy.COMPLETED, ended_at=noon + timedelta(days=2)),
        "begun": one(started_at=noon),
        "live": one(environment="live"),
        "francs": one(currency="CHF"),
        "francs_paused": one(currency="CHF", status=Status.PAUSED),
        "francs_unpaid": one(currency="CHF", last_payment_at=None),
        "francs_free": one(currency="CHF", amount=Decimal(0)),
    }
    make_request(make, made["planned"], now, state=RequestState.RECORDED, due_at=now + timedelta(days=9))
    make_request(make, made["stuck"], now, state=RequestState.NEEDS_MERCHANT, reason_code="technical")
    taken_back = {"state": RequestState.WITHDRAWN, "withdrawn_at": now, "reason_code": "not_used"}
    make_request(make, made["plain"], now, **taken_back)
    return made


FOUND = {
    "state=completed": "completed",
    "state=completed&state=past_due": "completed past_due",
    "product={other.product_id}": "other",
    "plan={plain.plan_id}": "plain",
    "plan={plain.plan_id}&plan={other.plan_id}": "plain other",
    "key=classic": "classic",
    "environment=live": "live",
    "environment=live&state=completed": "",
    "late=yes": "past_due overdue",
    "late=yes&state=active": "overdue",
    "late=yes&state=past_due": "past_due",
    "late=yes&state=completed&state=paused": "",
    "failed=yes": "past_due",
    "email=none": "nameless",
    "email=none&state=active": "nameless",
    "email=none&state=completed": "",
    "email=none&q=claire": "nameless",
    "planned=yes": "planned",
    "reason=technical": "stuck",
    "reason=not_used": "",
    "ended_by=customer": "by_customer",
    "ended_by=customer&ended_by=staff": "by_customer by_staff",
    "ended_by=customer&state=completed": "",
    "ended_from=2026-03-11": "by_staff completed",
    "ended_from=2026-03-11&ended_to=2026-03-11": "by_staff",
    "ended_to=2026-03-10": "by_customer",
    "started_from=2026-03-10&started_to=2026-03-10": "begun",
    "revenue=CHF": "francs",
    "revenue=CHF&state=paused": "",
    "needs_you=yes": "stuck",
    "q=claire&state=completed": "completed",
}


@pytest.mark.parametrize("query", FOUND)
def test_each_filter_finds_its_own(owner, world, query):
    page = owner.get("/admin/subscriptions?" + query.format(**world))
    assert set(ids(page)) == {str(world[name].id) for name in FOUND[query].split()}
    assert not page.select(".notice.tone-warn")
    assert chips(page) or "q=" in query


def test_what_is_not_planned_and_not_classic_is_all_the_rest(owner, world):
    assert set(ids(owner.get("/admin/subscriptions?planned=no"))) == {
        str(one.id) for name, one in world.items() if name != "planned"
    }
    assert str(world["classic"].id) not in ids(owner.get("/admin/subscriptions?key=rest"))


def test_the_number_is_that_of_the_list_for_every_filter(ctx, world, merchant, now):
    whose = Whose(merchant_id=merchant.id, time_zone="Europe/Paris", now=now)
    with ctx.db.read() as session:
        for query, names in FOUND.items():
            pairs = [tuple(part.split("=")) for part in query.format(**world).split("&")]
            wanted = SubscriptionFilter.parse(pairs).filter
            assert subscription_filters.total(session, whose, wanted).number == len(names.split()), query


def test_another_merchants_rows_are_never_found(owner, make, merchant):
    theirs = make.subscription(merchant=make.merchant(), at_paypal=False)
    assert ids(owner.get("/admin/subscriptions?state=active")) == []
    page = owner.get(f"/admin/subscriptions?product={theirs.product_id}&plan={theirs.plan_id}")
    assert [one.get_text(strip=True) for one in page.select(".notice.tone-warn")] == [
        "Product: the address names one that no longer exists. It was left out.",
        "PayPal plan: the address names one that no longer exists. It was left out.",
    ]
    assert chips(page) == []


def test_a_day_is_that_of_the_merchants_calendar_also_when_the_clock_changes(owner, make, merchant):
    """29 March 2026 in Paris begins at 23:00 UTC the day before, and has 23 hours."""
    first, last = datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)
    inside = [make.subscription(merchant=merchant, at_paypal=False, started_at=at) for at in (
        first, last - timedelta(seconds=1),
    )]  # fmt: skip
    for at in (first - timedelta(seconds=1), last):
        make.subscription(merchant=merchant, at_paypal=False, started_at=at)
    page = owner.get("/admin/subscriptions?started_from=2026-03-29&started_to=2026-03-29")
    assert set(ids(page)) == {str(one.id) for one in inside}


def test_the_first_and_the_last_day_of_all_break_nothing(owner, world):
    for day in ("0001-01-01", "9999-12-31"):
        owner.get(f"/admin/subscriptions?started_from={day}&ended_to={day}&next_to={day}")


def test_what_makes_no_sense_is_said_above_the_list_that_goes_without_it(owner, world):
    page = owner.get("/admin/subscriptions?state=nonsense&stat=active&ended_from=1.2.2026&state=completed")
    said = [one.get_text(strip=True) for one in page.select(".notice.tone-warn")]
    assert said == [
        "Status: there is no “nonsense”. It was left out.",
        "There is no filter “stat”: it was left out.",
        "Ended from: “1.2.2026” is not a date (for example 2027-04-03). It was left out.",
    ]
    assert ids(page) == [str(world["completed"].id)]


@pytest.mark.parametrize("of_list", ["subscriptions?ended", "customers?known"])
def test_days_that_narrow_nothing_are_named_and_stay_in_their_fields(owner, world, of_list):
    name = of_list.partition("?")[2]
    label = name.capitalize()
    page = owner.get(f"/admin/{of_list}_from=2027-02-03&{name}_to=2027-01-12")
    (said,) = [one.get_text(strip=True) for one in page.select(".notice.tone-warn")]
    assert said == (
        f"{label} from 3 Feb 2027, {label} until 12 Jan 2027: the period ends before it begins. Both dates were left "
        "out."
    )
    assert [page.select_one(f"input[name={name}_{end}]")["value"] for end in ("from", "to")] == [
        "2027-02-03", "2027-01-12",
    ]  # fmt: skip
    assert chips(page) == []
    page = owner.get(f"/admin/{of_list}_from=1.2.2027")
    assert page.select_one(f"input[name={name}_from]")["value"] == "1.2.2027"


def test_each_chip_takes_its_own_filter_away_and_no_other(owner, world):
    page = owner.get("/admin/subscriptions?state=completed&state=cancelled&ended_from=2026-03-11&sort=ended")
    assert chips(page) == ["Cancelled", "Completed", "Ended from 11 Mar 2026"]
    page = owner.get(page.select("a.chip")[0]["href"])
    assert chips(page) == ["Completed", "Ended from 11 Mar 2026"]
    assert "sort=ended" in page.path
    page = owner.get(page.select_one('a[href="/admin/subscriptions"]')["href"])
    assert len(ids(page)) == len(world)


def test_the_panel_adds_to_what_stands(owner, world):
    page = owner.get(f"/admin/subscriptions?product={world['plain'].product_id}&state=completed&late=yes")
    form = page.select_one("form[role=search]")
    sent = {(field["name"], field.get("value")) for field in form.select("input[type=hidden]")}
    assert sent == {("product", str(world["plain"].product_id))}
    assert [box["value"] for box in form.select("input[name=state][checked]")] == ["completed"]
    assert form.select_one("input[name=late][checked]")["value"] == "yes"
    offered = {option["value"] for option in form.select("select[name=product] option")}
    assert offered == {"", str(world["other"].product_id)}, "what narrows already is not offered again"


ORDERS = {
    "created": lambda one: one.created_at,
    "started": lambda one: one.started_at,
    "next": lambda one: one.next_payment_at,
    "ended": lambda one: one.ended_at,
}


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("column", ORDERS)
def test_pages_in_every_order_lose_nobody_and_those_without_a_date_come_last(ctx, make, merchant, now, column, falling):
    customer, product = make.customer(merchant), make.product(merchant)
    day = timedelta(days=1)

    def ended(number):
        return {"status": Status.CANCELLED, "ended_at": now - day * (number % 2)}

    made = [
        make.subscription(
            merchant=merchant, customer=customer, product=product, at_paypal=False,
            created_at=now - day * (number % 3), started_at=now - day * (number % 2) if number % 4 else None,
            next_payment_at=now + day * (number % 3), **(ended(number) if number % 3 else {}),
        )
        for number in range(9)
    ]  # fmt: skip
    with_it = sorted(
        (one for one in made if ORDERS[column](one) is not None), key=lambda one: (ORDERS[column](one), one.id.bytes)
    )
    without = sorted((one for one in made if ORDERS[column](one) is None), key=lambda one: one.id.bytes)
    expected = [one.id for part in (with_it, without) for one in (reversed(part) if falling else part)]
    whose = Whose(merchant_id=merchant.id, time_zone="Europe/Paris", now=now)
    wanted = SubscriptionFilter(order=Order(column, falling))
    seen, place, pages = [], Place(), []
    with ctx.db.read() as session:
        for _page in range(9):
            pages.append(desk.subscriptions_page(session, whose, wanted, place=place, size=2))
            seen += [row.id for row in pages[-1].rows]
            if pages[-1].next_id is None:
                break
            place = Place(after=pages[-1].next_id)
        back = pages[-1]
        for there in reversed(pages[:-1]):
            back = desk.subscriptions_page(session, whose, wanted, place=Place(before=back.previous_id), size=2)
            assert [row.id for row in back.rows] == [row.id for row in there.rows]
    assert seen == expected
    assert pages[0].previous_id is None


def test_by_customer_in_reading_order_with_pages(owner, make, merchant, monkeypatch):
    monkeypatch.setitem(desk.subscriptions_page.__kwdefaults__, "size", 2)
    names = ["Zoé", "émile", "Emma", "Œuvrard", "Yves"]
    for name in names:
        make.subscription(merchant=merchant, customer=make.customer(merchant, name=name), at_paypal=False)
    page = owner.get("/admin/subscriptions?sort=customer")
    shown = [link.get_text(strip=True) for link in page.select("tbody th a")]
    while page.select("a[rel=next]"):
        page = page.follow("Next page")
        shown += [link.get_text(strip=True) for link in page.select("tbody th a")]
    assert shown == ["émile", "Emma", "Œuvrard", "Yves", "Zoé"]


def there_and_back(page):
    """Go through all pages and back again; return what each of them showed, the same both ways."""
    there = [ids(page)]
    while page.select("a[rel=next]"):
        page = page.follow("Next page")
        there.append(ids(page))
    for before in reversed(there[:-1]):
        page = page.follow("Previous page")
        assert ids(page) == before
    return there


@pytest.mark.parametrize("order", ["customer", "-customer"])
def test_those_of_one_name_are_each_there_once_on_every_page(owner, make, merchant, monkeypatch, order):
    monkeypatch.setitem(desk.subscriptions_page.__kwdefaults__, "size", 2)
    people = [make.customer(merchant, name="Marie Martin", email=f"m{number}@exemple.fr") for number in range(4)]
    made = {str(make.subscription(merchant=merchant, customer=one, at_paypal=False).id) for one in people + people[:3]}
    page = owner.get(f"/admin/subscriptions?sort={order}")
    assert sorted(one for seen in there_and_back(page) for one in seen) == sorted(made)


@pytest.mark.parametrize("order", ["", "customer", "-customer", "started"])
def test_beyond_the_last_row_stands_the_last_page_and_before_the_first_the_first(
    owner, make, merchant, monkeypatch, order
):
    """Not the first page, as though it were what follows."""
    monkeypatch.setitem(desk.subscriptions_page.__kwdefaults__, "size", 2)
    for name in ("Ada", "Bo", "Cy", "", ""):
        make.subscription(merchant=merchant, at_paypal=False, customer=make.customer(merchant, name=name))
    path = f"/admin/subscriptions?sort={order}"
    every = [one for seen in there_and_back(owner.get(path)) for one in seen]
    beyond = owner.get(f"{path}&after={every[-1]}")
    assert ids(beyond) == every[-2:]
    assert not beyond.select("a[rel=next]")
    assert ids(beyond.follow("Previous page")) == every[-4:-2]
    assert ids(owner.get(f"{path}&before={every[0]}")) == every[:2]


@pytest.mark.parametrize("order", ["customer", "-customer", "name", "-name"])
def test_who_has_no_name_or_is_erased_comes_last_on_every_page(owner, make, merchant, monkeypatch, now, order):
    path = f"{'subscriptions' if 'customer' in order else 'customers'}?sort={order}"
    for of_list in (desk.subscriptions_page, desk.customers_page):
        monkeypatch.setitem(of_list.__kwdefaults__, "size", 2)
    people = [make.customer(merchant, name=name) for name in ("", "Zoé", "Anna", "", "Émile")]
    people.append(make.customer(merchant, name="", email=None, erased_at=now))
    made = {one.id: make.subscription(merchant=merchant, customer=one, at_paypal=False).id for one in people}
    of_list = made if "subscriptions" in path else {one.id: one.id for one in people}
    page = owner.get(f"/admin/{path}")
    there = [ids(page)]
    while page.select("a[rel=next]"):
        page = page.follow("Next page")
        there.append(ids(page))
    shown = [one for seen in there for one in seen]
    named = [people[place] for place in ((1, 4, 2) if "=-" in path else (2, 4, 1))]
    assert shown[:3] == [str(of_list[one.id]) for one in named]
    assert sorted(shown) == sorted(str(one) for one in of_list.values())
    for before in reversed(there[:-1]):
        page = page.follow("Previous page")
        assert ids(page) == before
    monkeypatch.undo()
    assert ids(owner.get(f"/admin/{path}&q=client.test"))[:3] == shown[:3], "what is searched stands on one page"


def test_heads_sort_and_turn_round(owner, world):
    page = owner.get("/admin/subscriptions?ended_by=customer&ended_by=staff&sort=-ended")
    assert ids(page) == [str(world["by_staff"].id), str(world["by_customer"].id)]
    head = page.select_one("th[aria-sort]")
    assert (head["aria-sort"], head.get_text(strip=True)) == ("descending", "Ended on")
    page = owner.get(head.a["href"])
    assert ids(page) == [str(world["by_customer"].id), str(world["by_staff"].id)]
    assert page.select_one("th[aria-sort]")["aria-sort"] == "ascending"
    assert "2 subscriptions, earliest end first" in page.select_one("caption").get_text()


def test_days_that_are_asked_for_are_shown_in_their_order_unless_another_is_asked_for(owner, world):
    page = owner.get("/admin/subscriptions?ended_from=2020-01-01")
    shown = ids(page)
    assert page.select_one("th[aria-sort]").get_text(strip=True) == "Ended on"
    assert page.select_one("select[name=sort] option[selected]")["value"] == ""
    assert ids(owner.get("/admin/subscriptions?ended_from=2020-01-01&sort=-ended")) == shown
    other = owner.get("/admin/subscriptions?ended_from=2020-01-01&sort=customer")
    assert other.select_one("select[name=sort] option[selected]")["value"] == "customer"
    assert sorted(ids(other)) == sorted(shown)


def test_planned_ends_stand_by_their_days_the_soonest_first(owner, make, merchant, now, monkeypatch):
    monkeypatch.setitem(desk.subscriptions_page.__kwdefaults__, "size", 2)
    one = [make.subscription(merchant=merchant, at_paypal=False) for _number in range(7)]
    for place, days in enumerate((5, 2, 9, 2, 1)):
        make_request(make, one[place], now, state=RequestState.RECORDED, due_at=now + timedelta(days=days))
    make_request(make, one[5], now, state=RequestState.RECORDED, due_at=now - timedelta(days=1))
    same_day = sorted((one[1], one[3]), key=lambda each: each.id.bytes)
    expected = [str(each.id) for each in (one[4], *same_day, one[0], one[2])]
    page = owner.get("/admin/subscriptions?planned=yes")
    assert "5 subscriptions, soonest planned end first" in page.select_one("caption").get_text()
    assert not page.select("th[aria-sort]"), "no column of the table has their days"
    assert there_and_back(page) == [expected[:2], expected[2:4], expected[4:]]
    monkeypatch.undo()
    assert ids(owner.get("/admin/subscriptions?planned=yes&state=active")) == expected
    assert ids(owner.get("/admin/subscriptions?planned=yes&state=paused")) == []
    assert ids(owner.get(f"/admin/subscriptions?planned=yes&q={one[0].provider_id}")) == [str(one[0].id)]
    assert sorted(ids(owner.get("/admin/subscriptions?planned=yes&sort=customer"))) == sorted(expected)


def test_those_without_an_address_stand_by_their_customers_the_newest_first(owner, make, merchant, now, monkeypatch):
    monkeypatch.setitem(desk.subscriptions_page.__kwdefaults__, "size", 2)
    days = {"Ada": 1, "Bo": 9, "Cy": 4, "Di": 2}
    who = {
        name: make.customer(merchant=merchant, name=name, email=None, created_at=now - timedelta(days=ago))
        for name, ago in days.items()
    }
    make.subscription(merchant=merchant, at_paypal=False)  # has an address
    erased = make.customer(merchant=merchant, email=None, erased_at=now)
    make.subscription(merchant=merchant, customer=erased, at_paypal=False)
    of = {name: make.subscription(merchant=merchant, customer=one, at_paypal=False) for name, one in who.items()}
    more = make.subscription(merchant=merchant, customer=who["Cy"], at_paypal=False)
    both = sorted((of["Cy"], more), key=lambda each: each.id.bytes, reverse=True)
    expected = [str(each.id) for each in (of["Ada"], of["Di"], *both, of["Bo"])]
    page = owner.get("/admin/subscriptions?email=none")
    assert "5 subscriptions, newest first" in page.select_one("caption").get_text()
    assert there_and_back(page) == [expected[:2], expected[2:4], expected[4:]]
    monkeypatch.undo()
    assert sorted(ids(owner.get("/admin/subscriptions?email=none&state=active"))) == sorted(expected)
    by_name = [str(each.id) for each in (of["Ada"], of["Bo"], *reversed(both), of["Di"])]
    assert ids(owner.get("/admin/subscriptions?email=none&sort=customer")) == by_name


@pytest.mark.parametrize("way", ["Next page", "Previous page"])
def test_a_page_that_an_act_has_emptied_shows_those_before_it(owner, ctx, make, merchant, monkeypatch, way):
    monkeypatch.setitem(desk.subscriptions_page.__kwdefaults__, "size", 2)
    for _number in range(3):
        make.subscription(merchant=merchant, at_paypal=False)
    first = owner.get("/admin/subscriptions?state=active")
    second = first.follow("Next page")
    place, shown = {"Next page": (first, second), "Previous page": (second, first)}[way]
    with ctx.db.begin() as session:
        gone = [uuid.UUID(one) for one in ids(shown)]
        session.execute(update(Subscription).where(Subscription.id.in_(gone)).values(status=Status.PAUSED))
    again = owner.get(place.link(way))
    assert sorted(ids(again)) == sorted(ids(place))
    assert "No subscription matches" not in again.text


def test_a_planned_end_says_its_day_beside_the_status(owner, ctx, make, merchant, now):
    day = (now + timedelta(days=20)).date()
    wish = wish_of(make.subscription(merchant=merchant), actor=Actor.STAFF, wished_on=day)
    end_requests.record(ctx, wish, now=now)
    row = owner.get("/admin/subscriptions?planned=yes").select_one("tbody tr").get_text(" ", strip=True)
    assert f"End planned on {day.day} {day:%B %Y}" in row


def test_who_is_erased_is_found_without_a_name(owner, make, merchant, now, monkeypatch):
    monkeypatch.setitem(desk.customers_page.__kwdefaults__, "size", 2)
    make.customer(merchant, name="Zoé")
    gone = [make.customer(merchant, name="", email=None, erased_at=now) for _number in range(3)]
    page = owner.get("/admin/customers?erased=yes")
    shown = ids(page) + ids(page.follow("Next page"))
    assert sorted(shown) == sorted(str(one.id) for one in gone)
    assert ids(page.follow("Next page").follow("Previous page")) == shown[:2]


def test_beyond_the_cap_nobody_counts(owner, make, merchant, monkeypatch):
    monkeypatch.setitem(desk.subscriptions_page.__kwdefaults__, "size", 1)
    monkeypatch.setitem(subscription_filters.total.__kwdefaults__, "most", 2)
    for _number in range(3):
        make.subscription(merchant=merchant, at_paypal=False)
    assert "More than 2 subscriptions, newest first" in owner.get("/admin/subscriptions").text
    assert "3 subscriptions" not in owner.get("/admin/subscriptions").text


def test_a_bulk_act_takes_what_the_list_shows_under_every_filter(support, world, ctx):
    page = support.get("/admin/subscriptions?late=yes&sort=customer")
    page = page.submit(press="Preview all 2 that match", action="cancel")
    assert "Payment late" in page.text
    shown = {link["href"].rpartition("/")[2] for link in page.select('tbody a[href*="/subscriptions/"]')}
    assert shown == {str(world[name].id) for name in ("past_due", "overdue")}


def test_customers_are_narrowed_too(owner, make, world, merchant, now):
    def found(query):
        return set(ids(owner.get("/admin/customers?" + query)))

    def who(*names):
        return {str(world[name].customer_id) for name in names}

    assert found("state=completed") == who("completed")
    assert found(f"state=completed&product={world['other'].product_id}") == set()
    assert found(f"product={world['other'].product_id}") == who("other")
    assert found("email=none") == who("nameless")
    assert found("erased=yes") == who("erased")
    assert found("erased=no") == who(*(set(world) - {"erased"}))
    assert found("needs_you=yes") == who("stuck")
    assert found("known_to=2020-01-01") == set()
    assert found("q=claire&state=completed") == who("completed")
    page = owner.get("/admin/customers?sort=-known&late=yes")
    assert "There is no filter “late”" in page.text
    assert f"{len(world)} customers, newest first" in page.text


def test_a_filter_costs_no_more_than_the_plain_list(owner, world, statements):
    def cost(path):
        owner.get(path)
        with statements() as seen:
            owner.get(path)
        return len(seen)

    plain = cost("/admin/subscriptions")
    assert plain <= 9
    for query in ("late=yes", "needs_you=yes", "ended_by=customer&reason=technical"):
        assert cost("/admin/subscriptions?" + query) <= plain
    assert cost("/admin/subscriptions?sort=ended") <= plain + 1, "those that lack the date are looked for behind"
    assert cost(f"/admin/subscriptions?product={world['plain'].product_id}&plan={uuid.uuid4()}") <= plain + 2


def test_the_way_back_from_a_record_leads_to_its_row_on_the_same_page(owner, support, make, merchant, monkeypatch):
    monkeypatch.setitem(desk.subscriptions_page.__kwdefaults__, "size", 2)
    for _number in range(5):
        make.subscription(merchant=merchant, at_paypal=False)
    page = support.get("/admin/subscriptions?state=active&q=").follow("Next page")
    list_path, row = page.path, page.select("tbody th a")[1]
    record = support.get(row["href"])
    way_back = record.link("Back to the list")
    assert way_back == f"{list_path}#{row['id']}"
    record.submit(press="Refresh from PayPal")
    assert support.get(row["href"]).link("Back to the list") == way_back, "also after an act"
    assert support.get(way_back).select_one(f"#{row['id']}")
    assert "Back to the list" not in owner.get(row["href"]).text, "who came by another way has none"


def test_the_browser_keeps_no_word_that_was_searched(owner, world):
    owner.get("/admin/subscriptions?q=claire&state=active")
    way_back = owner.get(f"/admin/subscriptions/{world['plain'].id}").link("Back to the list")
    assert way_back.startswith("/admin/subscriptions?state=active#row-")
    owner.get("/admin/customers?email=none")
    assert "email=none" in owner.get(f"/admin/customers/{world['nameless'].customer_id}").link("Back to the list")


def test_a_page_says_each_thing_once_and_of_very_much_the_beginning(owner, merchant):
    def said(query):
        notices = owner.get(f"/admin/subscriptions?{query}").select("main .notice.tone-warn")
        return [notice.get_text(strip=True) for notice in notices]

    assert said("late=no&late=no") == ["Payment late: there is no “no”. It was left out."]
    many = said("&".join(f"x{number}=1" for number in range(300)))
    assert (len(many), many[-1]) == (6, "295 more were left out.")
    assert said("q=a&q=b") == ["Search: only one answer is possible. “b” was left out."]
    assert max(map(len, said("y" * 3000 + "=1"))) < 200


def test_one_row_alone_is_in_no_order_and_the_only_one_to_preview(support, make, merchant):
    make.subscription(merchant=merchant, at_paypal=False, customer=make.customer(merchant, name="Zoé"))
    for path in ("subscriptions?sort=-started", "customers?sort=name"):
        caption = support.get(f"/admin/{path}").select_one("caption")
        assert caption.get_text() in ("1 subscription", "1 customer")
    page = support.get("/admin/subscriptions").submit(press="Preview the only one that matches", action="cancel")
    assert "Zoé" in page.text


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("marie.mercier91897@gmail.com", "marie.mercier91897<wbr>@gmail.com"),
        ("zoe@mail.of-a-long-name.example.org", "zoe<wbr>@mail.<wbr>of-a-long-name.<wbr>example.<wbr>org"),
        ("o'<b>&co@client.test", "o&#39;&lt;b&gt;&amp;co<wbr>@client.test"),
    ],
)
def test_an_address_in_a_list_goes_on_in_a_new_line_at_its_sign_and_is_read_and_copied_whole(
    owner, make, merchant, email, shown
):
    claire = make.customer(merchant, email=email, name="Claire @ work")
    make.subscription(merchant=merchant, customer=claire, at_paypal=False)
    for path, css in (
        ("subscriptions", "th .note"),
        ("customers", "tbody td"),
        (f"customers/{claire.id}", ".summary dd"),
    ):
        page = owner.get(f"/admin/{path}")
        assert f">{shown}<" in page.body
        assert email in [one.get_text() for one in page.select(css)]
    assert "Claire @ work" in page.body
