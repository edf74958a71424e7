"""Customers who have what is kept of them erased; some think better of it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from portal.clock import utc_now
from tests.chaos.browsing import PAUSE, TRIES, form_of, place_of
from tests.chaos.customers import Customers
from tests.chaos.journal import Journal
from tests.chaos.owing import Debtors
from tests.chaos.world import Seat, World


@dataclass
class Erasing:
    """Who wants to be forgotten by the portal."""

    world: World
    journal: Journal
    customers: Customers
    debtors: Debtors

    @property
    def stories(self) -> dict[str, Callable[[Seat, random.Random], None]]:
        """What they do, by its name in the plan."""
        return {
            "erase": lambda seat, chance: self._ask(seat, clicks=chance.randint(1, 2)),
            "erase-undo": self._undo,
            "erase-and-cancel": self._cancels_too,
            "erase-and-settle": self._settles_first,
            "erase-then-money": self._money_moves,
        }

    # Stories

    def _undo(self, seat: Seat, _chance: random.Random) -> None:
        """PayPal does not answer at first, so that the ends can be taken back with the wish."""
        self.world.simulated.post("rules", operation="show", behaviour="500", times=3, only=seat.provider_id)
        self._ask(seat)
        browser, home = self.customers.browser(seat), f"/account/{seat.slug}/data"
        for _ in range(TRIES):
            page = browser.get(home)
            if page is not None and page.status_code != 200:
                return  # it is done: nobody is logged in any more
            if page is not None:
                fields = form_of(page.text, f"{home}/erasure/withdrawal")
                if not fields:
                    self._reads_withdrawn(seat, page.text, home)
                    return
                browser.post(f"{home}/erasure/withdrawal", fields)
            time.sleep(PAUSE)
        self.customers.give_up(seat, "a customer who takes an erasure back")

    def _cancels_too(self, seat: Seat, chance: random.Random) -> None:
        """Cancel in another tab at the same moment: one end, and the erasure waits for it."""
        other = threading.Timer(chance.random() * 0.3, lambda: self.customers.cancel(seat))
        other.start()
        self._ask(seat)
        other.join()

    def _settles_first(self, seat: Seat, chance: random.Random) -> None:
        """What PayPal was asked to take is known before anything is erased."""
        self.debtors.settle(seat, clicks=chance.randint(1, 2))
        self._ask(seat)

    def _money_moves(self, seat: Seat, _chance: random.Random) -> None:
        """After the erasure PayPal tells of the subscription once more, with the name and the address."""
        self._ask(seat)
        until = time.monotonic() + 2 * TRIES * PAUSE
        while not self.world.is_erased(seat):
            if time.monotonic() > until:
                return  # PayPal was away for long
            time.sleep(PAUSE)
        with self.journal.lock:
            self.journal.by_hand.add(seat.provider_id)
        self.world.simulated.post(f"subscriptions/{seat.provider_id}/refund-part")

    # Acts

    def _ask(self, seat: Seat, *, clicks: int = 1) -> None:
        """Ask for it by the page, coming back until the portal has taken it."""
        browser, home = self.customers.browser(seat), f"/account/{seat.slug}/data"
        for _ in range(TRIES):
            page = answer = browser.get(f"{home}/erasure")
            if page is not None and page.status_code == 200:
                answer = browser.click(f"{home}/erasure", form_of(page.text, f"{home}/erasure"), clicks=clicks)
            if place_of(answer):  # to the page that says where it stands; gone already, to the log-in
                with self.journal.lock:
                    self.journal.erasures[seat.provider_id] = utc_now()
                browser.get(home)
                return
            time.sleep(PAUSE)
        self.customers.give_up(seat, "a customer who wants to be erased")

    def _reads_withdrawn(self, seat: Seat, page: str, home: str) -> None:
        """Note that the page offers an erasure again: the customer reads that theirs is taken back."""
        if f'{home}/erasure"' in page:
            with self.journal.lock:
                self.journal.unerased.add(seat.provider_id)
