"""Customers whose payment failed and who let PayPal take what is outstanding, by the portal's page."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Final

from bs4 import BeautifulSoup

from portal.clock import utc_now
from portal.i18n import LOCALES, Translator
from tests.chaos.browsing import NEWS, PAUSE, TRIES, form_of, place_of
from tests.chaos.customers import Customers
from tests.chaos.journal import Journal, PaymentPage
from tests.chaos.world import Seat, World

SETTLED: Final = "Your payment is settled"
NOTHING: Final = "Nothing was taken"
NOT_OFFERED: Final = 403  # a suspended or leaving merchant's customers are asked for no money


@dataclass
class Debtors:
    """Whose payment PayPal could not take."""

    world: World
    journal: Journal
    customers: Customers

    @property
    def stories(self) -> dict[str, Callable[[Seat, random.Random], None]]:
        """What they do, by its name in the plan."""
        return {
            "settle": self._pays,
            "settle-declined": self._is_declined,
            "settle-waits": self._waits,
            "settle-elsewhere": self._elsewhere,
            "settle-and-cancel": self._cancels_too,
        }

    # Stories

    def _pays(self, seat: Seat, chance: random.Random) -> None:
        """Some press the button twice."""
        self._read(seat, self.settle(seat, clicks=chance.randint(1, 2)))

    def _is_declined(self, seat: Seat, chance: random.Random) -> None:
        """PayPal cannot take it from the card."""
        self._at_paypal(seat, "captures-fail")
        self._pays(seat, chance)

    def _waits(self, seat: Seat, chance: random.Random) -> None:
        """PayPal takes it, and calls it pending for a while."""
        with self.journal.lock:
            self.journal.captures_wait.add(seat.provider_id)
        self._at_paypal(seat, "captures-wait")
        path = self.settle(seat, clicks=chance.randint(1, 2))
        until = time.monotonic() + TRIES * PAUSE
        while path and not self.world.simulated.subscription(seat.provider_id)["captures"]:
            if time.monotonic() > until:
                return  # PayPal was away for long: it comes when everything is well again
            time.sleep(PAUSE)
        self._read(seat, path, tries=3)
        let_captures_come(self.world, self.journal, [seat.provider_id])
        self._read(seat, path)

    def _elsewhere(self, seat: Seat, chance: random.Random) -> None:
        """Somebody settles it at PayPal at the same moment: nothing is outstanding, and a payment is there."""
        other = threading.Timer(chance.random() * 0.3, lambda: self._at_paypal(seat, "fix-payments", "charge"))
        self._read(seat, self.settle(seat, meanwhile=other.start))
        if other.ident is not None:
            other.join()

    def _cancels_too(self, seat: Seat, chance: random.Random) -> None:
        """Cancel in another tab at the same moment: nobody who leaves is asked for money, unless it is gone by then."""
        other = threading.Timer(chance.random() * 0.3, lambda: self.customers.cancel(seat))
        self._read(seat, self.settle(seat, meanwhile=other.start))
        if other.ident is None:
            self.customers.cancel(seat)
        else:
            other.join()

    # Acts

    def settle(self, seat: Seat, *, clicks: int = 1, meanwhile: Callable[[], None] | None = None) -> str:
        """Let a payment fail, and press the button; return the page of the settlement, "" where none was offered.

        `meanwhile` happens once, after the page was read and before it is sent.
        """
        if not self._owes(seat):
            return ""
        browser = self.customers.browser(seat, refusals=(NOT_OFFERED,))
        path = f"/account/{seat.slug}/subscriptions/{seat.subscription_id}/settlement"
        for _ in range(TRIES):
            page = answer = browser.get(path)
            if page is not None and page.status_code == 200:
                fields = form_of(page.text, path)
                self._agree(seat, Decimal(fields["shown"].partition(" ")[0]))
                if meanwhile is not None:
                    meanwhile()
                    meanwhile = None
                answer = browser.click(path, fields, clicks=clicks)
            if answer is not None and answer.status_code == NOT_OFFERED:
                return ""
            place = place_of(answer)
            if "/settlements/" in place:
                with self.journal.lock:
                    self.journal.settlements_told.append((seat.provider_id, place.rpartition("/")[2]))
                return place
            if place:
                return ""  # there is nothing to pay any more, or an end is asked for
            time.sleep(PAUSE)
        self.customers.give_up(seat, "a customer with something to pay")
        return ""

    def _owes(self, seat: Seat) -> bool:
        """Let the last try of a payment fail; say whether the portal has come to know it."""
        self._at_paypal(seat, "miss-payment")
        until = time.monotonic() + NEWS
        while not self.world.owes(seat):
            if time.monotonic() > until:
                if Decimal(self.world.simulated.subscription(seat.provider_id)["outstanding"]):
                    raise TimeoutError("PayPal's news did not come in")
                return False  # PayPal has taken it by itself: its clock had jumped
            time.sleep(PAUSE)
        return True

    def _read(self, seat: Seat, path: str, *, tries: int = TRIES) -> None:
        """Read the page of a settlement until it says what became of it."""
        browser = self.customers.browser(seat)
        for _ in range(tries if path else 0):
            page = browser.get(path)
            if page is not None and page.status_code == 200:
                says = said_on(page.text)
                with self.journal.lock:
                    known = PaymentPage(utc_now(), seat.provider_id, path.rpartition("/")[2], says)
                    self.journal.payment_pages.append(known)
                if says:
                    return
            time.sleep(PAUSE)

    def _agree(self, seat: Seat, amount: Decimal) -> None:
        with self.journal.lock:
            self.journal.agreed[seat.provider_id] = max(amount, self.journal.agreed.get(seat.provider_id, amount))

    def _at_paypal(self, seat: Seat, *happenings: str) -> None:
        for happening in happenings:
            self.world.simulated.post(f"subscriptions/{seat.provider_id}/{happening}")


def let_captures_come(world: World, journal: Journal, provider_ids: Iterable[str]) -> None:
    """Let the payments come that PayPal calls pending."""
    for provider_id in provider_ids:
        with journal.lock:
            journal.came.setdefault(provider_id, utc_now())
        world.simulated.post(f"subscriptions/{provider_id}/finish-captures")


def said_on(page: str) -> str:
    """Return what the page of a settlement claims: SETTLED, NOTHING, or "" where it claims neither."""
    heading = BeautifulSoup(page, "html.parser").find("h1")
    return next((said for said in (SETTLED, NOTHING) if heading and heading.get_text(strip=True) in _words(said)), "")


@cache
def _words(said: str) -> frozenset[str]:
    return frozenset(Translator(locale).gettext(said) for locale in LOCALES)
