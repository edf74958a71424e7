"""What a customer does with one subscription by the pages' own forms; they come back when a page breaks."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from portal.clock import utc_now
from tests.chaos.browsing import PAUSE, TRIES, Browser, form_of
from tests.chaos.journal import Journal, Promise
from tests.chaos.world import Seat, World


@dataclass
class Customers:
    """Customers, and what they were answered."""

    world: World
    journal: Journal

    def browser(self, seat: Seat, *, refusals: Collection[int] = ()) -> Browser:
        """Open a browser in which the customer is logged in."""
        return Browser(self.world, self.journal, seat, staff=False, refusals=refusals)

    def cancel(self, seat: Seat) -> str:
        """Cancel by the page's own form; return the reference, "" where it was over already."""
        return self.confirm(self.browser(seat), seat, clicks=1)

    def confirm(self, browser: Browser, seat: Seat, *, clicks: int, day: str = "") -> str:
        """Cancel in a browser, coming back until the portal has taken it; return the reference."""
        path = f"/account/{seat.slug}/subscriptions/{seat.subscription_id}/cancellation"
        for _ in range(TRIES):
            page = browser.get(path)
            answer = page
            if page is not None and page.status_code == 200:
                fields = form_of(page.text, path)
                with self.journal.lock:
                    self.journal.clicks.setdefault(seat.provider_id, utc_now())
                answer = browser.click(path, {**fields, "reason": "not_used", "on": day}, clicks=clicks)
                if day and answer is not None and answer.status_code == 200:  # the page asks, and shows what it changes
                    answer = browser.click(path, {**form_of(answer.text, path), "on": day}, clicks=clicks)
            if answer is not None and answer.status_code in (302, 303):
                place = answer.headers["Location"]
                reference = place.rpartition("/requests/")[2] if "/requests/" in place else ""
                if answer.request.method == "POST":
                    self.promised(seat, reference, by_staff=False)
                browser.get(place)
                return reference
            if answer is not None and answer.status_code == 409:
                return ""  # over already, and no request of theirs: the page said so
            time.sleep(PAUSE)
        self.give_up(seat, "a customer")
        return ""

    def take_back(self, browser: Browser, seat: Seat, reference: str) -> None:
        """Take a request back, as long as its page offers that."""
        path = f"/account/{seat.slug}/requests/{reference}"
        for _ in range(TRIES):
            page = browser.get(path)
            if page is not None:
                fields = form_of(page.text, path + "/withdrawal")
                if not fields:
                    return  # too late: the page offers it no more
                with self.journal.lock:
                    self.journal.tried_to_undo.add(reference)
                answer = browser.post(path + "/withdrawal", fields)
                if answer is not None:
                    if answer.status_code == 303:
                        with self.journal.lock:
                            self.journal.undone.add(reference)
                        browser.get(path)
                    return
            time.sleep(PAUSE)

    def promised(self, seat: Seat, reference: str, *, by_staff: bool) -> None:
        """Note that the portal has taken a wish."""
        with self.journal.lock:
            self.journal.promises.append(Promise(utc_now(), seat, reference, by_staff))

    def give_up(self, seat: Seat, who: str) -> None:
        """Note that somebody came back for nothing: nobody should have to."""
        with self.journal.lock:
            self.journal.gave_up.append(f"{who} gave up on {seat.provider_id} after {TRIES} tries")
