"""Reading one IPN: any charset, any date, either id field; nothing makes it fail (FACTS.md 3.2)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.money.money import Money
from portal.services.messages.ipn_messages import IpnMessage, key_of, pacific


def read(text: str | bytes) -> IpnMessage:
    return IpnMessage.read(text.encode("ascii") if isinstance(text, str) else text)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("03:00:00 May 18, 2026 PDT", datetime(2026, 5, 18, 10, tzinfo=UTC)),
        ("23:30:01 Dec 31, 2025 PST", datetime(2026, 1, 1, 7, 30, 1, tzinfo=UTC)),
        ("03:00:00 Jan. 8, 2026 PST", datetime(2026, 1, 8, 11, tzinfo=UTC)),
        ("N/A", None),
        ("", None),
        ("03:00:00 mai 18, 2026 PDT", None),
        ("03:00:00 Feb 31, 2026 PST", None),
        ("25:00:00 May 18, 2026 PDT", None),
        ("03:00:00 May 18, 2026 CET", None),
        ("03:00:00 May 18, 0001 PDT", None),
        ("03:00:00 May 18, 9999 PDT", None),
        ("2026-05-18T03:00:00Z", None),
    ],
)
def test_pacific_dates(written, meant):
    assert pacific(written) == meant


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("first_name=Zo%EB&charset=windows-1252", "Zoë"),
        ("first_name=%80&charset=windows-1252", "€"),
        ("first_name=Zo%EB", "Zoë"),  # PayPal's default when nothing is named
        ("first_name=Zo%C3%AB&charset=UTF-8", "Zoë"),
        ("first_name=%C6%FC%CB%DC&charset=EUC-JP", "日本"),
        ("first_name=Zo%EB&charset=UTF-8", "Zo�"),  # a lie
        ("first_name=Zo%EB&charset=klingon", "Zoë"),
        ("first_name=Zo%EB&charset=iso-8859-99", "Zoë"),
        ("first_name=Zo%5Cx41&charset=unicode_escape", "Zo\\x41"),  # Python knows it; it is not for messages
        ("first_name=Zo%EB&charset=rot13", "Zoë"),
        ("first_name=Zo%EB&charset=%FF%FE", "Zoë"),
        ("first_name=Zo%00%0D%0AE&charset=UTF-8", "Zo E"),
        (b"first_name=Zo\xeb+Marie", "Zoë Marie"),
        ("charset=UTF-8&charset=EUC-JP&first_name=Zo%C3%AB", "Zoë"),
    ],
)
def test_the_charset_is_respected_and_never_trusted(body, name):
    assert read(body).text("first_name") == name


@pytest.mark.parametrize(
    ("body", "profile_id"),
    [
        ("subscr_id=I-ABCDEFGH1234", "I-ABCDEFGH1234"),
        ("recurring_payment_id=I-ABCDEFGH1234", "I-ABCDEFGH1234"),
        ("txn_type=subscr_cancel&recurring_payment_id=I-ABCDEFGH1234", "I-ABCDEFGH1234"),
        ("txn_type=recurring_payment&subscr_id=i-abcdefgh1234", "I-ABCDEFGH1234"),
        ("recurring_payment_id=S-ABCDEFGH1234&subscr_id=I-ABCDEFGH1234", "I-ABCDEFGH1234"),
        ("subscr_id=S-1AB23456CD789012E", "S-1AB23456CD789012E"),
        ("old_subscr_id=S-1AB23456CD789012E", ""),
        ("subscr_id=I-%27%3B+DROP", ""),
        ("subscr_id=../../v1", ""),
        ("txn_id=1", ""),
    ],
)
def test_either_field_may_name_the_subscription(body, profile_id):
    assert read(body).profile_id == profile_id


@pytest.mark.parametrize(
    ("amount", "meant"),
    [
        ("29.90", Money(Decimal("29.90"), "EUR")),
        ("-29.90", Money(Decimal("-29.90"), "EUR")),
        ("0.0", Money(Decimal(0), "EUR")),
        ("140", Money(Decimal(140), "EUR")),
        ("1e2", None),
        ("29,90", None),
        ("NaN", None),
        ("9" * 20, None),
        ("", None),
    ],
)
def test_money_is_plain_or_none(amount, meant):
    assert read(f"mc_gross={amount}&mc_currency=EUR").money("mc_gross", "mc_currency") == meant


def test_what_identifies_a_message():
    payment = "txn_id=1AB&payment_status=Pending&txn_type=subscr_payment&ipn_track_id=t1"
    again = payment.replace("t1", "t2")
    assert key_of(read(payment), b"") == key_of(read(again), b"")
    assert key_of(read(payment), b"") != key_of(read(payment.replace("Pending", "Completed")), b"")
    cancel = "txn_type=subscr_cancel&ipn_track_id=t1"
    assert key_of(read(cancel), b"") != key_of(read(cancel.replace("cancel", "eot")), b"")
    assert key_of(read("a=1"), b"a=1") != key_of(read("a=2"), b"a=2")
    long = "txn_id=" + "A" * 300
    assert len(key_of(read(long), b"")) < 60


@given(st.binary(max_size=400))
def test_no_bytes_make_it_fail(body):
    message = IpnMessage.read(body)
    assert isinstance(key_of(message, body), str)
    assert message.profile_id == "" or message.profile_id[1] == "-"
    assert "\x00" not in message.kind
    for text in message.fields.values():
        text.encode("utf-8")
        assert "\x00" not in text
    assert message.happened_at is None or message.happened_at.tzinfo is UTC


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_charset_and_no_value_make_it_fail(charset, value):
    from urllib.parse import quote

    body = f"first_name={quote(value)}&charset={quote(charset)}".encode()
    IpnMessage.read(body).text("first_name").encode("utf-8")
