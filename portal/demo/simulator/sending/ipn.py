"""IPNs of classic profiles: made, kept and sent (FACTS.md 3.2)."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from decimal import Decimal
from queue import Empty, SimpleQueue
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import requests

from portal.demo.simulator.life.core import Core
from portal.demo.simulator.profiles import STATUS, profile_amount
from portal.demo.simulator.records import ClassicAccount, Ipn, News, Plan, Subscription, moment

PACIFIC: Final = ZoneInfo("America/Los_Angeles")
PERIODS: Final = {"DAY": "Daily", "WEEK": "Weekly", "MONTH": "Monthly", "YEAR": "Yearly"}
PATIENCE: Final = 30  # seconds for a listener's answer
GAPS: Final = (1, 2, 5)  # seconds between tries; PayPal's grow over four days
IDLE: Final = 2.0  # seconds without a message after which the thread ends

# What is told of: the word for a profile of Express Checkout, and for one of a subscribe button.
TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "BILLING.SUBSCRIPTION.ACTIVATED": ("recurring_payment_profile_created", "subscr_signup"),
    "BILLING.SUBSCRIPTION.CANCELLED": ("recurring_payment_profile_cancel", "subscr_cancel"),
    "BILLING.SUBSCRIPTION.EXPIRED": ("recurring_payment_expired", "subscr_eot"),
    # Sent under this name for buttons too, then with `recurring_payment_id`.
    "BILLING.SUBSCRIPTION.SUSPENDED": ("recurring_payment_suspended", "recurring_payment_suspended"),
    "BILLING.SUBSCRIPTION.PAYMENT.FAILED": ("recurring_payment_skipped", "subscr_failed"),
    "BILLING.SUBSCRIPTION.UPDATED": ("", "subscr_modify"),
    "PAYMENT.SALE.COMPLETED": ("recurring_payment", "subscr_payment"),
    "PAYMENT.SALE.PENDING": ("recurring_payment", "subscr_payment"),
    "PAYMENT.SALE.DENIED": ("recurring_payment", "subscr_payment"),
}
PAYMENT_WORDS: Final = {
    "PAYMENT.SALE.COMPLETED": "Completed",
    "PAYMENT.SALE.PENDING": "Pending",
    "PAYMENT.SALE.DENIED": "Denied",
    "PAYMENT.SALE.REFUNDED": "Refunded",
    "PAYMENT.SALE.REVERSED": "Reversed",
    "PAYMENT.SALE.REVERSAL-CANCELLED": "Canceled_Reversal",  # no name of REST's
}


def message(news: News, row: Subscription, plan: Plan, account: ClassicAccount) -> bytes | None:
    """Make the IPN of what happened; None for what PayPal sends none for (a resumed profile, as far as is known)."""
    express, button = TYPES.get(news.event_type, ("", ""))
    kind = express if row.classic == "express" else button
    money = PAYMENT_WORDS.get(news.event_type)
    if not kind and money is None:
        return None
    if kind == "recurring_payment_suspended" and row.failed_payments >= (plan.failure_threshold or 1):
        kind += "_due_to_max_failed_payment"
    if kind == "recurring_payment_skipped" and not plan.failure_threshold:
        kind = "recurring_payment_failed"
    fields = {
        "txn_type": kind,
        **_profile(row, plan, named="subscr_id" if kind.startswith("subscr_") else "recurring_payment_id"),
        **_people(row, account),
        **_payment(news, row, money),
        "ipn_track_id": secrets.token_hex(7)[:13],
        "notify_version": "3.9",
        "verify_sign": secrets.token_urlsafe(42),
        "test_ipn": "1" if account.environment == "sandbox" else "",
    }
    return _encode({key: value for key, value in fields.items() if value})


def _profile(row: Subscription, plan: Plan, *, named: str) -> dict[str, str]:
    amount = profile_amount(row.own_amount or plan.amount, plan)
    return {
        named: row.id,
        "product_name": plan.name,
        "amount": amount,
        "amount_per_cycle": amount,
        "currency_code": plan.currency,
        "period_type": " Regular",
        "payment_cycle": PERIODS.get(plan.interval_unit, plan.interval_unit.capitalize()),
        "profile_status": STATUS.get(row.status, row.status),
        "next_payment_date": pacific(row.next_billing_time) if row.next_billing_time else "N/A",
        "outstanding_balance": profile_amount(row.outstanding, plan),
        "time_created": pacific(row.create_time),
    }


def _people(row: Subscription, account: ClassicAccount) -> dict[str, str]:
    return {
        "payer_id": row.payer_id,
        "payer_email": row.email or "",
        "payer_status": "verified",
        "first_name": row.given_name or "",
        "last_name": row.surname or "",
        "receiver_email": account.email,
        "receiver_id": account.payer_id,
        "business": account.email,
    }


def _payment(news: News, row: Subscription, word: str | None) -> dict[str, str]:
    if news.payment is None or word is None:
        return {}
    moved, back = word in ("Refunded", "Reversed", "Canceled_Reversal"), word in ("Refunded", "Reversed")
    amount = Decimal(news.refund or news.payment.amount)
    return {
        "txn_id": news.refund_id if moved else news.payment.id,
        "parent_txn_id": news.payment.id if moved else "",
        "payment_status": word,
        "reason_code": {"Refunded": "refund", "Reversed": "chargeback"}.get(word, ""),
        "payment_date": pacific(news.at),
        "payment_type": "instant",
        "mc_gross": f"{-amount if back else amount:f}",
        "mc_currency": news.payment.currency,
    }


def pacific(at: str) -> str:
    """Write a moment as IPNs do: "03:00:00 May 18, 2026 PDT"."""
    return moment(at).astimezone(PACIFIC).strftime("%H:%M:%S %b %d, %Y %Z")


def _encode(fields: dict[str, str]) -> bytes:
    """Encode in PayPal's usual windows-1252, or in UTF-8 where a name does not fit into it."""
    try:
        body = urlencode({**fields, "charset": "windows-1252"}, encoding="windows-1252", errors="strict")
    except UnicodeEncodeError:
        body = urlencode({**fields, "charset": "UTF-8"}, encoding="utf-8")
    return body.encode("ascii")


class Postman:
    """Keeps IPNs and posts each to its account's listener, in a thread of its own that ends when nothing is left."""

    def __init__(self, simulator: Core) -> None:
        self._simulator = simulator
        self._waiting: SimpleQueue[Ipn] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def announce(self, news: News, row: Subscription, plan: Plan) -> None:
        """Make and keep the message of what happened to a profile, and send it where the account has an address."""
        accounts = self._simulator.state.classic_accounts
        account = next((each for each in accounts if each.user == row.client_id), None)
        body = message(news, row, plan, account) if account else None
        if account is None or body is None:
            return
        kept = Ipn(account.user, account.environment, row.id, body.decode("latin-1"))
        self._simulator.state.ipns.append(kept)
        if account.ipn_url:
            self._send_soon(kept)

    def send(self, kept: Ipn) -> str:
        """Post one message now, however often it was before; return the HTTP status, or why there was none."""
        accounts = self._simulator.state.classic_accounts
        url = next((each.ipn_url for each in accounts if each.user == kept.user), "")
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "PayPal IPN (simulator)"}
        try:
            answer = requests.post(
                url,
                data=kept.body.encode("latin-1"),
                headers=headers,
                timeout=PATIENCE,
                allow_redirects=False,
                proxies={"http": "", "https": ""},
            )
            said = str(answer.status_code)
        except requests.RequestException as error:
            said = type(error).__name__
        kept.answers.append(said)
        return said

    def _send_soon(self, kept: Ipn) -> None:
        self._waiting.put(kept)
        if self._thread is None:  # asked and written with the simulator locked
            self._thread = threading.Thread(target=self._run, name="paypal-ipn", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        """Send what waits. A message that found nobody is tried again later, as PayPal does, a few times."""
        while True:
            try:
                kept = self._waiting.get(timeout=IDLE)
            except Empty:
                with self._simulator.lock:
                    if self._waiting.empty():
                        self._thread = None
                        return
                    continue
            for gap in (*GAPS, None):
                if self.send(kept) == "200" or gap is None:
                    break
                time.sleep(gap)
