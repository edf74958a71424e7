"""People at the pages: real HTTP, real cookies, the form that the page shows; they come back when something breaks."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import requests
from bs4 import BeautifulSoup, Tag

from portal.clock import utc_now
from tests.chaos.claims import page_says_over
from tests.chaos.journal import Journal, Promise, Visit
from tests.chaos.plan import NOTIFY, PENDING, Step
from tests.chaos.world import Seat, World

TRIES: Final = 40  # times somebody comes back before giving up
PAUSE: Final = 0.7  # seconds before coming back
PATIENCE: Final = 30.0  # seconds for a page


class Browser:
    """One person's browser, logged in; it notes every page about its subscription."""

    def __init__(self, world: World, journal: Journal, seat: Seat, *, staff: bool) -> None:
        self.http = requests.Session()
        self.http.trust_env = False
        self._world, self._journal, self._seat = world, journal, seat
        if staff:
            self.http.cookies.set("portal_staff", world.staff_tokens[seat.slug])
        else:
            self.http.cookies.set("portal_customer", world.token_of(seat))

    def get(self, path: str) -> requests.Response | None:
        """Read a page; None when there was no answer, or one that says « try again »."""
        return self._ask("GET", path)

    def post(self, path: str, fields: dict[str, str]) -> requests.Response | None:
        """Send a form."""
        return self._ask("POST", path, fields)

    def _ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> requests.Response | None:
        try:
            answer = self.http.request(
                method, self._world.web + path, data=fields, timeout=PATIENCE, allow_redirects=False
            )
        except requests.RequestException:
            self._journal.count("pages without an answer")
            return None
        if answer.status_code >= 500:
            self._journal.count(f"pages answered {answer.status_code}")
            return None
        if answer.status_code == 200:
            visit = Visit(utc_now(), self._seat.provider_id, path, page_says_over(answer.text))
            with self._journal.lock:
                self._journal.visits.append(visit)
        elif answer.status_code not in (302, 303, 409, 422):
            with self._journal.lock:
                self._journal.surprises.append(f"{method} {path} answered {answer.status_code}")
        return answer


@dataclass
class People:
    """Everybody who acts in a run."""

    world: World
    journal: Journal

    def live(self, step: Step) -> None:
        """Let a seat's story happen."""
        seat = self.world.seats[step.seat]
        with self.journal.lock:
            self.journal.asked.add(seat.provider_id)
        story: Callable[[Seat, random.Random], None] = {
            "cancel": self._cancel,
            "double-click": self._double_click,
            "undo": self._undo,
            "undo-and-again": self._undo_and_again,
            "cancel-while-at-paypal": self._while_at_paypal,
            "staff-complete": lambda seat, _: self._staff(seat, "complete"),
            "staff-abandon": lambda seat, _: self._staff(seat, "abandon"),
            "staff-cancel": lambda seat, _: self._staff(seat, "cancel"),
            "staff-and-customer": self._race,
            "abandon-while-at-paypal": self._abandon_while_at_paypal,
            "cancel-then-abandon": self._then_abandon,
            "another-day": self._another_day,
            NOTIFY: self._notify,
            "late-money": self._late_money,
            "declined-then-cancel": self._declined,
            PENDING: self._never_approved,
        }[step.kind]
        story(seat, random.Random(step.number))
        self.journal.count(f"story: {step.kind}")

    def look(self, seat: Seat) -> None:
        """Let the customer read the account page once more."""
        Browser(self.world, self.journal, seat, staff=False).get(f"/account/{seat.slug}/")

    # Stories

    def _cancel(self, seat: Seat, _chance: random.Random | None = None) -> str:
        """Cancel by the page's own form, coming back until the portal has taken it; return the reference."""
        return self._confirm(Browser(self.world, self.journal, seat, staff=False), seat, clicks=1)

    def _double_click(self, seat: Seat, _chance: random.Random) -> None:
        self._confirm(Browser(self.world, self.journal, seat, staff=False), seat, clicks=2)

    def _undo(self, seat: Seat, chance: random.Random) -> None:
        """PayPal does not answer at first, so that there is something to take back."""
        self.world.simulated.post("rules", operation="show", behaviour="500", times=2, only=seat.provider_id)
        browser = Browser(self.world, self.journal, seat, staff=False)
        reference = self._confirm(browser, seat, clicks=1)
        if reference:
            self._take_back(browser, seat, reference)

    def _undo_and_again(self, seat: Seat, chance: random.Random) -> None:
        self._undo(seat, chance)
        self._cancel(seat)

    def _while_at_paypal(self, seat: Seat, chance: random.Random) -> None:
        other = threading.Thread(target=self._at_paypal, args=(seat, "buyer-cancels", chance.random() * 0.3))
        other.start()
        self._cancel(seat)
        other.join()

    def _never_approved(self, seat: Seat, chance: random.Random) -> None:
        if chance.random() < 0.5:
            self._cancel(seat)
            return
        other = threading.Thread(target=self._at_paypal, args=(seat, "buyer-approves", chance.random() * 0.3))
        other.start()
        self._cancel(seat)
        other.join()

    def _race(self, seat: Seat, _chance: random.Random) -> None:
        staff = threading.Thread(target=self._staff, args=(seat, "complete"))
        staff.start()
        self._cancel(seat)
        staff.join()

    def _abandon_while_at_paypal(self, seat: Seat, chance: random.Random) -> None:
        """The buyer cancels once the desk's page is drawn: PayPal's message and the click come together."""
        other = threading.Thread(target=self._at_paypal, args=(seat, "buyer-cancels", chance.random() * 0.1))
        self._staff(seat, "abandon", between=other.start)
        if other.ident is not None:
            other.join()

    def _then_abandon(self, seat: Seat, _chance: random.Random) -> None:
        self._cancel(seat)
        self._staff(seat, "abandon")

    def _another_day(self, seat: Seat, chance: random.Random) -> None:
        """Type a day, press the button of an end at once, and confirm what the page then shows."""
        wished = (utc_now() + timedelta(days=chance.randrange(5, 90))).date()
        with self.journal.lock:
            self.journal.wished[seat.provider_id] = wished
        self._confirm(Browser(self.world, self.journal, seat, staff=False), seat, clicks=1, day=wished.isoformat())

    def _notify(self, seat: Seat, chance: random.Random) -> None:
        """The customer notifies by the form; staff end it, some after they tried to call it completed."""
        browser = Browser(self.world, self.journal, seat, staff=False)
        path = f"/account/{seat.slug}/subscriptions/{seat.subscription_id}/notification"
        for _ in range(TRIES):
            page = browser.get(path)
            if page is not None and page.status_code == 302:
                break  # it stands already
            answer = browser.post(path, form_of(page.text, path)) if page is not None else None
            if answer is not None and answer.status_code == 303:
                with self.journal.lock:
                    self.journal.notified.add(seat.provider_id)
                browser.get(answer.headers["Location"])
                break
            time.sleep(PAUSE)
        else:
            self._give_up(seat, "a customer")
            return
        if chance.random() < 0.5:
            self._staff(seat, "complete")
        self._staff(seat, "cancel")

    def _late_money(self, seat: Seat, _chance: random.Random) -> None:
        """PayPal takes a payment after the end it confirmed, and a part of it back from the merchant."""
        browser, reference = Browser(self.world, self.journal, seat, staff=False), self._cancel(seat)
        for _ in range(TRIES):
            page = browser.get(f"/account/{seat.slug}/requests/{reference}") if reference else None
            if page is not None and page_says_over(page.text):
                break
            time.sleep(PAUSE)
        else:
            return  # PayPal was away for long: the payment would not be a late one
        time.sleep(1.2)  # PayPal's times are whole seconds
        for happening in ("charge", "reverse-part"):
            self._at_paypal(seat, happening, 0.1)
        with self.journal.lock:
            self.journal.taken_back.add(seat.provider_id)

    def _declined(self, seat: Seat, _chance: random.Random) -> None:
        """The payment is declined, PayPal tries again; the customer cancels: what was paid ends where it ended."""
        before = self.world.simulated.subscription(seat.provider_id)
        with self.journal.lock:
            self.journal.declined[seat.provider_id] = before
        self._at_paypal(seat, "decline-payment", 0)
        self._cancel(seat)

    def _at_paypal(self, seat: Seat, happening: str, after: float) -> None:
        time.sleep(after)
        self.world.simulated.post(f"subscriptions/{seat.provider_id}/{happening}")

    # Acts

    def _confirm(self, browser: Browser, seat: Seat, *, clicks: int, day: str = "") -> str:
        path = f"/account/{seat.slug}/subscriptions/{seat.subscription_id}/cancellation"
        for _ in range(TRIES):
            page = browser.get(path)
            answer = page
            if page is not None and page.status_code == 200:
                fields = form_of(page.text, path)
                with self.journal.lock:
                    self.journal.clicks.setdefault(seat.provider_id, utc_now())
                answer = self._click(browser, path, {**fields, "reason": "not_used", "on": day}, clicks)
                if day and answer is not None and answer.status_code == 200:  # the page asks, and shows what it changes
                    answer = self._click(browser, path, {**form_of(answer.text, path), "on": day}, clicks)
            if answer is not None and answer.status_code in (302, 303):
                place = answer.headers["Location"]
                reference = place.rpartition("/requests/")[2] if "/requests/" in place else ""
                if answer.request.method == "POST":
                    self._promised(seat, reference, by_staff=False)
                browser.get(place)
                return reference
            if answer is not None and answer.status_code == 409:
                return ""  # over already, and no request of theirs: the page said so
            time.sleep(PAUSE)
        self._give_up(seat, "a customer")
        return ""

    def _click(self, browser: Browser, path: str, fields: dict[str, str], clicks: int) -> requests.Response | None:
        """Send the same form once, or twice at the same moment; return the answer that came last."""
        answers: list[requests.Response | None] = []
        threads = [threading.Thread(target=lambda: answers.append(browser.post(path, fields))) for _ in range(clicks)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        taken = [answer for answer in answers if answer is not None and answer.status_code == 303]
        if len({answer.headers["Location"] for answer in taken}) > 1:
            with self.journal.lock:
                self.journal.surprises.append(f"a double-click on {path} led to two requests")
        return taken[0] if taken else answers[0]

    def _take_back(self, browser: Browser, seat: Seat, reference: str) -> None:
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

    def _staff(self, seat: Seat, action: str, *, between: Callable[[], None] | None = None) -> None:
        """End it at the desk; `between` happens once, after the page was read and before it is sent."""
        browser = Browser(self.world, self.journal, seat, staff=True)
        path, record = (
            f"/admin/subscriptions/{seat.subscription_id}/end/{action}",
            f"/admin/subscriptions/{seat.subscription_id}",
        )
        for _ in range(TRIES):
            answer = page = browser.get(path)
            if page is not None and page.status_code == 200:
                if between is not None:
                    between()
                    between = None
                answer = browser.post(path, form_of(page.text, path))
                if answer is not None and answer.status_code == 303:
                    self._promised(seat, "", by_staff=True)
            if answer is not None and answer.status_code in (303, 409):
                browser.get(record)
                return
            time.sleep(PAUSE)
        self._give_up(seat, "staff")

    def _promised(self, seat: Seat, reference: str, *, by_staff: bool) -> None:
        with self.journal.lock:
            self.journal.promises.append(Promise(utc_now(), seat, reference, by_staff))

    def _give_up(self, seat: Seat, who: str) -> None:
        with self.journal.lock:
            self.journal.gave_up.append(f"{who} gave up on {seat.provider_id} after {TRIES} tries")


def form_of(page: str, action: str) -> dict[str, str]:
    """Return the fields of the page's form that goes to `action` (or nowhere else); empty when it has none."""
    for form in BeautifulSoup(page, "html.parser").find_all("form", method="post"):
        if str(form.get("action") or action).endswith(action):
            inputs = [one for one in form.find_all(["input", "textarea"]) if isinstance(one, Tag) and one.get("name")]
            kept = [one for one in inputs if one.get("type") not in ("radio", "checkbox")]
            return {str(one["name"]): str(one.get("value") or one.get_text()) for one in kept}
    return {}
