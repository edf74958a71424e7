"""People at the pages who end something; they come back when a page breaks."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from portal.clock import utc_now
from tests.chaos.browsing import PAUSE, TRIES, Browser, form_of
from tests.chaos.claims import page_says_over
from tests.chaos.customers import Customers
from tests.chaos.desk import Desk
from tests.chaos.erasing import Erasing
from tests.chaos.journal import CameBack, Journal
from tests.chaos.linking import Linking
from tests.chaos.owing import Debtors
from tests.chaos.plan import KEEPING, NOTIFY, PENDING, RETURNS, Step
from tests.chaos.stack import Stack
from tests.chaos.world import Seat, World
from tests.fakes.delivery_reports import report


@dataclass
class People:
    """Everybody who acts in a run."""

    world: World
    journal: Journal
    stack: Stack

    def __post_init__(self) -> None:
        self._desk = Desk(self.world, self.journal)
        self._customers = Customers(self.world, self.journal)
        debtors = Debtors(self.world, self.journal, self._customers)
        erasing = Erasing(self.world, self.journal, self._customers, debtors)
        linking = Linking(self.world, self.journal, self._customers, self.stack.folder / "mails")
        self._others = {**debtors.stories, **erasing.stories, **linking.stories}

    def live(self, step: Step) -> None:
        """Let a seat's story happen."""
        seat = self.world.seats[step.seat]
        with self.journal.lock:
            (self.journal.kept if step.kind in KEEPING else self.journal.asked).add(seat.provider_id)
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
            "reads-proof": self._reads_proof,
            RETURNS: self._mail_returns,
            "end-and-refund-race": self._refund_race,
            **self._desk.stories,
            **self._others,
        }[step.kind]
        story(seat, random.Random(step.number))
        self.journal.count(f"story: {step.kind}")

    def look(self, seat: Seat) -> None:
        """Let the customer read the account page once more."""
        self._customers.browser(seat).get(f"/account/{seat.slug}/")

    # Stories

    def _cancel(self, seat: Seat, _chance: random.Random | None = None) -> str:
        """Cancel by the page's own form, coming back until the portal has taken it; return the reference."""
        return self._customers.cancel(seat)

    def _double_click(self, seat: Seat, _chance: random.Random) -> None:
        self._customers.confirm(self._customers.browser(seat), seat, clicks=2)

    def _undo(self, seat: Seat, chance: random.Random) -> None:
        """PayPal does not answer at first, so that there is something to take back."""
        self.world.simulated.post("rules", operation="show", behaviour="500", times=2, only=seat.provider_id)
        browser = self._customers.browser(seat)
        reference = self._customers.confirm(browser, seat, clicks=1)
        if reference:
            self._customers.take_back(browser, seat, reference)

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
        self._customers.confirm(self._customers.browser(seat), seat, clicks=1, day=wished.isoformat())

    def _notify(self, seat: Seat, chance: random.Random) -> None:
        """The customer notifies by the form; staff end it, some after they tried to call it completed."""
        browser = self._customers.browser(seat)
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
            self._customers.give_up(seat, "a customer")
            return
        if chance.random() < 0.5:
            self._staff(seat, "complete")
        self._staff(seat, "cancel")

    def _late_money(self, seat: Seat, _chance: random.Random) -> None:
        """PayPal takes a payment after the end it confirmed, and a part of it back from the merchant."""
        if not self._sees_it_over(seat, self._cancel(seat)):
            return  # PayPal was away for long: the payment would not be a late one
        time.sleep(1.2)  # PayPal's times are whole seconds
        for happening in ("charge", "reverse-part"):
            self._at_paypal(seat, happening, 0.1)
        with self.journal.lock:
            self.journal.taken_back.add(seat.provider_id)

    def _reads_proof(self, seat: Seat, _chance: random.Random) -> None:
        """Cancel, and take the proof home; a suspended or leaving merchant's customers read theirs too."""
        reference = self._cancel(seat)
        if not self._sees_it_over(seat, reference):
            return
        browser = self._customers.browser(seat)
        for _ in range(TRIES):
            proof = browser.get(f"/account/{seat.slug}/requests/{reference}/proof.pdf")
            if proof is not None and proof.content.startswith(b"%PDF"):
                return
            time.sleep(PAUSE)
        self._customers.give_up(seat, "a customer with a proof to read")

    def _mail_returns(self, seat: Seat, _chance: random.Random) -> None:
        """PayPal does not answer; the mail that says « recorded » comes back while the end is still open."""
        self.world.simulated.post("rules", operation="show", behaviour="500", times=9, only=seat.provider_id)
        reference = self._cancel(seat)
        for _ in range(TRIES):
            found = self.world.mail_about(reference, ("end_recorded", "end_confirmed", "end_already_over"))
            if found is not None:
                break
            time.sleep(PAUSE)
        else:
            return  # the mail server was away for long
        mail_id, address = found
        was_open = self.world.is_open(reference)
        for _ in range(TRIES):
            if self.stack.run("mail", "bounce", "--recipient", address, given=report(address)).returncode == 0:
                with self.journal.lock:
                    self.journal.came_back.append(CameBack(str(mail_id), seat.provider_id, was_open))
                return
            time.sleep(PAUSE)  # 75: the mail server keeps the report and calls again
        self._customers.give_up(seat, "the mail server with a report")

    def _refund_race(self, seat: Seat, chance: random.Random) -> None:
        """Staff end it with a refund while the customer cancels: whichever comes first is the end."""
        customer = threading.Timer(chance.random() * 3, lambda: self._cancel(seat))
        customer.start()
        self._desk.stories["end-and-refund"](seat, chance)
        customer.join()

    def _sees_it_over(self, seat: Seat, reference: str) -> bool:
        """Say whether the customer's page came to say that it is over, as long as somebody comes back."""
        browser = self._customers.browser(seat)
        for _ in range(TRIES if reference else 0):
            page = browser.get(f"/account/{seat.slug}/requests/{reference}")
            if page is not None and page_says_over(page.text):
                return True
            time.sleep(PAUSE)
        return False

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
                    self._customers.promised(seat, "", by_staff=True)
            if answer is not None and answer.status_code in (303, 409):
                browser.get(record)
                return
            time.sleep(PAUSE)
        self._customers.give_up(seat, "staff")
