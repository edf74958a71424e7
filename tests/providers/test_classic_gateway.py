"""The classic gateway against the simulator and against servers that lie (FACTS.md 3.1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, parse_qsl

import pytest
import requests

from portal.domain.money.money import Money
from portal.providers.paypal import PayPalGateways
from portal.providers.paypal.client import NEUTRAL_REASON
from portal.providers.ports import ClassicCredentials, GatewayRefused, GatewayUnavailable, Refusal
from tests.fakes.raw_server import http

USER, PASSWORD, SIGNATURE = "seller_api1.client.test", "password-of-the-tests", "signature-of-the-tests"
KEY = ClassicCredentials(user=USER, password=PASSWORD, signature=SIGNATURE, environment="sandbox")


@pytest.fixture
def account(paypal):
    return paypal.add_classic_account(USER, PASSWORD, SIGNATURE, balance="813.77")


@pytest.fixture
def classic(paypal, account):
    return PayPalGateways(paypal.base_urls).classic(KEY, patience=5.0)


def at(server, *, patience=3.0):
    """A gateway whose PayPal is this server."""
    return PayPalGateways({"sandbox": server.url}).classic(KEY, patience=patience)


def answer(body: str) -> bytes:
    return http("200 OK", body.encode(), "Content-Type: text/plain")


def failure(*codes: str, message: str = "Whatever", ack: str = "Failure") -> bytes:
    rows = "".join(
        f"&L_ERRORCODE{place}={code}&L_SHORTMESSAGE{place}=Oh&L_LONGMESSAGE{place}={message}&L_SEVERITYCODE{place}=Error"
        for place, code in enumerate(codes)
    )
    return answer(f"TIMESTAMP=2026%2d11%2d22T10%3a00%3a00Z&CORRELATIONID=5be53331d9700&ACK={ack}{rows}")


# Reading


def test_a_profile_is_read_in_the_words_of_the_rest_of_the_portal(paypal, classic):
    start = datetime(2026, 1, 31, 10, tzinfo=UTC)
    row = paypal.add_profile(
        name="Cours de chant",
        given_name="Benoît",
        surname="L’Écuyer",
        email="benoit@client.test",
        amount="19.00",
        total_cycles=24,
        failure_threshold=2,
        started_at=start,
    )
    seen = classic.show_subscription(row.id)

    assert (seen.provider_id, seen.status, seen.status_at) == (row.id, "ACTIVE", None)
    assert (seen.payer_name, seen.payer_email) == ("Benoît L’Écuyer", "benoit@client.test")
    assert seen.started_at == start
    assert seen.next_billing_at > paypal.now() - timedelta(seconds=1)
    assert seen.last_payment_at == max(datetime.fromisoformat(paid.time) for paid in row.payments)
    assert seen.last_payment == Money(Decimal("19.00"), "EUR")
    assert seen.final_payment_at == datetime(2027, 12, 31, 10, tzinfo=UTC)
    plan = seen.plan
    assert (plan.name, plan.price) == ("Cours de chant", Money(Decimal("19.00"), "EUR"))
    assert (plan.interval_unit, plan.interval_count, plan.total_cycles, plan.failure_threshold) == ("MONTH", 1, 24, 2)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Active", "ACTIVE"),
        ("Pending", "PENDING"),
        ("Cancelled", "CANCELLED"),
        ("Suspended", "SUSPENDED"),
        ("Expired", "EXPIRED"),
        ("active", "ACTIVE"),
        ("ActiveProfile", "ACTIVE"),
        ("Frozen", "FROZEN"),
        ("PendingReview", "PENDINGREVIEW"),
    ],
)
def test_each_status_word(raw, word, status):
    server = raw(answer(f"PROFILEID=I%2dABC&STATUS={word}&ACK=Success"))
    assert at(server).show_subscription("I-ABC").status == status


def test_as_little_as_paypal_may_show_is_enough(raw):
    seen = at(raw(answer("PROFILEID=I%2dABC&STATUS=Active&ACK=SuccessWithWarning"))).show_subscription("I-ABC")
    assert (seen.started_at, seen.next_billing_at, seen.payer_email, seen.payer_name) == (None, None, None, None)
    assert (seen.failed_payments, seen.last_payment, seen.plan.price, seen.plan.total_cycles) == (0, None, None, 0)
    assert seen.plan.interval_unit is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("AMT=12.50&CURRENCYCODE=EUR", Money(Decimal("12.50"), "EUR")),
        ("AMT=5&REGULARAMT=12.5&CURRENCYCODE=EUR", Money(Decimal("12.5"), "EUR")),  # AMT may be the trial's
        ("AMT=1800&CURRENCYCODE=JPY", Money(Decimal(1800), "JPY")),
        ("AMT=0.0&CURRENCYCODE=EUR", Money(Decimal(0), "EUR")),
        ("AMT=-3.00&CURRENCYCODE=EUR", Money(Decimal(-3), "EUR")),
        ("AMT=1e2&CURRENCYCODE=EUR", None),
        ("AMT=1%2c000.00&CURRENCYCODE=EUR", None),
        ("AMT=NaN&CURRENCYCODE=EUR", None),
        ("AMT=12.50", None),
        ("AMT=12.50&CURRENCYCODE=EURO", None),
        ("AMT=999999999999999999&CURRENCYCODE=EUR", None),
    ],
)
def test_money(raw, fields, expected):
    server = raw(answer(f"PROFILEID=I%2dABC&STATUS=Active&ACK=Success&{fields}"))
    assert at(server).show_subscription("I-ABC").plan.price == expected


@pytest.mark.parametrize(
    ("fields", "rhythm"),
    [
        ("BILLINGPERIOD=Day&BILLINGFREQUENCY=10", ("DAY", 10)),
        ("BILLINGPERIOD=Week&BILLINGFREQUENCY=2", ("WEEK", 2)),
        ("BILLINGPERIOD=Month&BILLINGFREQUENCY=3", ("MONTH", 3)),
        ("BILLINGPERIOD=Year&BILLINGFREQUENCY=1", ("YEAR", 1)),
        ("BILLINGPERIOD=Week&REGULARBILLINGPERIOD=Month&BILLINGFREQUENCY=1", ("MONTH", 1)),
        ("BILLINGPERIOD=SemiMonth&BILLINGFREQUENCY=1", (None, 1)),
        ("BILLINGPERIOD=Year&BILLINGFREQUENCY=9", (None, 1)),
        ("BILLINGPERIOD=Month&BILLINGFREQUENCY=x", (None, 1)),
    ],
)
def test_rhythms(raw, fields, rhythm):
    server = raw(answer(f"PROFILEID=I%2dABC&STATUS=Active&ACK=Success&{fields}"))
    plan = at(server).show_subscription("I-ABC").plan
    assert (plan.interval_unit, plan.interval_count) == rhythm


@pytest.mark.parametrize("value", ["1970-01-01T00:00:00Z", "N/A", "2026-02-31T10:00:00Z", "9999-12-31T00:00:00Z", ""])
def test_dates_that_are_none(raw, value):
    fields = "".join(
        f"&{name}={value}" for name in ("NEXTBILLINGDATE", "FINALPAYMENTDUEDATE", "LASTPAYMENTDATE", "PROFILESTARTDATE")
    )
    seen = at(raw(answer(f"PROFILEID=I%2dABC&STATUS=Active&ACK=Success{fields}"))).show_subscription("I-ABC")
    assert [seen.next_billing_at, seen.final_payment_at, seen.last_payment_at, seen.started_at] == [None] * 4


@pytest.mark.parametrize(
    ("cycles", "rhythm", "begun"),
    [
        ("4", "Month", datetime(2026, 7, 19, 10, tzinfo=UTC)),
        ("2", "Year", datetime(2025, 10, 19, 10, tzinfo=UTC)),
        ("3", "Week", datetime(2026, 10, 5, 10, tzinfo=UTC)),
        ("1", "Month", datetime(2026, 10, 19, 10, tzinfo=UTC)),
        ("0", "Month", datetime(2026, 10, 19, 10, tzinfo=UTC)),
        ("", "Month", datetime(2026, 10, 19, 10, tzinfo=UTC)),
        ("999999999", "Year", datetime(2026, 10, 19, 10, tzinfo=UTC)),
        ("4", "SemiMonth", datetime(2026, 10, 19, 10, tzinfo=UTC)),
    ],
)
def test_a_button_shows_no_start_and_it_is_counted_back_from_the_last_payment(raw, cycles, rhythm, begun):
    paid = f"LASTPAYMENTDATE=2026-10-19T10:00:00Z&NUMCYCLESCOMPLETED={cycles}&BILLINGPERIOD={rhythm}&BILLINGFREQUENCY=1"
    server = raw(answer(f"PROFILEID=I%2dABC&STATUS=Active&ACK=Success&{paid}"))
    assert at(server).show_subscription("I-ABC").started_at == begun


def test_a_buttons_profile_begins_where_it_began(paypal, classic):
    start = paypal.now().replace(microsecond=0) - timedelta(days=95)
    button, express = (paypal.add_profile(kind=kind, started_at=start) for kind in ("button", "express"))
    assert abs(classic.show_subscription(button.id).started_at - start) <= timedelta(days=3)  # ends of months
    assert classic.show_subscription(express.id).started_at == start


def test_values_are_decoded_once_as_utf8_and_junk_bytes_do_no_harm(raw):
    body = "PROFILEID=I%2dABC&STATUS=Active&ACK=Success&SUBSCRIBERNAME=Zo%c3%a9%20%2541&DESC=%ff%00x&EMAIL=not%20one"
    seen = at(raw(answer(body))).show_subscription("I-ABC")
    assert seen.payer_name == "Zoé %41"
    assert "\x00" not in seen.plan.name
    assert seen.payer_email is None


# Acting

#                       cancel     suspend    activate
TABLE = """
APPROVAL_PENDING        11556      11557      11558
ACTIVE                  CANCELLED  SUSPENDED  11558
SUSPENDED               CANCELLED  11557      ACTIVE
CANCELLED               11556      11557      11558
EXPIRED                 11556      11557      11558
"""
PAIRS = [
    (cells[0], action, cell)
    for cells in (line.split() for line in TABLE.strip().splitlines())
    for action, cell in zip(("cancel", "suspend", "activate"), cells[1:], strict=True)
]


@pytest.mark.parametrize("kind", ["express", "button"])
@pytest.mark.parametrize(("state", "action", "expected"), PAIRS)
def test_an_act_in_a_state(paypal, classic, state, action, expected, kind):
    row = paypal.add_profile(status=state, kind=kind)
    before = classic.show_subscription(row.id)
    act = getattr(classic, f"{action}_subscription")

    if expected.isdigit():
        with pytest.raises(GatewayRefused) as caught:
            act(row.id, reason="Because")
        assert (caught.value.refusal, caught.value.issue) == (Refusal.STATUS_INVALID, expected)
        assert caught.value.debug_id
        assert classic.show_subscription(row.id) == before
    else:
        assert act(row.id, reason="Because")
        assert classic.show_subscription(row.id).status == expected
        assert paypal.subscriptions[row.id].status_change_note == "Because"
    assert paypal.cancelled == ([row.id] if expected == "CANCELLED" else [])


@pytest.mark.parametrize(
    ("reason", "note"),
    [("Trop\ncher\x00 ", "Trop cher"), ("é" * 300, "é" * 128), (" \t", NEUTRAL_REASON), ("a&ACTION=Suspend", None)],
)
def test_the_note_is_what_paypal_takes(paypal, classic, reason, note):
    row = paypal.add_profile()
    classic.cancel_subscription(row.id, reason=reason)
    assert row.status == "CANCELLED"
    assert row.status_change_note == (reason if note is None else note)


def test_what_is_sent(raw):
    server = raw(answer("PROFILEID=I%2dABC&ACK=Success&CORRELATIONID=abc123"))
    assert at(server).suspend_subscription("I-ABC", reason="Pause d’été") == "abc123"
    head, _, body = server.asked[0].partition("\r\n\r\n")
    assert head.startswith("POST /nvp HTTP/1.1")
    assert "Content-Type: application/x-www-form-urlencoded" in head
    assert "Authorization" not in head
    assert parse_qs(body) == {
        "USER": [USER],
        "PWD": [PASSWORD],
        "SIGNATURE": [SIGNATURE],
        "VERSION": ["204.0"],
        "METHOD": ["ManageRecurringPaymentsProfileStatus"],
        "PROFILEID": ["I-ABC"],
        "ACTION": ["Suspend"],
        "NOTE": ["Pause d’été"],
    }


def test_a_netrc_of_the_machine_is_never_sent(raw, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = raw(answer("ACK=Success"))
    gateway = at(server)
    gateway._http.trust_env = True
    gateway.check_key()
    assert "Authorization" not in server.asked[0]


@pytest.mark.parametrize("provider_id", ["", "I-A&METHOD=x", "../x", "I A", "x" * 51])
def test_an_id_that_cannot_be_paypals_is_refused_before_any_call(paypal, classic, provider_id):
    for call in (classic.show_subscription, lambda name: classic.cancel_subscription(name, reason="x")):
        with pytest.raises(GatewayRefused) as caught:
            call(provider_id)
        assert caught.value.refusal is Refusal.NOT_FOUND
    assert len(paypal.calls) == 0


# Errors: FACTS.md 3.1, row by row

ROWS = [
    ("11556", "", Refusal.STATUS_INVALID),
    ("11557", "", Refusal.STATUS_INVALID),
    ("11558", "", Refusal.STATUS_INVALID),
    ("11552", "The profile ID is invalid", Refusal.NOT_FOUND),
    ("11592", "Subscription Profiles not supported by Recurring Payment APIs", Refusal.NOT_FOUND),
    ("10002", "Security header is not valid", Refusal.BAD_CREDENTIALS),
    ("10002", "Username/Password is incorrect", Refusal.BAD_CREDENTIALS),
    ("10002", "USERNAME/PASSWORD IS INCORRECT", Refusal.BAD_CREDENTIALS),
    ("10002", "You do not have permissions to make this API call", Refusal.FORBIDDEN),
    ("10002", "A text of tomorrow", Refusal.FORBIDDEN),
    ("10008", "Security header is not valid", Refusal.BAD_CREDENTIALS),
    ("10008", "A text of tomorrow", Refusal.BAD_CREDENTIALS),
    ("10008", "You are not allowed to do this", Refusal.FORBIDDEN),
    ("10001", "Internal Error", None),
    ("10101", "This API is temporarily unavailable", None),
    ("81115", "Anything else", Refusal.OTHER),
]


@pytest.mark.parametrize(("code", "message", "refusal"), ROWS)
@pytest.mark.parametrize("call", ["show", "cancel", "check"])
def test_each_error(raw, code, message, refusal, call):
    gateway = at(raw(failure(code, message=message.replace(" ", "+"))))
    error = GatewayUnavailable if refusal is None else GatewayRefused
    with pytest.raises(error) as caught:
        {
            "show": lambda: gateway.show_subscription("I-ABC"),
            "cancel": lambda: gateway.cancel_subscription("I-ABC", reason="x"),
            "check": gateway.check_key,
        }[call]()
    assert caught.value.debug_id == "5be53331d9700"
    assert caught.value.http_status == 200
    if refusal is not None:
        assert (caught.value.refusal, caught.value.issue) == (refusal, code)


def test_of_several_errors_the_first_known_one_decides(raw):
    with pytest.raises(GatewayRefused) as caught:
        at(raw(failure("81115", "99999", "11552", "11556"))).show_subscription("I-ABC")
    assert (caught.value.refusal, caught.value.issue) == (Refusal.NOT_FOUND, "11552")
    with pytest.raises(GatewayUnavailable):
        at(raw(failure("81115", "10001", "11552"))).show_subscription("I-ABC")


@pytest.mark.parametrize("ack", ["failure", "FAILURE", "FailureWithWarning"])
def test_a_failure_is_one_in_any_case(raw, ack):
    with pytest.raises(GatewayRefused):
        at(raw(failure("11556", ack=ack))).cancel_subscription("I-ABC", reason="x")
    with pytest.raises(GatewayRefused) as caught:
        at(raw(answer(f"ACK={ack}"))).cancel_subscription("I-ABC", reason="x")
    assert (caught.value.refusal, caught.value.issue) == (Refusal.OTHER, "")


@pytest.mark.parametrize("ack", ["success", "SUCCESS", "SuccessWithWarning"])
def test_a_success_is_one_in_any_case(raw, ack):
    at(raw(answer(f"ACK={ack}&CORRELATIONID=a1"))).check_key()


LIES = {
    "no ACK": answer("PROFILEID=I%2dABC&STATUS=Active"),
    "another ACK": answer("PROFILEID=I%2dABC&STATUS=Active&ACK=Perhaps"),
    "an empty ACK": answer("PROFILEID=I%2dABC&STATUS=Active&ACK="),
    "HTML": answer("<html><body>ACK = Success? PROFILEID=I-ABC&STATUS=Active</body></html>"),
    "empty": answer(""),
    "JSON": answer('{"ACK": "Success"}'),
    "binary": http("200 OK", bytes(range(256))),
    "a success with 500": http("500 Oops", b"PROFILEID=I%2dABC&STATUS=Cancelled&ACK=Success"),
    "a failure with 403": http("403 Forbidden", b"ACK=Failure&L_ERRORCODE0=11552"),
    "a redirect": http("302 Found", b"", "Location: https://www.paypal.com/nvp"),
    "201": http("201 Created", b"PROFILEID=I%2dABC&STATUS=Active&ACK=Success"),
    "too many fields": answer(
        "&".join(f"A{n}=1" for n in range(5000)) + "&PROFILEID=I%2dABC&STATUS=Active&ACK=Success"
    ),
    "too large": answer("ACK=Success&PROFILEID=I%2dABC&STATUS=Active&X=" + "x" * 3_000_000),
    "half": http("200 OK", b"PROFILEID=I%2dABC&STATUS=Active&ACK=Success")[:-20],
}


@pytest.mark.parametrize("body", LIES.values(), ids=LIES)
def test_what_is_no_answer_of_paypals_decides_nothing(raw, body):
    for call in (
        lambda gateway: gateway.show_subscription("I-ABC"),
        lambda gateway: gateway.cancel_subscription("I-ABC", reason="x"),
        lambda gateway: gateway.check_key(),
    ):
        with pytest.raises(GatewayUnavailable):
            call(at(raw(body)))


def test_of_two_fields_with_one_name_the_first_counts(raw):
    server = raw(answer("ACK=Failure&L_ERRORCODE0=11552&PROFILEID=I%2dABC&STATUS=Active&ACK=Success"))
    with pytest.raises(GatewayRefused):
        at(server).show_subscription("I-ABC")


@pytest.mark.parametrize(
    "body",
    ["PROFILEID=I%2dOTHER&STATUS=Active&ACK=Success", "STATUS=Active&ACK=Success", "PROFILEID=I%2dABC&ACK=Success"],
)
def test_another_profile_or_none_is_no_reading(raw, body):
    with pytest.raises(GatewayUnavailable):
        at(raw(answer(body))).show_subscription("I-ABC")


def test_an_act_on_another_profile_is_not_believed(raw):
    with pytest.raises(GatewayUnavailable):
        at(raw(answer("PROFILEID=I%2dOTHER&ACK=Success"))).cancel_subscription("I-ABC", reason="x")


def test_too_many_calls_name_the_wait(paypal, classic):
    paypal.rule("nvp_get", "429", retry_after=77)
    with pytest.raises(GatewayUnavailable) as caught:
        classic.show_subscription("I-ABC")
    assert (caught.value.http_status, caught.value.retry_after) == (429, 77)


def test_silence_is_unavailable(paypal, account):
    paypal.rule("nvp_get", "timeout", seconds=3)
    with pytest.raises(GatewayUnavailable, match="timeout"):
        PayPalGateways(paypal.base_urls).classic(KEY, patience=0.3).show_subscription("I-ABC")


# The key, the two worlds


def test_a_key_is_tested_without_keeping_the_balance(paypal, classic, capsys):
    assert classic.check_key()
    assert paypal.count("nvp_balance") == 1
    assert "813" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "changes", [{"user": "other"}, {"password": "wrong"}, {"signature": "wrong"}, {"environment": "live"}]
)
def test_a_wrong_key_opens_nothing(paypal, account, changes):
    key = replace(KEY, **changes)
    gateway = PayPalGateways(paypal.base_urls).classic(key, patience=5)
    row = paypal.add_profile()
    for call in (gateway.check_key, lambda: gateway.show_subscription(row.id)):
        with pytest.raises(GatewayRefused) as caught:
            call()
        assert caught.value.refusal is Refusal.BAD_CREDENTIALS


def test_secrets_are_in_no_repr_and_no_log(paypal, classic, caplog):
    paypal.rule("nvp_manage", "500", times=1)
    row = paypal.add_profile(email="claire@client.test")
    classic.show_subscription(row.id)
    with pytest.raises(GatewayUnavailable) as caught:
        classic.cancel_subscription(row.id, reason="très personnel")
    said = repr(KEY) + repr(classic.__dict__) + caplog.text + repr(caught.value) + repr(caught.value.__context__)
    assert caplog.text.count("paypal call") == 2
    for secret in (PASSWORD, SIGNATURE, "claire@", "Dupont", "personnel"):
        assert secret not in said


def test_the_two_worlds_do_not_know_each_other(paypal, classic, gateway):
    profile, subscription = paypal.add_profile(), paypal.add_subscription()
    with pytest.raises(GatewayRefused) as from_rest:
        gateway.show_subscription(profile.id)
    with pytest.raises(GatewayRefused) as from_classic:
        classic.show_subscription(subscription.id)
    assert (from_rest.value.refusal, from_rest.value.http_status) == (Refusal.NOT_FOUND, 404)
    assert (from_classic.value.refusal, from_classic.value.issue) == (Refusal.NOT_FOUND, "11552")
    assert [row.provider_id for row in gateway.list_subscriptions(page=1).readings] == [subscription.id]
    assert profile.plan_id not in {plan.provider_id for plan in gateway.list_plans()}


def test_another_account_does_not_see_the_profile(paypal, classic):
    paypal.add_classic_account("other_api1.client.test", "pw", "sig")
    row = paypal.add_profile(user="other_api1.client.test")
    with pytest.raises(GatewayRefused) as caught:
        classic.cancel_subscription(row.id, reason="x")
    assert caught.value.refusal is Refusal.NOT_FOUND
    assert row.status == "ACTIVE"


def test_an_old_subscription_is_not_managed_here(classic):
    with pytest.raises(GatewayRefused) as caught:
        classic.show_subscription("S-3KA12345678901234")
    assert (caught.value.refusal, caught.value.issue) == (Refusal.NOT_FOUND, "11592")


def test_live_and_sandbox_are_two_worlds(paypal):
    paypal.add_classic_account("live_api1.client.test", "pw", "sig", environment="live")
    key = ClassicCredentials(user="live_api1.client.test", password="pw", signature="sig", environment="live")
    assert PayPalGateways(paypal.base_urls).classic(key, patience=5).check_key()


def test_the_addresses_are_paypals_own():
    gateways = PayPalGateways()
    found = {
        name: gateways.classic(ClassicCredentials(user="u", password="p", signature="s", environment=name))._address
        for name in ("live", "sandbox")
    }
    assert found == {"live": "https://api-3t.paypal.com/nvp", "sandbox": "https://api-3t.sandbox.paypal.com/nvp"}
    with pytest.raises(ValueError, match="environment"):
        gateways.classic(ClassicCredentials(user="u", password="p", signature="s", environment="moon"))


# The simulator itself


def test_the_simulator_writes_as_paypal_does(paypal, account):
    row = paypal.add_profile()
    fields = {"USER": USER, "PWD": PASSWORD, "SIGNATURE": SIGNATURE, "VERSION": "204.0", "PROFILEID": row.id}
    got = requests.post(f"{paypal.url}/nvp", data={**fields, "METHOD": "GetRecurringPaymentsProfileDetails"}, timeout=5)
    assert got.status_code == 200
    assert f"PROFILEID=I%2d{row.id[2:]}&" in got.text
    said = dict(parse_qsl(got.text))
    assert (said["ACK"], said["STATUS"], said["VERSION"]) == ("Success", "Active", "204.0")
    assert said["FINALPAYMENTDUEDATE"] == "1970-01-01T00:00:00Z"

    refused = requests.post(
        f"{paypal.url}/nvp",
        data={**fields, "METHOD": "ManageRecurringPaymentsProfileStatus", "ACTION": "Reactivate"},
        timeout=5,
    )
    assert refused.status_code == 200
    assert (dict(parse_qsl(refused.text))["ACK"], dict(parse_qsl(refused.text))["L_ERRORCODE0"]) == ("Failure", "11558")
