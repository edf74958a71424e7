"""What a message to the bounce address says: a delivery status of RFC 3464, and nothing else counts as one."""

from __future__ import annotations

import pytest

from portal.domain.people.bounces import Report
from portal.providers import delivery_reports
from portal.providers.delivery_reports import MOST_BYTES, DeliveryReport
from tests.fakes.delivery_reports import report, vacation

TOKEN = "a2" * 22
QUOTED = b"Content-Type: message/rfc822\r\n\r\n"
TO = f"rebond+{TOKEN}@portal.test"


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("failed", Report.FAILED),
        ("FAILED (unknown user)", Report.FAILED),
        ("delayed", Report.DELAYED),
        ("delivered", Report.DELIVERED),
        ("relayed", None),
        ("expanded", None),
        ("exploded", None),
        ("", None),
    ],
)
def test_the_action_says_what_became_of_it(action, told):
    found = delivery_reports.read(report(TO, action=action)).report
    assert (found.report if found else None) is told


def test_code_and_words_are_kept_clean():
    said = "smtp; 550-5.1.1 <zoe@client.test>:\r\n  user unknown"
    found = delivery_reports.read(report(TO, status="", diagnostic=said)).report
    assert found == DeliveryReport(report=Report.FAILED, code="5.1.1", words="550-5.1.1 <…>: user unknown")


def test_the_kind_for_addresses_with_accents_says_the_same():
    raw = report(TO).replace(b"message/delivery-status", b"message/global-delivery-status")
    assert delivery_reports.read(raw).report == delivery_reports.read(report(TO)).report


def test_bytes_that_are_no_text_break_nothing():
    found = delivery_reports.read(report(TO, diagnostic="smtp; inconnu \udce9\udcff\x00 ici")).report
    assert found is not None
    assert found.words.encode()
    assert found.words.isprintable()


@pytest.mark.parametrize("header", ["To", "Delivered-To", "X-Original-To", "Envelope-To"])
def test_the_token_is_found_in_the_headers_that_servers_write(header):
    assert delivery_reports.read(report(TO.upper(), header=header)).tokens == (TOKEN,)


def test_what_the_server_says_of_the_envelope_goes_before_every_header():
    other = f"rebond+{'b3' * 22}@portal.test"
    assert delivery_reports.read(report(other), recipient=TO).tokens == (TOKEN,)
    assert delivery_reports.read(report(TO), recipient="rebond@portal.test").tokens == ()


def test_a_list_of_a_thousand_tokens_is_not_tried_through():
    assert len(delivery_reports.read(report(", ".join([TO] * 1000))).tokens) == 10


@pytest.mark.parametrize(
    "raw",
    [
        vacation(TO),
        b"",
        b"\x00\xff" * 500,
        f"To: {TO}\r\n\r\nplain".encode(),
        report(TO).replace(b"multipart/report", b"multipart/mixed"),
        report(TO).replace(b"message/delivery-status", b"message/disposition-notification"),
        report(TO).replace(b"report-type=delivery-status; ", b"").replace(b"delivery-status", b"feedback-report"),
        f"To: {TO}\r\n".encode() + QUOTED + report(TO),
        f'To: {TO}\r\nContent-Type: multipart/mixed; boundary="q"\r\n\r\n--q\r\n'.encode() + QUOTED + report(TO),
    ],
    ids=["vacation", "empty", "noise", "letter", "mixed", "receipt", "complaint", "quoted", "attached"],
)
def test_an_answer_a_receipt_or_a_quoted_report_is_none(raw):
    assert delivery_reports.read(raw).report is None


def test_of_several_recipients_the_worst_counts():
    more = report(TO, action="delivered").replace(
        b"\r\n\r\n--cut\r\nContent-Type: message/rfc822",
        b"\r\n\r\nFinal-Recipient: rfc822; b@client.test\r\nAction: failed\r\nStatus: 5.2.2\r\n\r\n"
        b"--cut\r\nContent-Type: message/rfc822",
    )
    found = delivery_reports.read(more).report
    assert found is not None
    assert (found.report, found.code) == (Report.FAILED, "5.2.2")


def test_twenty_megabytes_are_read_no_further_than_the_status():
    raw = report(TO).replace(b"Good day.", b"x" * 76 + b"\r\n" + b"y" * 20_000_000)
    assert len(raw) > MOST_BYTES
    assert delivery_reports.read(raw).report == delivery_reports.read(report(TO)).report


def test_parts_in_parts_in_parts_are_no_report_and_no_end_of_the_program():
    raw = f"To: {TO}\r\n".encode()
    for depth in range(3000):
        raw += f'Content-Type: multipart/report; boundary="b{depth}"\r\n\r\n--b{depth}\r\n'.encode()
    found = delivery_reports.read(raw, recipient=TO)
    assert (found.tokens, found.report) == ((TOKEN,), None)


@pytest.mark.parametrize("cut", range(0, 1200, 37))
def test_a_report_cut_anywhere_is_read_or_is_none(cut):
    found = delivery_reports.read(report(TO)[:cut]).report
    assert found is None or found.report is Report.FAILED
