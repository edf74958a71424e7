"""A customer sees what was taken for a subscription, and what was given back: on its page, and all together."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from portal.domain.subscriptions import Status
from portal.models import Customer, KeyState, Merchant, PaymentState, PayPalAccount, Provider
from tests.pdf_text import words_of
from tests.web.customer.paying import NOON

DAY = timedelta(days=1)


def test_payments_are_shown_with_what_was_given_back_and_without_anothers(visit, make):
    mine = make.subscription(merchant=visit.merchant, customer=visit.customer)
    other = make.subscription(merchant=visit.merchant)
    assert visit.browser.get(visit.page(mine)).select("table") == []
    make.payment(mine, 40, PaymentState.PARTIALLY_REFUNDED, "10")
    make.payment(mine, 9, PaymentState.COMPLETED)
    make.payment(other, 1, PaymentState.DENIED)
    page = visit.browser.get(visit.page(mine))
    shown = [[cell.get_text(" ", strip=True) for cell in row.select("td")] for row in page.select("tbody tr")]
    assert shown == [["€29.90", "Paid"], ["€29.90", "Partly refunded €10.00"]]
    assert "SALE" not in page.text


def rows(page):
    """What the page's tables say, row by row."""
    return [[cell.get_text(" ", strip=True) for cell in row.select("th, td")] for row in page.select("tbody tr")]


def paragraphs(page):
    return [" ".join(one.get_text().split()) for one in page.select("main p")]


@pytest.fixture
def mine(visit, make):
    return make.subscription(merchant=visit.merchant, customer=visit.customer)


@pytest.fixture
def there(visit):
    return f"{visit.home}payments"


def test_all_are_listed_by_year_the_newest_first_in_every_state(visit, make, mine, till, there):
    old = make.subscription(merchant=visit.merchant, customer=visit.customer, status=Status.CANCELLED)
    other = make.subscription(merchant=visit.merchant)
    till.take(mine, at=NOON)
    till.take(mine, at=NOON + DAY, state=PaymentState.DENIED)
    partly = {"state": PaymentState.PARTIALLY_REFUNDED, "refunded": "10"}
    till.take(mine, at=NOON + 2 * DAY, **partly)
    till.take(mine, at=NOON + 3 * DAY, state=PaymentState.REFUNDED, refunded="29.90")
    till.take(mine, at=NOON + 4 * DAY, state=PaymentState.REVERSED, reversals={"R1": "29.90"})
    till.ask(till.take(mine, at=NOON + 5 * DAY), "5")
    till.ask(till.take(mine, at=NOON + 6 * DAY, **partly), "2.50")
    till.take(old, at=NOON - 400 * DAY)
    till.take(mine, at=NOON + 7 * DAY, state=PaymentState.PENDING)
    till.take(other, "99", at=NOON + 8 * DAY)
    page = visit.browser.get(visit.home).follow("Payments")
    assert page.path == there
    name = mine.product.name
    assert rows(page) == [
        ["8 Mar 2026", name, "€29.90", "Not settled yet"],
        ["7 Mar 2026", name, "€29.90", "Partly refunded €10.00, being refunded: €2.50"],
        ["6 Mar 2026", name, "€29.90", "Paid being refunded: €5.00"],
        ["5 Mar 2026", name, "€29.90", "Reversed through PayPal €29.90"],
        ["4 Mar 2026", name, "€29.90", "Refunded €29.90"],
        ["3 Mar 2026", name, "€29.90", "Partly refunded €10.00"],
        ["2 Mar 2026", name, "€29.90", "Refused"],
        ["1 Mar 2026", name, "€29.90", "Paid"],
        ["25 Jan 2025", old.product.name, "€29.90", "Paid"],
    ]
    assert [one.get_text() for one in page.select("h2")] == ["2026", "2025", "What is this charge?"]
    said = paragraphs(page)
    assert "6 payments: €179.40 in all. Returned: €79.80. Not returned: €99.60." in said
    assert "1 payment: €29.90." in said


def test_each_currency_is_added_up_by_itself_and_none_where_paypal_does_not_say_how_much(visit, mine, till, there):
    till.take(mine, "2980", currency="JPY")
    till.take(mine, "20", currency="JPY")
    till.take(mine, state=PaymentState.PARTIALLY_REFUNDED)
    page = visit.browser.get(there)
    assert "2 payments: ¥3,000 in all." in paragraphs(page)
    assert "1 payment: €29.90. A part was returned; PayPal does not say how much." in paragraphs(page)


def test_a_year_is_the_merchants(visit, ctx, mine, till, there):
    till.take(mine, at=datetime(2025, 12, 31, 23, 30, tzinfo=UTC))
    page = visit.browser.get(there)
    assert page.select_one("h2").get_text() == "2026"
    assert "1 payment: €29.90." in paragraphs(page)
    visit.browser.get(f"{there}/years/2025.csv", status=404)
    assert visit.browser.get(f"{there}/years/2026.csv").body.count("\r\n") == 2


def test_whoever_lives_by_another_clock_reads_the_shops_on_every_paper_of_a_payment(visit, ctx, mine, till, there):
    """31 December, 23:30 in Paris, is the year after in Tokyo: page, table, document and receipt say one day."""
    with ctx.db.begin() as session:
        session.execute(update(Customer).values(time_zone="Asia/Tokyo"))
    paid = till.take(mine, at=datetime(2025, 12, 31, 22, 30, tzinfo=UTC))
    assert rows(visit.browser.get(there))[0][0] == "31 Dec 2025"
    table = visit.browser.get(f"{there}/years/2025.csv").body
    assert '"Time (Paris time)"' in table
    assert '"2025-12-31";"23:30"' in table
    document = visit.browser.client.get(f"{there}/years/2025.pdf", base_url=visit.browser.base_url)
    assert "31Dec2025" in words_of(document.data)
    receipt = visit.browser.get(f"{there}/{paid.id}").text
    assert "31 December 2025 at 23:30 (Paris time)" in receipt
    assert "Tokyo" not in receipt


def test_who_has_none_learns_what_comes(visit, there):
    page = visit.browser.get(there)
    assert "No payment yet" in page.text
    assert "with its receipt" in page.text


@pytest.mark.parametrize(
    ("columns", "key_state", "said"),
    [
        ({}, KeyState.WORKING, ""),
        ({"history_due_at": NOON}, KeyState.WORKING, "still being read from PayPal"),
        ({"history_due_at": NOON}, KeyState.REFUSED, "could not be read from PayPal yet"),
        ({"history_due_at": NOON}, None, "could not be read from PayPal yet"),
        ({"provider": Provider.PAYPAL_CLASSIC}, KeyState.WORKING, "earlier ones are missing here"),
    ],
)
def test_what_is_missing_is_said_and_then_nothing_is_added_up(make, log_in, ctx, till, columns, key_state, said):
    merchant = make.merchant(locale="en", key=key_state is not None)
    visit = log_in(merchant, make.customer(merchant))
    mine = make.subscription(merchant=merchant, customer=visit.customer, **columns)
    if key_state is not None:
        with ctx.db.begin() as session:
            session.execute(update(PayPalAccount).values(state=key_state))
    till.take(mine)
    page = visit.browser.get(f"{visit.home}payments")
    assert said in page.text
    assert ("1 payment: €29.90." in paragraphs(page)) is (not said)
    assert ("missing" in page.text) is bool(said)
    paper = visit.browser.client.get(f"{visit.home}payments/years/2026.pdf", base_url=visit.browser.base_url).data
    assert ("1payment:€29.90." in words_of(paper)) is (not said)
    assert "".join(said.split()) in words_of(paper)


def test_four_hundred_are_read_page_by_page_in_a_bounded_number_of_statements(visit, mine, till, there, statements):
    for day in range(400):
        state, back = (PaymentState.COMPLETED, "0") if day % 40 else (PaymentState.REFUNDED, "29.90")
        till.take(mine, at=NOON - day * DAY, state=state, refunded=back)
    with statements() as seen:
        page = visit.browser.get(there)
    assert len(seen) <= 6, seen
    found = rows(page)
    assert "60 payments: €1,794.00 in all. Returned: €59.80. Not returned: €1,734.20." in paragraphs(page)
    for number in range(2, 9):
        page = page.follow("Next page")
        assert page.h1 == f"Payments, page {number}"
        found += rows(page)
    assert len(found) == 400
    assert "Next page" not in page.text
    assert visit.browser.get(f"{there}?page=2").follow("Previous page").path == there
    assert visit.browser.get(f"{there}?page=99").path == there
    for wrong in ("0", "-1", "abc", "99999999999999999999", ""):
        assert visit.browser.get(f"{there}?page={wrong}").status == 200
    with statements() as seen:
        visit.browser.get(f"{there}/years/2025.csv")
    assert len(seen) <= 3, seen


def test_a_year_as_a_table_that_calculates_nothing(visit, make, till, there):
    product = make.product(visit.merchant, name='=HYPERLINK("http://x")')
    mine = make.subscription(merchant=visit.merchant, customer=visit.customer, product=product)
    partly = {"state": PaymentState.PARTIALLY_REFUNDED, "refunded": "10"}
    till.ask(till.take(mine, number="AAA1", **partly), "2.5")
    till.take(mine, "2980", at=NOON + DAY, number="AAA2", currency="JPY")
    till.take(mine, at=NOON + 2 * DAY, number="AAA3", state=PaymentState.PARTIALLY_REFUNDED)
    till.take(mine, at=NOON + 3 * DAY, number="AAA4", state=PaymentState.DENIED)
    till.take(mine, at=NOON + 400 * DAY, number="AAA5")
    answer = visit.browser.client.get(f"{there}/years/2026.csv", base_url=visit.browser.base_url)
    assert answer.mimetype == "text/csv"
    assert f'filename="payments-{visit.merchant.slug}-2026.csv"' in answer.headers["Content-Disposition"]
    assert answer.data.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))
    assert lines[0][:2] == ["Date", "Time (Paris time)"]
    name, number = "'" + product.name, mine.provider_id
    assert lines[1:] == [
        ["2026-03-01", "13:00", name, "29.90", "EUR", "Partly refunded", "10.00", "2.50", "AAA1", number],
        ["2026-03-02", "13:00", name, "2980", "JPY", "Paid", "0", "0", "AAA2", number],
        [
            *("2026-03-03", "13:00", name, "29.90", "EUR", "Partly refunded"),
            *("PayPal does not say how much", "0.00", "AAA3", number),
        ],
        ["2026-03-04", "13:00", name, "29.90", "EUR", "Refused", "0.00", "0.00", "AAA4", number],
    ]


def test_a_year_as_one_document(french_visit, make, till):
    mine = make.subscription(merchant=french_visit.merchant, customer=french_visit.customer)
    till.take(mine, "1234.50", number="AAA1")
    till.take(mine, "12000", at=NOON + DAY, number="AAA2", currency="JPY")
    there = f"{french_visit.home}payments/years/2026"
    answer = french_visit.browser.client.get(f"{there}.pdf", base_url=french_visit.browser.base_url)
    assert answer.mimetype == "application/pdf"
    assert f'filename="paiements-{french_visit.merchant.slug}-2026.pdf"' in answer.headers["Content-Disposition"]
    words = words_of(answer.data)
    for said in ("Paiementsde2026", "Ceciestunrelevédepaiements,pasunefacture.", "AAA1", "AAA2", "ClaireDupont"):
        assert said in words
    assert "1paiement:1234,50€." in words
    assert "1paiement:12000JPY." in words
    table = french_visit.browser.client.get(f"{there}.csv", base_url=french_visit.browser.base_url)
    assert f"paiements-{french_visit.merchant.slug}-2026.csv" in table.headers["Content-Disposition"]


@pytest.mark.parametrize("year", ["9999", "0000", "0", "abc", "1997", "2101", "2025", "02026", "-2026", "2026.5"])
@pytest.mark.parametrize("kind", ["csv", "pdf"])
def test_what_is_no_year_with_payments_is_not_found(visit, mine, till, there, year, kind):
    till.take(mine)
    visit.browser.get(f"{there}/years/{year}.{kind}", status=404)


def test_amounts_in_french_have_their_own_spaces(french_visit, make, till):
    mine = make.subscription(merchant=french_visit.merchant, customer=french_visit.customer)
    till.take(mine, "1234.50")
    body = french_visit.browser.get(f"{french_visit.home}payments").body
    assert "1\u202f234,50\u00a0€" in body
    assert "1 paiement\u00a0: 1\u202f234,50\u00a0€." in body


def test_left_out_there_is_no_page_of_it_at_all(visit, ctx, mine, till, there):
    paid = till.take(mine)
    with ctx.db.begin() as session:
        session.get_one(Merchant, visit.merchant.id).hidden_sections = ["payments"]
    home = visit.browser.get(visit.home)
    assert "Payments" not in [one.get_text() for one in home.select("nav a")]
    for path in ("", "/search", f"/{paid.id}", f"/{paid.id}/receipt.pdf", "/years/2026.csv", "/years/2026.pdf"):
        visit.browser.get(there + path, status=404)
    visit.browser.get(f"{visit.home}receipts", status=404)


def test_the_merchants_link_leads_to_the_payments_after_the_log_in(browser, make, till, code_and_link):
    merchant = make.merchant(locale="en")
    customer = make.customer(merchant)
    till.take(make.subscription(merchant=merchant, customer=customer))
    page = browser.get(f"/account/{merchant.slug}/receipts")
    page = page.submit(email=customer.email).submit(code=code_and_link()[0])
    assert page.path == f"/account/{merchant.slug}/payments"
    assert len(rows(page)) == 1


def test_the_page_of_a_subscription_leads_to_the_receipts(visit, mine, till):
    paid = till.take(mine)
    page = visit.browser.get(visit.page(mine))
    assert page.link("1 Mar 2026") == f"{visit.home}payments/{paid.id}"
    assert page.follow("See all your payments").h1 == "Payments"
