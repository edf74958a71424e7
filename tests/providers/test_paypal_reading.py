"""The lenient reader and the strict writer: odd answers, odd names, odd amounts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.money.money import Money
from portal.providers.paypal import PayPalGateways, mapping
from portal.providers.paypal.client import NEUTRAL_REASON, clean_reason

NAMES = [
    ("Zoë", "D’Arcy-Lefèvre", "Zoë D’Arcy-Lefèvre"),
    ("عائشة", "القحطاني", "عائشة القحطاني"),
    ("花子", "山田", "花子 山田"),
    ("Anne\x00\n", " Marie ", "Anne Marie"),
    ("é" * 140, None, "é" * 140),
    (None, "Seul", "Seul"),
    (None, None, None),
    ("<b>Robert</b>", "'); DROP TABLE--", "<b>Robert</b> '); DROP TABLE--"),
]


@pytest.mark.parametrize(("given_name", "surname", "shown"), NAMES)
def test_names_arrive_whole(paypal, gateway, given_name, surname, shown):
    row = paypal.add_subscription(given_name=given_name, surname=surname)
    assert gateway.show_subscription(row.id).payer_name == shown
    assert gateway.list_subscriptions(page=1).readings[0].payer_name == shown


@pytest.mark.parametrize(
    ("amount", "currency", "quantity", "price", "paid"),
    [
        ("29.90", "EUR", "1", Money(Decimal("29.90"), "EUR"), Money(Decimal("29.90"), "EUR")),
        ("15.00", "EUR", "2", Money(Decimal(15), "EUR"), Money(Decimal(30), "EUR")),
        ("1500", "JPY", "1", Money(Decimal(1500), "JPY"), Money(Decimal(1500), "JPY")),
        ("0", "USD", "1", Money(Decimal(0), "USD"), Money(Decimal(0), "USD")),
    ],
)
def test_amounts_in_every_spelling(paypal, gateway, amount, currency, quantity, price, paid):
    plan = paypal.add_plan(amount=amount, currency=currency)
    row = paypal.add_subscription(plan_id=plan.id, quantity=quantity)
    reading = gateway.show_subscription(row.id)
    assert (reading.plan.price, reading.last_payment) == (price, paid)
    assert reading.outstanding == Money(Decimal(0), currency)
    assert reading.quantity == Decimal(quantity)
    assert gateway.show_plan(plan.id).price == price


def test_a_whole_reading(paypal, gateway):
    plan = paypal.add_plan("Club annuel", amount="120", interval_unit="YEAR", description="Tout le club")
    start = datetime(2026, 3, 1, 10, tzinfo=UTC)
    row = paypal.add_subscription(plan_id=plan.id, custom_id="shop:42", started_at=start)
    reading = gateway.show_subscription(row.id)

    assert reading.provider_id == row.id
    assert (reading.status, reading.plan_id, reading.custom_id) == ("ACTIVE", plan.id, "shop:42")
    assert (reading.started_at, reading.created_at) == (start, start)
    assert (reading.last_payment_at, reading.next_billing_at) == (start, start.replace(year=2027))
    assert (reading.payer_email, reading.payer_id) == ("claire@example.com", row.payer_id)
    assert (reading.failed_payments, reading.plan_overridden) == (0, False)
    assert (reading.plan.provider_id, reading.plan.name) == (plan.id, "Club annuel")
    assert (reading.plan.interval_unit, reading.plan.interval_count, reading.plan.total_cycles) == ("YEAR", 1, 0)
    assert gateway.show_plan(plan.id).description == "Tout le club"
    assert gateway.list_subscriptions(page=1).readings[0].plan is None


@pytest.mark.parametrize(
    ("fee", "read"),
    [
        ({"value": "15.00", "currency_code": "EUR"}, Money(Decimal(15), "EUR")),
        ({"value": "0.0", "currency_code": "EUR"}, None),
        ({"value": "many", "currency_code": "EUR"}, None),
        ("15.00", None),
        (None, None),
    ],
)
def test_what_is_taken_once_at_the_start_is_read_and_nothing_is_made_up(fee, read):
    assert mapping.read_plan({"id": "P-1", "payment_preferences": {"setup_fee": fee}}, plan_id="P-1").setup_fee == read


def test_an_overridden_price_is_the_subscriptions_own(paypal, gateway):
    row = paypal.add_subscription(own_amount="9.50")
    reading = gateway.show_subscription(row.id)
    assert reading.plan_overridden is True
    assert reading.plan.price.amount == Decimal("9.50")
    assert gateway.show_plan(row.plan_id).price.amount == Decimal("29.90")


def test_before_approval_almost_everything_is_missing(paypal, gateway):
    row = paypal.add_subscription(status="APPROVAL_PENDING")
    reading = gateway.show_subscription(row.id)
    assert reading.status == "APPROVAL_PENDING"
    assert (reading.payer_email, reading.payer_name, reading.payer_id) == (None, None, None)
    assert (reading.next_billing_at, reading.last_payment, reading.outstanding) == (None, None, None)


def test_no_email(paypal, gateway):
    row = paypal.add_subscription(email=None)
    assert gateway.show_subscription(row.id).payer_email is None


@pytest.fixture
def lenient(paypal, tokens):
    """The gateway without the contract, for answers that PayPal's specification does not allow."""
    return PayPalGateways(paypal.base_urls)(paypal.credentials, tokens, patience=5)


def test_a_status_nobody_has_seen_is_kept(paypal, lenient):
    row = paypal.add_subscription(status="ON_HOLD_BY_MOON")
    assert lenient.show_subscription(row.id).status == "ON_HOLD_BY_MOON"


def test_a_plan_that_paypal_does_not_know(paypal, gateway):
    row = paypal.add_subscription(plan_id="P-GONE00000000000000000000")
    reading = gateway.show_subscription(row.id)
    assert (reading.plan_id, reading.plan) == ("P-GONE00000000000000000000", None)
    gateway.cancel_subscription(row.id, reason="Because")
    assert paypal.cancelled == [row.id]


def test_a_cancelled_subscription_with_a_next_payment_is_read_as_it_is(paypal, gateway):
    billing = {
        "outstanding_balance": {"currency_code": "EUR", "value": "0.0"},
        "failed_payments_count": 0,
        "next_billing_time": "2027-01-01T10:00:00Z",
    }
    row = paypal.add_subscription(status="CANCELLED", extra={"billing_info": billing})
    reading = gateway.show_subscription(row.id)
    assert reading.status == "CANCELLED"
    assert reading.next_billing_at == datetime(2027, 1, 1, 10, tzinfo=UTC)


ODD = {
    "billing_info": {
        "outstanding_balance": {"currency_code": "EURO", "value": "much"},
        "failed_payments_count": "three",
        "last_payment": ["no"],
        "next_billing_time": "2026-02-31T10:00:00Z",
        "final_payment_time": 7,
    },
    "subscriber": {"email_address": "not an address", "payer_id": 4, "name": "Claire"},
    "quantity": "many",
    "start_time": "yesterday",
    "create_time": {},
    "plan": {"billing_cycles": [None, {"tenure_type": "REGULAR", "frequency": [], "pricing_scheme": 3}]},
    "custom_id": 17,
    "plan_overridden": "yes",
    "from_the_future": {"x": [1]},
}


def test_garbage_in_every_field_is_no_crash(paypal, lenient):
    row = paypal.add_subscription(extra=ODD)
    reading = lenient.show_subscription(row.id)
    assert (reading.provider_id, reading.status) == (row.id, "ACTIVE")
    assert reading.outstanding is reading.last_payment is reading.next_billing_at is reading.final_payment_at is None
    assert reading.payer_email is reading.payer_name is reading.payer_id is reading.custom_id is None
    assert (reading.failed_payments, reading.quantity, reading.plan_overridden) == (0, Decimal(1), False)
    assert (reading.plan.price, reading.plan.interval_unit, reading.plan.interval_count) == (None, None, 1)


KEYS = [
    *("id", "status", "billing_info", "subscriber", "name", "email_address", "plan", "billing_cycles"),
    *("tenure_type", "frequency", "interval_unit", "pricing_scheme", "fixed_price", "value", "currency_code"),
    *("time", "amount", "amount_with_breakdown", "gross_amount", "last_payment", "quantity"),
]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.decimals(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(KEYS),
                inner,
                max_size=6,
            )
        ),
        max_leaves=25,
    )
)
def test_no_json_at_all_crashes_the_reader(body):
    mapping.read_subscription(
        {"id": "I-ABC", "status": "ACTIVE", "plan": body, "billing_info": body, "subscriber": body}
    )
    mapping.read_subscription(body)
    mapping.read_plan(body, plan_id="P-ABC")
    mapping.read_payment(body)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2018-12-10T21:20:49Z", datetime(2018, 12, 10, 21, 20, 49, tzinfo=UTC)),
        ("2018-03-16T07:40:20.940Z", datetime(2018, 3, 16, 7, 40, 20, 940000, tzinfo=UTC)),
        ("2018-03-16T07:40:20.123456789Z", datetime(2018, 3, 16, 7, 40, 20, 123456, tzinfo=UTC)),
        ("2026-10-25T02:30:00+02:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-01-01t00:00:00z", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T00:00:00-11:00", datetime(2026, 1, 1, 11, tzinfo=UTC)),
        ("2026-01-01T00:00:00", None),
        ("2026-01-01", None),
        ("2026-02-30T10:00:00Z", None),
        ("2026-01-01T24:00:00Z", None),
        ("2026-01-01T10:00:60Z", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("1969-12-31T23:59:59Z", None),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2199-12-31T23:59:59Z", datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2200-01-01T00:30:00+01:00", datetime(2199, 12, 31, 23, 30, tzinfo=UTC)),
        ("2200-01-01T00:00:00Z", None),
        ("9999-12-31T23:30:00Z", None),
        ("2026-01-01T00:00:00+99:00", None),
        ("", None),
        (None, None),
        (1700000000, None),
    ],
)
def test_moments(text, moment):
    assert mapping.moment(text) == moment


@pytest.mark.parametrize(
    ("value", "amount"),
    [("0.0", "0"), ("94.2", "94.2"), (".5", "0.5"), ("-12", "-12"), (5, "5"), (Decimal("1.10"), "1.10")]
    + [("-99999999999999.99", "-99999999999999.99"), ("100000000000000", None), ("-100000000000000", None)]
    + [(bad, None) for bad in ("", "1e5", "NaN", "1_0", "١٢", "12.", "1,5", None, True, [], "9" * 33, "Infinity")],
)
def test_money(value, amount):
    read = mapping.money({"currency_code": "EUR", "value": value})
    assert read == (None if amount is None else Money(Decimal(amount), "EUR"))


def plan_of(**regular):
    cycle = {"tenure_type": "REGULAR", **regular}
    return mapping.read_plan({"id": "P-ABC", "billing_cycles": [cycle]})


@pytest.mark.parametrize(
    ("unit", "count", "rhythm"),
    [
        *((unit, 1, (unit, 1)) for unit in ("DAY", "WEEK", "MONTH", "YEAR")),
        *(("DAY", 365, ("DAY", 365)), ("WEEK", 52, ("WEEK", 52)), ("MONTH", 12, ("MONTH", 12))),
        *((unit, count, (None, 1)) for unit, count in [("DAY", 366), ("WEEK", 53), ("MONTH", 13), ("YEAR", 2)]),
        *(("MONTH", bad, (None, 1)) for bad in (0, -1, "3", 10**30, True)),
        *((bad, 1, (None, 1)) for bad in ("month", "FORTNIGHT", 7, None, ["MONTH"])),
    ],
)
def test_a_rhythm_beyond_paypals_limits_is_unknown(unit, count, rhythm):
    plan = plan_of(frequency={"interval_unit": unit, "interval_count": count})
    assert (plan.interval_unit, plan.interval_count) == rhythm


def test_a_rhythm_without_a_count_is_every_one():
    plan = plan_of(frequency={"interval_unit": "MONTH"})
    assert (plan.interval_unit, plan.interval_count) == ("MONTH", 1)


@pytest.mark.parametrize(("given", "cycles"), [(0, 0), (12, 12), (999, 999), (1000, 0), (10**30, 0), ("12", 0)])
def test_a_number_of_payments_beyond_paypals_limit_is_no_known_end(given, cycles):
    assert plan_of(total_cycles=given).total_cycles == cycles


def test_an_absent_number_of_payments_is_one():
    assert plan_of().total_cycles == 1
    assert mapping.read_plan({"id": "P-ABC"}).total_cycles == 0, "without a cycle no end is known"


@pytest.mark.parametrize(("given", "failures"), [(0, 0), (999, 999), (1000, 999), (10**30, 999), (-1, 0), ("3", 0)])
def test_failed_payments_beyond_paypals_limit_are_failures_all_the_same(given, failures):
    body = {"id": "I-ABC", "status": "ACTIVE", "billing_info": {"failed_payments_count": given}}
    assert mapping.read_subscription(body).failed_payments == failures


def test_pages_until_no_next(paypal, gateway):
    made = [paypal.add_subscription(started_at=paypal.now() - timedelta(hours=n)).id for n in range(45)]
    pages = [gateway.list_subscriptions(page=number) for number in (1, 2, 3)]
    assert [len(page.readings) for page in pages] == [20, 20, 5]
    assert [page.has_next for page in pages] == [True, True, False]
    assert sorted(reading.provider_id for page in pages for reading in page.readings) == sorted(made)
    assert gateway.list_subscriptions(page=9).readings == ()


def test_an_account_without_subscriptions(gateway):
    page = gateway.list_subscriptions(page=1)
    assert (page.readings, page.has_next, page.unreadable) == ((), False, 0)


def test_rows_without_an_id_are_counted(paypal, lenient):
    kept = paypal.add_subscription()
    for extra in ({"id": None}, {"id": ""}, {"id": "../../x"}, {"status": None}, {"status": 4}):
        paypal.add_subscription(extra=extra)
    page = lenient.list_subscriptions(page=1)
    assert [reading.provider_id for reading in page.readings] == [kept.id]
    assert page.unreadable == 5


@pytest.mark.parametrize("size", [0, 21, -1])
def test_a_page_size_that_paypal_refuses_is_never_asked(gateway, paypal, size):
    with pytest.raises(ValueError, match="1 to 20"):
        gateway.list_subscriptions(page=1, page_size=size)
    assert not paypal.calls


def test_every_plan_once_with_its_price(paypal, gateway):
    made = {paypal.add_plan(f"Plan {n}", amount=str(n + 1)).id: Decimal(n + 1) for n in range(43)}
    plans = list(gateway.list_plans())
    assert {plan.provider_id: plan.price.amount for plan in plans} == made
    assert len(plans) == 43
    assert paypal.count("list_plans") == 3


def test_payments_over_more_than_one_window(paypal, gateway):
    start = paypal.now() - timedelta(days=400)
    row = paypal.add_subscription(started_at=start)
    payments = gateway.list_payments(row.id, start=start - timedelta(days=1), end=paypal.now())
    assert [(paid.provider_id, paid.status) for paid in payments] == [
        (paid.id, "COMPLETED") for paid in paypal.subscriptions[row.id].payments
    ]
    assert len(payments) == 14
    assert payments[0].amount == Money(Decimal("29.90"), "EUR")
    assert paypal.count("transactions") == 13  # 401 days in windows of 31


def test_payments_of_an_empty_span_ask_nothing(paypal, gateway):
    at = paypal.now()
    assert gateway.list_payments("I-ABC", start=at, end=at) == ()
    assert gateway.list_payments("I-ABC", start=at, end=at - timedelta(days=1)) == ()
    assert not paypal.calls


@pytest.mark.parametrize(
    ("reason", "sent"),
    [
        ("Trop cher", "Trop cher"),
        ("", NEUTRAL_REASON),
        ("  \n\t ", NEUTRAL_REASON),
        ("\x00\x07", NEUTRAL_REASON),
        ("deux\nlignes\r\nici", "deux lignes ici"),
        ("é" * 200, "é" * 128),
        ("😀" * 100, "😀" * 64),
        ("a" * 127 + " b", "a" * 127),
        ("\u202egnp.exe", "gnp.exe"),
    ],
)
def test_the_reason_paypal_gets(paypal, gateway, reason, sent):
    row = paypal.add_subscription()
    gateway.cancel_subscription(row.id, reason=reason)
    assert paypal.subscriptions[row.id].status_change_note == sent


@given(st.text(max_size=400))
def test_a_reason_always_fits(reason):
    sent = clean_reason(reason)
    assert 1 <= len(sent) <= 128
    assert sent == clean_reason(sent)
    assert "\n" not in sent
    sent.encode()
