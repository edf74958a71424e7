"""Staff who give money back, with an end or from the page of a payment, and who begin something new.

They look before they ask a second time.
"""

from __future__ import annotations

import html
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Final

import requests

from portal.clock import utc_now
from portal.i18n import LOCALES, Translator
from portal.web.admin.late_payment_words import REFUND_STATE
from tests.chaos.browsing import NEWS, PAUSE, TRIES, Browser, choices_of, form_of, token_of
from tests.chaos.journal import Begun, Journal, Promise, RefundAsked
from tests.chaos.world import Seat, World

LAST: Final = "last_payment"
UNUSED: Final = "unused"
ACTIONS: Final = ("cancel", "complete", "abandon")
HALF: Final = Decimal("0.5")
WHOLE: Final = Decimal(1)
CENT: Final = Decimal("0.01")
# One of these stands on the page of a payment of which a refund was recorded.
STATES: Final = tuple(str(word._args[0]) for word in REFUND_STATE.values())
# What the page after « 303 » says where the answer was no « it is recorded ».
NOT_TAKEN: Final = (
    "Nothing was changed: the last payment can no longer be refunded as shown. Check it again.",
    "A request was already recorded: %(reference)s.",
)


@dataclass
class Desk:
    """The desk's people."""

    world: World
    journal: Journal

    @property
    def stories(self) -> dict[str, Callable[[Seat, random.Random], None]]:
        """What they do, by its name in the plan."""
        return {
            "end-and-refund": lambda seat, chance: self._end(seat, chance.choice(ACTIONS), LAST),
            "end-and-refund-unused": lambda seat, chance: self._end(seat, chance.choice(ACTIONS), UNUSED),
            "end-and-refund-by-hand": self._end_by_hand,
            "end-and-refund-at-paypal": self._end_at_paypal,
            "end-at-period": self._end_at_period,
            "refund-part": lambda seat, _: self._give(seat, self._paid(seat), HALF),
            "refund-whole": lambda seat, _: self._give(seat, self._paid(seat), WHOLE, clicks=2),
            "refund-rest": self._part_then_rest,
            "refund-waits": self._waits,
            "refund-by-hand": self._by_hand,
            "begins-something": self._begins,
        }

    # Stories

    def _end_by_hand(self, seat: Seat, chance: random.Random) -> None:
        """Somebody gives a part back at PayPal while the desk ends it and gives all back."""
        self._beside(seat, "refund-part", chance.random(), lambda: self._end(seat, "cancel", LAST))

    def _end_at_paypal(self, seat: Seat, chance: random.Random) -> None:
        """The buyer cancels at PayPal once the page was read: its message and the click come together."""

        def cancel() -> None:
            others.append(threading.Timer(chance.random() * 0.1, lambda: self._at_paypal(seat, "buyer-cancels")))
            others[-1].start()

        others: list[threading.Timer] = []
        self._end(seat, "abandon", LAST, between=cancel)
        for other in others:
            other.join()

    def _end_at_period(self, seat: Seat, _chance: random.Random) -> None:
        """End it at the end of what is paid; meanwhile a part goes back by the payment's own page."""
        self._paid(seat)
        browser, path = self._browser(seat), f"/admin/subscriptions/{seat.subscription_id}/end/cancel"
        for _ in range(TRIES):
            page = answer = browser.get(path)
            if page is not None and page.status_code == 200:
                if "period" not in choices_of(page.text, "when"):
                    return  # too near to the next payment
                answer = browser.post(path, {**form_of(page.text, path), "when": "period"})
                if answer is not None and answer.status_code == 200:  # the page shows what the day changes
                    answer = browser.post(path, {**form_of(answer.text, path), "when": "period"})
                if answer is not None and answer.status_code == 303 and self._is_taken(browser, answer, NOT_TAKEN):
                    self._ends(seat)
            if answer is not None and answer.status_code in (303, 409):
                break
            time.sleep(PAUSE)
        self._give(seat, self._newest(seat), HALF)

    def _part_then_rest(self, seat: Seat, _chance: random.Random) -> None:
        sale = self._paid(seat)
        self._give(seat, sale, HALF)
        self._wait(lambda: not self.world.has_open_refund(sale))
        self._give(seat, sale, WHOLE)

    def _waits(self, seat: Seat, chance: random.Random) -> None:
        """PayPal takes the refund and calls it pending; later it is done, or it fails."""
        self._at_paypal(seat, "refunds-wait")
        self._give(seat, self._paid(seat), HALF)
        fails = chance.random() < 0.5
        self._wait(lambda: any(self.world.simulated.subscription(seat.provider_id)["refunds"]))
        time.sleep(PAUSE)
        self._at_paypal(seat, "fail-refunds" if fails else "finish-refunds")

    def _by_hand(self, seat: Seat, chance: random.Random) -> None:
        """Half of it goes back at PayPal while the desk gives it back."""
        sale = self._paid(seat)
        self._beside(seat, "refund-part", chance.random() * 0.5, lambda: self._give(seat, sale, WHOLE))

    def _begins(self, seat: Seat, _chance: random.Random) -> None:
        """Staff make a product, from a page that was open before: a suspended or leaving merchant's do not."""
        browser, record = (
            Browser(self.world, self.journal, seat, staff=True),
            f"/admin/subscriptions/{seat.subscription_id}",
        )
        for _ in range(TRIES):
            page = browser.get(record)
            token = token_of(page.text) if page is not None and page.status_code == 200 else ""
            sent = utc_now()
            fields = {"csrf_token": token, "name": f"Cours {uuid.uuid4().hex[:8]}"}
            answer = browser.post("/admin/products/new", fields) if token else None
            if answer is not None:
                with self.journal.lock:
                    taken = answer.status_code == 303
                    self.journal.begun.append(Begun(seat.slug, sent, utc_now(), taken))
                return
            time.sleep(PAUSE)

    # Acts

    def _end(self, seat: Seat, action: str, choice: str, *, between: Callable[[], object] = lambda: None) -> None:
        """End it at the desk and give back what the page offers; without an offer (too near a date) all of it.

        `between` happens once the page was read and before it is sent.
        """
        self._paid(seat)
        browser, path = self._browser(seat), f"/admin/subscriptions/{seat.subscription_id}/end/{action}"
        for number in range(TRIES):
            page = answer = browser.get(path)
            if page is not None and page.status_code == 200:
                if not choices_of(page.text, "when"):
                    return  # it is over by now: there is no end to give something back with
                offered = [one for one in choices_of(page.text, "refund") if one.partition(":")[2]]
                fitting = [one for one in offered if one.startswith(choice)] or (offered if number > 1 else [])
                if fitting:
                    amount = Decimal(fitting[0].partition(":")[2])
                    self._mean(seat, browser, amount)
                    between()
                    answer = browser.post(path, {**form_of(page.text, path), "when": "now", "refund": fitting[0]})
                    if answer is not None and answer.status_code == 303 and self._is_taken(browser, answer, NOT_TAKEN):
                        self._ends(seat)
                        self._told(seat, amount, with_end=True)
            if answer is not None and answer.status_code in (303, 409):
                return
            time.sleep(PAUSE)
        with self.journal.lock:
            self.journal.gave_up.append(f"staff gave up on a refund with the end of {seat.provider_id}")

    def _give(self, seat: Seat, sale: str, share: Decimal, *, clicks: int = 1) -> None:
        """Give a share of what is left back by the payment's page; whoever got no answer looks before asking again."""
        browser, payment = self._browser(seat), f"/admin/payments/{self.world.payment_id(sale)}"
        path, before = f"{payment}/refund", self.world.refunds_of(sale)
        for _ in range(TRIES):
            if self.world.refunds_of(sale) > before:
                return
            page = answer = browser.get(path)
            if page is not None and page.status_code == 200:
                fields = form_of(page.text, path)
                left = Decimal(fields["left"])
                amount = left if share == WHOLE else (left * share).quantize(CENT)
                answer = browser.click(path, {**fields, "amount": f"{amount:f}"}, clicks=clicks)
                if answer is not None and answer.status_code == 200:  # the page shows the sum that was typed
                    self._mean(seat, browser, amount)
                    answer = browser.click(path, form_of(answer.text, path), clicks=clicks)
                elif answer is None or answer.status_code == 303:
                    self._mean(seat, browser, amount)
                if answer is not None and answer.status_code == 303:
                    if self._is_taken(browser, answer, (), one_of=_words(*STATES)):
                        self._told(seat, amount, with_end=False)
                    return
            elif page is not None:
                return  # one is under way, or nothing can go back
            time.sleep(PAUSE)
        with self.journal.lock:
            self.journal.gave_up.append(f"staff gave up on a refund of {sale}")

    def _paid(self, seat: Seat) -> str:
        """Let PayPal take a payment; return its id of the sale once the desk knows it."""
        self._at_paypal(seat, "charge")
        return self._newest(seat)

    def _newest(self, seat: Seat) -> str:
        sale = str(self.world.simulated.subscription(seat.provider_id)["payments"][-1]["id"])
        self._wait(lambda: self.world.payment_id(sale) is not None)
        return sale

    def _beside(self, seat: Seat, happening: str, after: float, act: Callable[[], None]) -> None:
        with self.journal.lock:
            self.journal.by_hand.add(seat.provider_id)
        other = threading.Timer(after, lambda: self._at_paypal(seat, happening))
        other.start()
        act()
        other.join()

    def _wait(self, ready: Callable[[], object]) -> None:
        """Wait until PayPal's news has come in; raise TimeoutError when they are too late."""
        deadline = time.monotonic() + NEWS
        while not ready():
            if time.monotonic() > deadline:
                raise TimeoutError("PayPal's news did not come in")
            time.sleep(PAUSE)

    def _browser(self, seat: Seat) -> Browser:
        return Browser(self.world, self.journal, seat, staff=True)

    def _is_taken(
        self, browser: Browser, answer: requests.Response, unless: Iterable[str], *, one_of: Iterable[str] = ()
    ) -> bool:
        """Say whether the page that follows tells that it is recorded; one that nobody got to read tells nothing."""
        page = browser.get(answer.headers["Location"])
        if page is None or page.status_code != 200:
            return False
        text, wanted = html.unescape(page.text), tuple(one_of)
        return not any(said in text for said in _words(*unless)) and (not wanted or any(one in text for one in wanted))

    def _mean(self, seat: Seat, act: object, amount: Decimal) -> None:
        """Remember the most that somebody wanted to give back by one act, however often its form was sent."""
        with self.journal.lock:
            its = self.journal.meant[seat.provider_id]
            its[act] = max(its.get(act, amount), amount)

    def _told(self, seat: Seat, amount: Decimal, *, with_end: bool) -> None:
        with self.journal.lock:
            self.journal.refunds_told.append(RefundAsked(seat.provider_id, amount, with_end=with_end))

    def _ends(self, seat: Seat) -> None:
        with self.journal.lock:
            self.journal.promises.append(Promise(utc_now(), seat, "", by_staff=True))

    def _at_paypal(self, seat: Seat, happening: str) -> None:
        self.world.simulated.post(f"subscriptions/{seat.provider_id}/{happening}")


@cache
def _words(*sentences: str) -> tuple[str, ...]:
    """Return the sentences in each language, up to their first placeholder."""
    return tuple(Translator(locale).gettext(one).partition("%(")[0] for locale in LOCALES for one in sentences)
