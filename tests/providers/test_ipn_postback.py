"""IPNs: what the simulator sends, and how PayPal is asked whether it did (FACTS.md 3.2)."""

from __future__ import annotations

import itertools
import re
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from portal.providers.paypal import PayPalIpns
from portal.providers.ports import GatewayUnavailable
from tests.fakes.raw_server import http

RECEIVER = "seller@client.test"
# Bytes that no decoder gives back unchanged: raw windows-1252, both cases of hex, an empty and a doubled field.
ODD = b"first_name=Beno\xeet&last_name=L%92%c9cuyer&x=%E9%e9+a%20b&&empty=&x=2&charset=windows-1252&\xff\x00%zz"


@pytest.fixture
def ipns(paypal):
    return PayPalIpns(paypal.base_urls, patience=5.0)


@pytest.fixture
def account(paypal):
    return paypal.add_classic_account("seller_api1.client.test", "pw", "sig", email=RECEIVER)


def fields_of(body: bytes) -> dict[str, str]:
    charset = re.search(rb"charset=([^&]+)", body).group(1).decode()
    return {name: values[0] for name, values in parse_qs(body.decode("ascii"), encoding=charset).items()}


def types(paypal, row) -> list[str]:
    return [fields_of(body).get("txn_type", "-") for body in paypal.ipn_messages(row.id)]


# Asking PayPal


def test_what_paypal_sent_is_genuine_and_any_other_byte_is_not(paypal, ipns, account):
    row = paypal.add_profile(given_name="Benoît", surname="Noël")
    paypal.happen(row.id, "charge")
    (body,) = paypal.ipn_messages(row.id)
    assert b"Beno%EEt" in body
    assert ipns.is_genuine(body, environment="sandbox") is True
    for forged in (
        body + b"&x=1",
        body[:-1],
        body.replace(b"%EE", b"%ee"),
        body.replace(b"+", b"%20"),
        b"",
        body.lower(),
    ):
        assert forged != body
        assert ipns.is_genuine(forged, environment="sandbox") is False


def test_a_message_of_the_other_environment_is_not_genuine(paypal, ipns):
    paypal.add_ipn(b"txn_id=1&test_ipn=1", environment="sandbox")
    assert ipns.is_genuine(b"txn_id=1&test_ipn=1", environment="live") is False
    assert ipns.is_genuine(b"txn_id=1&test_ipn=1", environment="sandbox") is True


def test_bytes_that_are_no_text_are_posted_back_unchanged(paypal, ipns, raw):
    paypal.add_ipn(ODD)
    assert ipns.is_genuine(ODD, environment="sandbox") is True

    server = raw(http("200 OK", b"VERIFIED"))
    assert PayPalIpns({"sandbox": server.url}).is_genuine(ODD, environment="sandbox") is True
    head, _, sent = server.asked[0].partition("\r\n\r\n")
    assert sent.encode("latin-1") == b"cmd=_notify-validate&" + ODD
    assert head.startswith("POST /cgi-bin/webscr HTTP/1.1")
    assert f"Content-Length: {len(ODD) + 21}" in head
    assert "Content-Type: application/x-www-form-urlencoded" in head
    assert "User-Agent: subscription-portal" in head
    assert "Authorization" not in head


@pytest.mark.parametrize(("said", "word"), [(b"VERIFIED", True), (b"INVALID", False), (b" VERIFIED\r\n", True)])
def test_paypals_two_words(raw, said, word):
    assert PayPalIpns({"live": raw(http("200 OK", said)).url}).is_genuine(b"a=1", environment="live") is word


NO_WORD = {
    "empty": http("200 OK", b""),
    "another case": http("200 OK", b"verified"),
    "more than the word": http("200 OK", b"VERIFIED, probably"),
    "inside a page": http("200 OK", b"<html><body>VERIFIED</body></html>"),
    "with an error": http("500 Oops", b"VERIFIED"),
    "forbidden": http("403 Forbidden", b"INVALID"),
    "nothing there": http("404 Not Found", b"INVALID"),
    "204": http("204 No Content"),
    "too many": http("429 Too Many Requests", b"INVALID"),
    "half": http("200 OK", b"VERIFIED")[:-2],
    "flood": http("200 OK", b"VERIFIED" * 400_000),
    "nothing": b"",
}


@pytest.mark.parametrize("answer", NO_WORD.values(), ids=NO_WORD)
def test_anything_else_is_no_word(raw, answer):
    with pytest.raises(GatewayUnavailable):
        PayPalIpns({"sandbox": raw(answer).url}).is_genuine(b"a=1", environment="sandbox")


def test_a_redirect_is_not_followed(raw):
    elsewhere = raw(http("200 OK", b"VERIFIED"))
    server = raw(http("307 Temporary Redirect", b"", f"Location: {elsewhere.url}/cgi-bin/webscr"))
    with pytest.raises(GatewayUnavailable):
        PayPalIpns({"sandbox": server.url}).is_genuine(b"a=1", environment="sandbox")
    assert elsewhere.asked == []


def test_silence_is_unavailable(paypal):
    paypal.rule("ipn_postback", "timeout", seconds=3)
    with pytest.raises(GatewayUnavailable, match="timeout"):
        PayPalIpns(paypal.base_urls, patience=0.3).is_genuine(b"a=1", environment="sandbox")


def test_the_address_is_ours_and_never_the_messages(paypal, ipns, caplog):
    body = b"test_ipn=1&payer_email=claire%40client.test&cmd=_notify-synch&return=http%3A%2F%2Fevil.example"
    assert ipns.is_genuine(body, environment="live") is False
    assert paypal.count("ipn_postback") == 1
    assert "claire" not in caplog.text
    assert {name: where.ipn for name, where in PayPalIpns()._where.items()} == {
        "live": "https://ipnpb.paypal.com/cgi-bin/webscr",
        "sandbox": "https://ipnpb.sandbox.paypal.com/cgi-bin/webscr",
    }
    with pytest.raises(ValueError, match="environment"):
        ipns.is_genuine(body, environment="moon")


# What the simulator sends


def test_a_message_in_paypals_form(paypal, account):
    row = paypal.add_profile(name="Cours de chant", surname="L’Écuyer", amount="140", started_at="2026-05-01T10:00:00Z")
    paypal.happen(row.id, "charge")
    seen = fields_of(paypal.ipn_messages(row.id)[-1])
    assert (seen["txn_type"], seen["payment_status"]) == ("recurring_payment", "Completed")
    assert (seen["recurring_payment_id"], "subscr_id" in seen) == (row.id, False)
    assert (seen["receiver_email"], seen["receiver_id"]) == (RECEIVER, account.payer_id)
    assert (seen["payer_email"], seen["last_name"]) == ("claire@example.com", "L’Écuyer")
    assert (seen["mc_gross"], seen["mc_currency"], seen["txn_id"]) == ("140", "EUR", row.payments[-1].id)
    assert (seen["period_type"], seen["charset"], seen["test_ipn"]) == (" Regular", "windows-1252", "1")
    assert re.fullmatch(r"[0-9:]{8} [A-Z][a-z]{2} [0-9]{2}, [0-9]{4} P[SD]T", seen["next_payment_date"])
    assert seen["time_created"] == "03:00:00 May 01, 2026 PDT"
    assert seen["ipn_track_id"]


def test_a_name_that_does_not_fit_comes_as_utf8(paypal, ipns, account):
    row = paypal.add_profile(given_name="ليلى")
    paypal.happen(row.id, "buyer-cancels")
    (body,) = paypal.ipn_messages(row.id)
    assert fields_of(body)["charset"] == "UTF-8"
    assert fields_of(body)["first_name"] == "ليلى"
    assert ipns.is_genuine(body, environment="sandbox")


def test_a_life_of_each_kind_in_paypals_words(paypal, account):
    told = {}
    for kind in ("express", "button"):
        row = paypal.add_profile(kind=kind, started_at=datetime.now(UTC) - timedelta(days=40), announce=True)
        for happening in ("charge", "refund", "suspend-for-failures", "buyer-cancels"):
            paypal.happen(row.id, happening)
        told[kind] = [word for word, _ in itertools.groupby(types(paypal, row))]
        assert all(row.id in fields_of(body).values() for body in paypal.ipn_messages(row.id))
    assert told["express"] == [
        "recurring_payment_profile_created",
        "recurring_payment",
        "-",
        "recurring_payment_skipped",
        "recurring_payment_suspended_due_to_max_failed_payment",
        "recurring_payment_profile_cancel",
    ]
    assert told["button"] == [
        "subscr_signup",
        "subscr_payment",
        "-",
        "subscr_failed",
        "recurring_payment_suspended_due_to_max_failed_payment",
        "subscr_cancel",
    ]


def test_a_refund_names_the_payment_it_takes_back(paypal, account):
    row = paypal.add_profile()
    paypal.happen(row.id, "charge")
    paypal.happen(row.id, "refund")
    paid, refunded = (fields_of(body) for body in paypal.ipn_messages(row.id))
    assert (refunded["payment_status"], refunded["parent_txn_id"]) == ("Refunded", paid["txn_id"])
    assert float(refunded["mc_gross"]) == -float(paid["mc_gross"])
    assert refunded["txn_id"] != paid["txn_id"]
    assert "txn_type" not in refunded


def test_a_finished_profile_and_one_that_fails_for_ever(paypal, account):
    finite = paypal.add_profile(total_cycles=2, started_at=paypal.now())
    endless = paypal.add_profile(failure_threshold=0, kind="express")
    paypal.happen(endless.id, "fail-payments")
    paypal.advance(40)
    assert types(paypal, finite)[-1] == "recurring_payment_expired"
    assert set(types(paypal, endless)) == {"recurring_payment_failed"}
    assert endless.status == "ACTIVE"


def test_rest_subscriptions_send_none_and_profiles_no_webhook(paypal, account):
    paypal.automatic = False
    hook = paypal.add_webhook("https://portal.example/hook")
    profile, subscription = paypal.add_profile(), paypal.add_subscription()
    for row in (profile, subscription):
        paypal.happen(row.id, "charge")
    assert paypal.ipn_messages(subscription.id) == []
    assert len(paypal.ipn_messages()) == len(paypal.messages(hook.id)) == 1


def test_messages_are_sent_to_the_accounts_address_and_again_when_nobody_took_them(paypal):
    got, statuses = [], iter((503, 200, 200))
    enough = threading.Event()

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(next(statuses))
            self.send_header("Content-Length", "0")
            self.end_headers()
            if len(got) == 3:
                enough.set()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Listener)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    paypal.add_classic_account(
        "seller_api1.client.test", "pw", "sig", ipn_url=f"http://127.0.0.1:{server.server_port}/ipn"
    )
    row = paypal.add_profile()
    paypal.happen(row.id, "charge")
    paypal.happen(row.id, "buyer-cancels")

    assert enough.wait(20)
    server.shutdown()
    server.server_close()
    thread.join(5)
    first, second = paypal.ipn_messages(row.id)
    assert got == [first, first, second]
