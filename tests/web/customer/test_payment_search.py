"""What is this charge? Answered of one's own alone, however the number was copied, and not without end."""

from __future__ import annotations

import pytest

from portal.domain.money.refunds import RefundState
from portal.models import PaymentState
from tests.web.customer.paying import NOON

NUMBER = "8MC585209K746392H"


@pytest.fixture
def mine(visit, make):
    return make.subscription(merchant=visit.merchant, customer=visit.customer)


@pytest.fixture
def look(visit):
    """Type a number and send it."""

    def up(number, status=200):
        return visit.browser.submit(f"{visit.home}payments/search", number=number, status=status)

    return up


@pytest.mark.parametrize(
    "typed", [NUMBER, NUMBER.lower(), f"  {NUMBER}\t", "8MC58520 9K746392H", "8mc58520\u00a09k746392h"]
)
def test_a_payment_is_found_however_its_number_was_copied(visit, mine, till, look, typed):
    paid = till.take(mine, number=NUMBER)
    till.take(mine)
    page = look(typed)
    assert page.path == f"{visit.home}payments/{paid.id}"
    assert page.notices == [f"The PayPal number {NUMBER} is this payment."]


def test_a_subscription_is_found_by_its_number(visit, mine, look):
    page = look(f" {mine.provider_id.lower()} ")
    assert page.path == visit.page(mine)
    assert page.notices == [f"The PayPal number {mine.provider_id} is this contract."]


@pytest.mark.parametrize(
    ("columns", "asked"), [({"refunds": {"9AB": "10"}}, False), ({"reversals": {"9AB": "10"}}, False), ({}, True)]
)
def test_money_that_went_back_is_found_with_its_payment(visit, mine, till, look, columns, asked):
    state = PaymentState.COMPLETED if asked else PaymentState.PARTIALLY_REFUNDED
    paid = till.take(mine, state=state, **columns)
    if asked:
        till.ask(paid, "10", RefundState.PENDING, number="9AB")
    page = look("9ab")
    assert page.path == f"{visit.home}payments/{paid.id}"
    assert page.notices == ["The PayPal number 9AB is money returned from this payment."]


@pytest.mark.parametrize("same_merchant", [True, False])
def test_of_anothers_is_said_what_is_said_of_nobodys(visit, make, till, look, same_merchant):
    merchant = visit.merchant if same_merchant else make.merchant(locale="en")
    theirs = make.subscription(merchant=merchant, customer=make.customer(merchant))
    paid = till.take(theirs, number=NUMBER, refunds={"9AB": "1"}, state=PaymentState.PARTIALLY_REFUNDED)
    till.ask(till.take(theirs), "10", RefundState.PENDING, number="9CD")
    nobodys = look("XX").text
    for number in (paid.provider_id, theirs.provider_id, "9AB", "9CD"):
        page = look(number)
        assert page.path == f"{visit.home}payments/search"
        assert page.text.replace(number, "XX") == nobodys
    assert f"XX is none of your payments to {visit.merchant.name}" in nobodys
    assert visit.merchant.support_email is None or visit.merchant.support_email in nobodys


def test_what_may_be_missing_is_said_with_it(visit, make, look):
    make.subscription(merchant=visit.merchant, customer=visit.customer, history_due_at=NOON)
    assert "still being read from PayPal" in look(NUMBER).text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Enter the number."),
        ("   ", "Enter the number."),
        ("A" * 500, "Enter the number alone: at most 40 letters and digits."),
        ("PAYPAL *ATELIER", "Enter the number alone: at most 40 letters and digits."),
        ("5TY'--", "Enter the number alone: at most 40 letters and digits."),
        ("%", "Enter the number alone: at most 40 letters and digits."),
    ],
)
def test_what_is_no_number_is_said_to_be_none_and_kept(look, typed, said):
    page = look(typed, status=422)
    assert page.errors == [said]
    kept = "".join(typed.split()).upper()
    assert page.select_one("#number")["value"] == kept


def test_a_number_is_not_tried_without_end(visit, mine, till, look):
    till.take(mine, number=NUMBER)
    for place in range(30):
        look(f"GUESS{place}")
    assert visit.browser.submit(f"{visit.home}payments/search", number=NUMBER, status=429).status == 429


def test_one_customers_tries_close_no_door_for_another(visit, make, log_in, look):
    for place in range(30):
        look(f"GUESS{place}")
    other = log_in(visit.merchant, make.customer(visit.merchant))
    other.browser.client.environ_base["REMOTE_ADDR"] = "198.51.100.9"
    assert other.browser.submit(f"{other.home}payments/search", number=NUMBER).status == 200
