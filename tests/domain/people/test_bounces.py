"""Tokens name one sending of one mail; a server's words are cleaned before anybody reads them."""

from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.people import bounces
from portal.domain.people.bounces import LONGEST_LOCAL_PART, PROMISED, TO_MERCHANTS, Reason, Sending
from portal.web.admin.words import MAIL_KIND

MARK = bytes(range(200, 210))


@given(st.uuids(), st.integers(0, 255), st.binary(min_size=10, max_size=10))
def test_a_token_gives_back_what_it_names_whatever_case_it_returns_in(mail_id, rounds, mark):
    sending = Sending(mail_id, rounds)
    address = bounces.address("r@x.test", bounces.token(sending, mark))
    (found,) = bounces.TOKENS.findall(address.upper().lower())
    assert bounces.unpack(found) == (sending, mark)


def test_an_address_is_as_long_as_mail_allows():
    address = bounces.address("r" * 19 + "@x.test", bounces.token(Sending(uuid.uuid4(), 0), MARK))
    assert len(address.partition("@")[0]) == LONGEST_LOCAL_PART


@pytest.mark.parametrize("text", ["", "a", "a" * 43, "é" * 44, "1" * 44, "a" * 43 + "b", "z" * 44])
def test_what_is_no_token_names_nothing(text):
    """Nor does one whose unused last bits are set: one sending has one token."""
    assert bounces.unpack(text) is None


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("5.1.1", Reason.NO_MAILBOX),
        ("5.1.10", Reason.NO_DOMAIN),
        ("5.1.9", Reason.NO_MAILBOX),
        ("5.2.2", Reason.MAILBOX_FULL),
        ("4.2.2", Reason.MAILBOX_FULL),
        ("5.7.1", Reason.UNWANTED),
        ("5.7.26", Reason.UNWANTED),
        ("4.4.7", Reason.UNREACHABLE),
        ("5.0.0", Reason.OTHER),
        ("", Reason.OTHER),
    ],
)
def test_a_code_has_a_reason(code, reason):
    assert bounces.reason_of(code) is reason


@pytest.mark.parametrize(
    ("said", "code"),
    [("5.1.1", "5.1.1"), ("550 5.7.1 no", "5.7.1"), ("1.2.3.4 said 550", ""), ("192.5.1.1", ""), ("none", "")],
)
def test_a_code_is_found_in_a_sentence_and_no_part_of_a_number(said, code):
    assert bounces.code_in(said) == code


@given(st.text())
def test_a_sentence_is_clean_whatever_was_written(text):
    words = bounces.clean(text)
    words.encode()
    assert words.isprintable()
    assert len(words) <= 300
    assert not re.search(r"\w@\w", words)


def test_addresses_lines_and_halves_of_letters_are_taken_out():
    said = "550 <zoe@client.test>: user\r\n unknown\x00 \udce9 see other@x.test"
    assert bounces.clean(said) == "550 <…>: user unknown see …"
    assert bounces.clean("x" * 5000).endswith("x…")


def test_every_message_is_promised_told_to_merchants_or_neither_on_purpose():
    others = {kind for kind in MAIL_KIND if kind not in PROMISED and not kind.startswith(TO_MERCHANTS)}
    assert set(MAIL_KIND) >= PROMISED
    assert {kind for kind in others if not kind.startswith("staff_")} == {
        "renewal_reminder",  # its own card of the inbox: a letter is left
        "login_code",  # asked for anew by whoever waits for it
        "account_invitation",  # shown in the account as waiting
        "account_member_joined",  # the account shows it, too
        "address_confirm",  # shown on the record as waiting
        "address_asked",
        "address_set",
        "address_left",
        "address_moved",
        "address_kept",
        "access_given",
        "access_changed",
        "access_withdrawn",
        "customers_joined",
        "customers_split",
        "data_ready",  # the page has it, too
        "data_failed",
        "task_link",  # asked for anew by whoever waits for it
        "erasure_recorded",
        "erasure_soon",
        "erasure_withdrawn",
        "erasure_done",  # its address is gone
    }
