"""Search at the desk: by the beginning of each word, however it is written; nothing that is typed breaks a page."""

from __future__ import annotations

import uuid
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from sqlalchemy import delete, text

from portal import extensions
from portal.domain.desk.customer_filters import CustomerFilter
from portal.domain.desk.subscription_filters import SubscriptionFilter
from portal.domain.ends.end_requests import RequestState
from portal.domain.subscriptions import Status
from portal.models import Customer
from portal.queries.desk import desk
from portal.queries.desk.subscription_filters import Whose
from tests.web.admin.waiting import make_request

SECONDS = 0.25


def asked(path, **query):
    return f"/admin/{path}?{urlencode(query)}"


def found(browser, search, path="subscriptions", **more):
    """The ids of what the list shows for a search."""
    page = browser.get(asked(path, q=search, **more))
    links = [link["href"].rpartition("/") for link in page.select("tbody th a")]
    assert all(start == f"/admin/{path}" for start, _slash, _id in links)
    return {uuid.UUID(one) for _start, _slash, one in links}


@pytest.fixture
def people(make, merchant):
    """Three customers, each with a subscription; the first is sought."""
    claire = make.customer(
        merchant,
        name="Claire-Lise D’Œuvray Straße",
        email="c.oeuvray+cours@mail.mon-atelier.test",
        payer_id="QX7PAYER33",
    )
    clara = make.customer(merchant, name="Clara Dupont", email="clara@client.test")
    other = make.customer(merchant, name="Zoë Claire", email="zoe@client.test", payer_id="PAYER99")
    return [
        make.subscription(merchant=merchant, customer=one, provider_id=f"I-{code}", at_paypal=False)
        for one, code in ((claire, "AB12CD34EF56"), (clara, "ZZ12CD34EF56"), (other, "YY99XX88"))
    ]


FINDS_THE_FIRST = (
    *("oeuvray", "ŒUVR", "œuvray claire", "lise CLAIRE", "claire-lise", "d'oeuvray", "d’Œuvray", "stra cla", "strasse"),
    *("straße", "oeu, claire", "  lise   oeu  ", "c.oeuvray", "oeuvray+cours@", "cours", "mail.mon", "mon-atelier"),
    *("atelier", "atelier.test", "C.Oeuvray+Cours@Mail.Mon-Atelier.Test", "@mail", "lise atelier"),
    *("I-AB12", "i-ab12cd34ef56", "ab12", "AB12CD34EF56", "qx7payer", "QX7PAYER33"),
)
FINDS_NOBODY = ("uvray", "claire dupont", "lise zoe", "12CD", "mon.atelier", "ient.test", "oeuvray x", "%", "oeuv_ay")


def test_the_beginning_of_each_word_finds_it_however_it_is_written(owner, people):
    wanted, *_others = people
    for search in FINDS_THE_FIRST:
        assert found(owner, search) == {wanted.id}, search
        assert found(owner, search, "customers") == {wanted.customer_id}, search
    for search in FINDS_NOBODY:
        assert found(owner, search) == found(owner, search, "customers") == set(), search


def test_by_the_reference_of_a_request_or_of_a_notice(owner, make, merchant, people, now, declared):
    first, second, _third = people
    request = make_request(make, first, now, state=RequestState.NEEDS_MERCHANT)
    notice = declared(subscription_id=second.id)
    for row, subscription in ((request, first), (notice, second)):
        for typed in (row.reference, row.reference.lower(), row.reference[:6], row.reference.replace("-", "")):
            assert found(owner, typed) == {subscription.id}, typed
            assert found(owner, typed, "customers") == {subscription.customer_id}, typed


def test_a_search_is_narrowed_by_status_and_product_and_stays_with_its_merchant(owner, make, merchant, people):
    ended = make.subscription(merchant=merchant, customer=people[0].customer, status=Status.CANCELLED, at_paypal=False)
    strangers = make.merchant(key=False)
    theirs = make.subscription(
        merchant=strangers,
        customer=make.customer(strangers, name="Claire-Lise"),
        provider_id="I-AB12X",
        at_paypal=False,
    )
    assert found(owner, "lise") == {people[0].id, ended.id}
    assert found(owner, "lise", status="cancelled") == {ended.id}
    assert found(owner, "lise", product=str(people[0].product_id)) == {people[0].id}
    assert theirs.id not in found(owner, "ab12") | found(owner, "i-ab12x")


def test_words_follow_every_change_whoever_writes_it(ctx, owner, make, merchant):
    customer = make.customer(merchant, name="Avant", email="avant@client.test", payer_id="OLD1")
    with ctx.db.begin() as session:
        row = session.get_one(Customer, customer.id)
        row.name, row.email, row.payer_id = "Après", "nouveau@ailleurs.test", "NEW1"
    for gone, there in (("avant", "apres"), ("client.test", "ailleurs"), ("old1", "new1")):
        assert found(owner, gone, "customers") == set()
        assert found(owner, there, "customers") == {customer.id}
    with ctx.db.begin() as session:
        session.execute(text("UPDATE customers SET name = 'Ailleurs-Encore', email = NULL"))
    assert found(owner, "encore", "customers") == {customer.id}
    assert found(owner, "nouveau", "customers") == set()
    with ctx.db.begin() as session:
        session.execute(delete(Customer).where(Customer.id == customer.id))
    with ctx.db.read() as session:
        assert session.scalars(text("SELECT word FROM search_words")).all() == []


def test_more_than_a_page_is_said_and_costs_no_more(owner, make, merchant, monkeypatch):
    monkeypatch.setitem(desk.subscriptions_page.__kwdefaults__, "size", 2)
    monkeypatch.setitem(desk.customers_page.__kwdefaults__, "size", 2)
    made = [make.subscription(merchant=merchant, at_paypal=False) for _ in range(2)]
    assert found(owner, "claire") == {one.id for one in made}
    assert "More than" not in owner.get("/admin/subscriptions?q=claire").text
    make.subscription(merchant=merchant, at_paypal=False)
    for path in ("subscriptions", "customers"):
        page = owner.get(f"/admin/{path}?q=claire")
        assert len(page.select("tbody tr")) == 2
        assert "More than 2 results" in page.text
        assert "Next page" not in page.text


STRANGE = [
    "x" * 500, "é " * 250, "a" + " b" * 60, "m", "%", "_", "100%", "\\", "´¨^`", "\u0301\u0300", ".,;!?()[]{}'\"-@",
    "«»", "محمد علي", "\u202eabc", "😀", "👩‍👩‍👧", "\ud7ff\uffff", "'; DROP TABLE customers; --", "I-", "i", "-",
    "a@", "@", "x@y@z", "xn--", "a@b..c", "ﬀ", "İstanbul", "1" * 100 + "@" + "a" * 99,
]  # fmt: skip


@pytest.mark.parametrize("path", ["subscriptions", "customers"])
def test_whatever_is_typed_the_page_is_clear(owner, make, merchant, path):
    make.subscription(merchant=merchant, at_paypal=False)
    for typed in STRANGE:
        page = owner.get(asked(path, q=typed))
        nothing = page.select(".empty")
        assert len(page.select("tbody tr")) == 1 or nothing, typed
        field = page.select_one('input[name="q"]')["value"]
        assert field.strip() == typed.strip(), "what was typed stays"
    owner.get(asked(path, q="a\x00b"), status=400)
    for nothing_to_search in ("´¨^`", ".,;!?", "%"):
        assert "at least one letter or digit" in owner.get(asked(path, q=nothing_to_search)).text


def test_names_of_other_scripts_are_found(owner, make, merchant):
    for name, search in (("محمد علي", "علي"), ("Иван Ёлкин", "елк"), ("李 小龙", "小"), ("Łucja Øster", "oster lucja")):
        customer = make.customer(merchant, name=name)
        assert found(owner, search, "customers") == {customer.id}, name


@pytest.fixture
def sluggish(ctx, monkeypatch):
    """A database that takes longer for each row of a table than a list may take."""

    def slow(table):
        monkeypatch.setattr(extensions, "BROWSING", SECONDS)
        with ctx.db.begin() as session:
            session.execute(text(f"ALTER TABLE {table} RENAME TO {table}_there"))
            slowed = f"SELECT {table}_there.* FROM {table}_there, LATERAL (SELECT pg_sleep({2 * SECONDS})) AS slow"  # noqa: S608
            session.execute(text(f"CREATE VIEW {table} AS {slowed} OFFSET 0"))

    return slow


def test_what_takes_too_long_says_what_to_narrow_with_what_was_typed(owner, reader, make, merchant, sluggish):
    make.subscription(merchant=merchant, at_paypal=False)
    sluggish("customers")
    page = owner.get("/admin/subscriptions?q=claire&status=active", status=503)
    assert "Type more of the name" in page.text
    assert page.select_one('input[name="q"]')["value"] == "claire"
    assert page.select_one('input[name="state"][checked]')["value"] == "active"
    page = reader.get("/admin/customers?q=claire", status=503)
    assert page.select_one('input[name="q"]')["value"] == "claire"
    assert page.select('main a[href="/admin/customers"]')


@pytest.mark.parametrize("typed", ["{}", "{} ", "small", "no hyphen", "start"])
def test_a_request_that_waits_to_be_matched_is_found_by_its_reference(owner, declared, typed):
    """Whoever wrote has it in their acknowledgement; no subscription bears it yet."""
    letter = declared()
    said = letter.reference
    how = {"small": said.lower(), "no hyphen": said.replace("-", ""), "start": said[:4]}
    page = owner.get(asked("subscriptions", q=how.get(typed, typed.format(said))))
    assert page.link(f"Request {said} of Zoé Durand waits to be matched") == f"/admin/received/{letter.id}"
    assert "waits to be matched" not in owner.get(asked("subscriptions", q="ZZZZ-ZZZZ")).text


@pytest.mark.parametrize("typed", ["2026-00412", "2026-004", "Vertrag Nr. 7", "vertrag", "VERTRAG nr"])
def test_a_subscription_is_found_by_the_merchants_own_reference(owner, make, merchant, typed):
    """Who calls names the number of their contract, as the merchant's own system gave it."""
    one = make.subscription(merchant=merchant, at_paypal=False, reference="2026-00412")
    two = make.subscription(merchant=merchant, at_paypal=False, reference="Vertrag Nr. 7")
    make.subscription(merchant=merchant, at_paypal=False, reference="2025-1")
    make.subscription(merchant=make.merchant(name="Other"), at_paypal=False, reference=typed)
    sought = one if typed.startswith("2026") else two
    page = owner.get(f"/admin/subscriptions?q={typed}")
    assert [link["href"].rpartition("/")[2] for link in page.select("tbody th a")] == [str(sought.id)]
    page = owner.get(f"/admin/customers?q={typed}")
    assert [link["href"].rpartition("/")[2] for link in page.select("tbody th a")] == [str(sought.customer_id)]


def test_a_choice_that_takes_too_long_is_no_act_and_says_so(owner, make, merchant, sluggish, ctx, monkeypatch):
    for _ in range(2):
        make.subscription(merchant=merchant, at_paypal=False, next_payment_at=make.now() + timedelta(days=3))
    page = owner.get("/admin/subscriptions?q=claire")
    sluggish("search_words")
    answer = page.submit(press="Preview all 2 that match", action="cancel", status=503)
    assert "Nothing was changed." in answer.text
    assert answer.select_one('input[name="q"]')["value"] == "claire"
    with ctx.db.read() as session:
        assert session.scalar(text("SELECT count(*) FROM bulk_acts")) == 0


def test_somebody_with_many_words_that_begin_alike_hides_nobody(ctx, make):
    merchant = make.merchant()
    product = make.product(merchant)
    for number in range(60):
        name = f"Claire{number} Charlotte{number} Cordier{number}"
        one = make.customer(merchant, name=name, email=f"cc{number}@cours.com", payer_id=f"CX{number:02}")
        make.subscription(merchant=merchant, product=product, customer=one, at_paypal=False)
    with ctx.db.begin() as session:
        session.execute(text("ANALYZE search_words, customers, subscriptions"))
    with ctx.db.browse() as session:
        whose = Whose(merchant_id=merchant.id, time_zone="Europe/Paris", now=make.now())
        pages = [
            desk.subscriptions_page(session, whose, SubscriptionFilter(search="c")),
            desk.customers_page(session, whose, CustomerFilter(search="c")),
        ]
    assert [(len(page.rows), page.is_cut) for page in pages] == [(50, True)] * 2
