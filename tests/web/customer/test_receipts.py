"""The receipt of a payment: of what was taken alone, with what became of it since, and of nobody else's."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.money.refunds import RefundState
from portal.models import Logo, Merchant, PaymentState
from portal.services.pictures import cleaned
from tests.pdf_text import tags_of, words_of
from tests.services.made_pictures import png
from tests.web.customer.paying import NOON

TEXT = "SARL Été, 3 rue du Port\nTVA FR12 345678901"
APRIL = datetime(2026, 4, 1, 8, tzinfo=UTC)


@pytest.fixture
def mine(visit, make):
    return make.subscription(merchant=visit.merchant, customer=visit.customer)


@pytest.fixture
def at(visit):
    """The page of a payment."""
    return lambda paid: f"{visit.home}payments/{paid.id}"


@pytest.fixture
def paper(visit, at):
    """What the PDF of a receipt reads, without spaces; and its bytes."""

    def read(paid):
        answer = visit.browser.client.get(f"{at(paid)}/receipt.pdf", base_url=visit.browser.base_url)
        assert answer.status_code == 200
        assert answer.mimetype == "application/pdf"
        return answer.data

    return read


def figures(page):
    return {row.dt.get_text(): " ".join(row.dd.get_text().split()) for row in page.select("dl.summary > div")}


def test_it_says_what_was_paid_to_whom_and_for_what(visit, ctx, mine, till, at, paper):
    with ctx.db.begin() as session:
        merchant = session.get_one(Merchant, visit.merchant.id)
        merchant.receipt_text, merchant.legal_url = TEXT, "https://ete.test/legal"
    paid = till.take(mine, number="5TY05013RG002845M")
    page = visit.browser.get(at(paid))
    assert page.h1 == "Receipt for €29.90"
    assert f"You paid €29.90 to {visit.merchant.name} on Sunday 1 March 2026 at 13:00 (Paris time)." in page.text
    assert figures(page) == {
        "Paid to": visit.merchant.name,
        "Paid by": f"Claire Dupont, {visit.customer.email}",
        "Product": mine.product.name,
        "Paid on": "Sunday 1 March 2026 at 13:00",
        "Amount": "€29.90",
        "Paid with": "PayPal",
        "PayPal transaction ID, as the seller has it": ("5TY05013RG002845M (PayPal’s test environment: no real money)"),
        "PayPal subscription ID": mine.provider_id,
    }
    for said in ("SARL Été, 3 rue du Port", "TVA FR12 345678901", "Legal notice: https://ete.test/legal"):
        assert said in page.text
    assert "This is a receipt, not an invoice." in page.text
    words = words_of(paper(paid))
    for said in (*figures(page).values(), *TEXT.splitlines(), "This is a receipt, not an invoice."):
        assert "".join(said.split()) in words


def test_without_lines_of_the_merchants_nothing_is_said_of_vat(french_visit, make, till):
    paid = till.take(make.subscription(merchant=french_visit.merchant, customer=french_visit.customer))
    page = french_visit.browser.get(f"{french_visit.home}payments/{paid.id}")
    assert page.h1 == "Reçu de 29,90 €"
    assert "Ceci est un reçu, pas une facture." in page.text
    assert page.text.lower().count("facture") == 1
    assert "TVA" not in page.text


def test_the_logo_is_on_the_paper(visit, ctx, make, mine, till, paper):
    paid, logo_id = till.take(mine), uuid.uuid4()
    assert "/Figure" not in tags_of(paper(paid))
    make.add(Logo(id=logo_id, merchant_id=visit.merchant.id, content=cleaned(png())))
    with ctx.db.begin() as session:
        session.get_one(Merchant, visit.merchant.id).logo_id = logo_id
    assert "/Figure" in tags_of(paper(paid))


@pytest.mark.parametrize("state", [PaymentState.DENIED, PaymentState.PENDING])
def test_of_what_was_not_taken_there_is_none(visit, mine, till, at, state):
    paid = till.take(mine, state=state)
    page = visit.browser.get(at(paid))
    assert page.h1 == "Payment of €29.90"
    assert ("PayPal took nothing, so there is no receipt" in page.text) is (state is PaymentState.DENIED)
    assert "Receipt (PDF)" not in page.text
    visit.browser.get(f"{at(paid)}/receipt.pdf", status=404)


def test_a_part_that_went_back_is_told_with_its_day_and_number(visit, mine, till, at, paper):
    paid = till.take(mine, state=PaymentState.PARTIALLY_REFUNDED, refunded="10", refunds={"9AB": "10"})
    till.tell(paid, "10.00", APRIL, number="9AB")
    page = visit.browser.get(at(paid))
    assert "€10.00 of it was returned to you." in page.text
    assert figures(page)["Refunded"] == "€10.00, confirmed by PayPal on Wednesday 1 April 2026 (9AB)"
    assert figures(page)["Not returned"] == "€19.90"
    assert "".join(figures(page)["Refunded"].split()) in words_of(paper(paid))


@pytest.mark.parametrize(
    ("columns", "told", "rows", "said"),
    [
        (
            {"state": PaymentState.REFUNDED, "refunded": "29.90"},
            [],
            ["Refunded: €29.90, on a day that PayPal has not reported", "Not returned: €0.00"],
            "All of it was returned to you.",
        ),
        (
            {"state": PaymentState.REVERSED, "reversals": {"R1": "29.90"}},
            [],
            ["Reversed through PayPal: €29.90, on a day that PayPal has not reported", "Not returned: €0.00"],
            "All of it was returned to you.",
        ),
        (
            {"state": PaymentState.PARTIALLY_REFUNDED},
            [],
            [],
            "A part of it was returned to you. PayPal does not say how much.",
        ),
        (  # one part with its day, one that nobody told of
            {"state": PaymentState.PARTIALLY_REFUNDED, "refunded": "15"},
            [("10.00", "refund")],
            [
                "Refunded: €10.00, confirmed by PayPal on Wednesday 1 April 2026",
                "Refunded: €5.00, on a day that PayPal has not reported",
                "Not returned: €14.90",
            ],
            "€15.00 of it was returned to you.",
        ),
        (  # a refund and a reversal; of neither a day
            {"state": PaymentState.PARTIALLY_REFUNDED, "refunds": {"A": "10"}, "reversals": {"B": "5"}},
            [],
            [
                "Refunded: €10.00, on a day that PayPal has not reported",
                "Reversed through PayPal: €5.00, on a day that PayPal has not reported",
                "Not returned: €14.90",
            ],
            "€15.00 of it was returned to you.",
        ),
        (  # staff gave a part back, then PayPal took the rest: the second entry is of a payment that both emptied
            {"state": PaymentState.REVERSED, "refunds": {"A": "20"}, "reversals": {"B": "9.90"}},
            [("20.00", "refund"), ("9.90", "both")],
            [
                "Refunded: €20.00, confirmed by PayPal on Wednesday 1 April 2026",
                "Reversed through PayPal: €9.90, confirmed by PayPal on Wednesday 1 April 2026",
                "Not returned: €0.00",
            ],
            "All of it was returned to you.",
        ),
        (  # PayPal took a part, and the rest was given back by hand
            {"state": PaymentState.REFUNDED, "refunds": {"A": "19.90"}, "reversals": {"B": "10"}},
            [("10.00", "reversal"), ("19.90", "both")],
            [
                "Reversed through PayPal: €10.00, confirmed by PayPal on Wednesday 1 April 2026",
                "Refunded: €19.90, confirmed by PayPal on Wednesday 1 April 2026",
                "Not returned: €0.00",
            ],
            "All of it was returned to you.",
        ),
        (  # taken back, and given to the merchant again: what was told is no sum of today any more
            {"state": PaymentState.COMPLETED, "reversals": {"B": "29.90", "C": "-29.90"}},
            [("29.90", "reversal")],
            [],
            "",
        ),
    ],
)
def test_the_sums_that_went_back_add_up_whatever_was_told(visit, mine, till, at, columns, told, rows, said):
    paid = till.take(mine, **columns)
    for number, (amount, by) in enumerate(told):
        till.tell(paid, amount, APRIL + timedelta(minutes=number), by=by)
    page = visit.browser.get(at(paid))
    wanted = ("Refunded", "Reversed through PayPal", "Not returned")
    found = [(row.dt.get_text(), " ".join(row.dd.get_text().split())) for row in page.select("dl.summary > div")]
    assert [f"{label}: {value}" for label, value in found if label in wanted] == rows
    assert said in page.text
    assert ("returned to you" in page.text) is bool(said)


@pytest.mark.parametrize("state", [RefundState.RECORDED, RefundState.RETRYING, RefundState.PENDING])
def test_a_refund_under_way_is_said_and_nothing_is_settled(visit, mine, till, at, paper, state):
    paid = till.take(mine)
    till.ask(paid, "29.90", state, "R-1" if state is RefundState.PENDING else "")
    page = visit.browser.get(at(paid))
    said = "A refund of €29.90 is under way: PayPal has not confirmed it yet."
    assert said in page.text
    assert "returned to you" not in page.text
    assert page.select_one("article.receipt-open")
    assert "".join(said.split()) in words_of(paper(paid))


def test_one_that_paypal_does_not_make_is_not_said_to_be_under_way(visit, mine, till, at):
    paid = till.take(mine)
    till.ask(paid, "29.90", RefundState.NEEDS_MERCHANT)
    for path in (at(paid), f"{visit.home}payments"):
        page = visit.browser.get(path)
        assert "under way" not in page.text
        assert "being refunded" not in page.text


def test_a_refund_that_failed_is_not_under_way(visit, mine, till, at):
    paid = till.take(mine)
    till.ask(paid, "29.90", RefundState.FAILED)
    page = visit.browser.get(at(paid))
    assert "under way" not in page.text
    assert page.select_one("article.receipt-open") is None


def test_a_payment_of_yen_has_no_decimals(french_visit, make, till):
    paid = till.take(
        make.subscription(merchant=french_visit.merchant, customer=french_visit.customer), "2980", currency="JPY"
    )
    page = french_visit.browser.get(f"{french_visit.home}payments/{paid.id}")
    assert figures(page)["Montant"] == "2 980 JPY"
    assert "2\u202f980\u00a0JPY" in page.body


@pytest.mark.parametrize("more", ["", "/receipt.pdf"])
@pytest.mark.parametrize("same_merchant", [True, False])
def test_anothers_does_not_exist(visit, make, till, more, same_merchant):
    merchant = visit.merchant if same_merchant else make.merchant(locale="en")
    theirs = till.take(make.subscription(merchant=merchant, customer=make.customer(merchant)))
    for name in (theirs.id, uuid.uuid4(), "not-an-id", "I-BW452GLLEP1G", theirs.provider_id):
        visit.browser.get(f"{visit.home}payments/{name}{more}", status=404)


def test_what_was_a_customers_before_it_went_to_another_is_theirs_no_more(visit, ctx, make, mine, till, at):
    paid = till.take(mine)
    other = make.customer(visit.merchant)
    with ctx.db.begin() as session:
        session.merge(mine).customer_id = other.id
    visit.browser.get(at(paid), status=404)


def test_the_newest_hour_of_a_year_belongs_to_the_merchants_day(visit, make, mine, till, at):
    paid = till.take(mine, at=datetime(2026, 12, 31, 23, 30, tzinfo=UTC) - timedelta(days=365))
    assert "Thursday 1 January 2026 at 00:30 (Paris time)" in visit.browser.get(at(paid)).text


def test_a_name_that_nobody_gave_is_paypals_number(visit, make, till, at):
    product = make.product(visit.merchant, name="")
    nameless = make.subscription(merchant=visit.merchant, customer=visit.customer, product=product)
    assert figures(visit.browser.get(at(till.take(nameless, at=NOON))))["Product"] == (
        f"Contract {nameless.provider_id}"
    )
