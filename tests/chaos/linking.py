"""Staff who make a link that opens one task, and whoever comes by it: a scanner, two browsers at once, the customer.

The link has no session before it; the code that an end asks for comes by mail.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from portal.clock import utc_now
from portal.demo.mail_folder import Mail, MailFolder
from tests.chaos.browsing import PAUSE, TRIES, Browser, form_of, place_of, token_of
from tests.chaos.customers import Customers
from tests.chaos.journal import Journal, TaskWalk
from tests.chaos.world import Seat, World

LINK: Final = re.compile(r"/account/[a-z]+/task/[\w-]+")
CODE: Final = re.compile(r"\b\d{6}\b")
REFUSALS: Final = (401, 403, 404, 410)  # what a stranger to a page may be answered
CLOSED: Final = 403  # a suspended or leaving merchant's staff make no link
SCANNED: Final = 2  # times that a mail scanner opens a link before anybody else does


@dataclass
class Linking:
    """Links that open one task."""

    world: World
    journal: Journal
    customers: Customers
    mails: Path  # of the mail server

    @property
    def stories(self) -> dict[str, Callable[[Seat, random.Random], None]]:
        """What they do, by its name in the plan."""
        return {
            "link-cancel": lambda seat, chance: self._cancels(seat, self._made(seat), clicks=chance.randint(1, 2)),
            "link-twice": self._twice,
            "link-access": self._reads,
        }

    # Stories

    def _cancels(self, seat: Seat, path: str, *, clicks: int) -> None:
        """Two browsers press the button at once; the one that is let in ends the subscription, with the code."""
        since, inside = utc_now(), self._walk(seat, path, f"subscriptions/{seat.subscription_id}/cancellation")
        if inside is not None:
            self._confirm(seat, inside, since=since, clicks=clicks)

    def _twice(self, seat: Seat, chance: random.Random) -> None:
        """Two links to the same task, in the hands of two people: one end."""
        first, second = self._made(seat), self._made(seat)
        other = threading.Thread(target=self._cancels, args=(seat, first), kwargs={"clicks": 1})
        other.start()
        self._cancels(seat, second, clicks=chance.randint(1, 2))
        other.join()

    def _reads(self, seat: Seat, _chance: random.Random) -> None:
        """A link to what is open ends nothing, whatever is pressed."""
        inside = self._walk(seat, self._made(seat, "access"), "access")
        if inside is not None:
            browser, walk = inside
            path = f"/account/{seat.slug}/subscriptions/{seat.subscription_id}/cancellation"
            page = browser.get(f"/account/{seat.slug}/access")
            token = token_of(page.text) if page is not None and page.status_code == 200 else ""
            answer = browser.post(path, {"csrf_token": token, "reason": "not_used"})
            walk.ended_without_code |= "/requests/" in place_of(answer)

    # Acts

    def _made(self, seat: Seat, task: str = "") -> str:
        """Have a link made at the desk; return its path, "" where the merchant is closed."""
        staff, path = self._browser(seat, is_staff=True), f"/admin/customers/{seat.customer_id}/link"
        for _ in range(TRIES):
            page = answer = staff.get(path)
            if page is not None and page.status_code == 200:
                fields = {**form_of(page.text, path), "task": task or f"cancel:{seat.subscription_id}"}
                answer = staff.post(path, fields)
            found = LINK.search(answer.text) if answer is not None and answer.status_code == 200 else None
            if found is not None:
                return found.group()
            if answer is not None and answer.status_code in (CLOSED, 422):
                return ""  # closed; or there is nothing to end any more
            time.sleep(PAUSE)
        self.customers.give_up(seat, "staff with a link to make")
        return ""

    def _walk(self, seat: Seat, path: str, task: str) -> tuple[Browser, TaskWalk] | None:
        """Open a link in several browsers at once; return the one that it let in, None where no answer arrived."""
        if not path:
            return None
        walk = TaskWalk(seat.provider_id, path.rpartition("/")[2])
        with self.journal.lock:
            self.journal.walks.append(walk)
        scanner = self._browser(seat)
        for _ in range(SCANNED):
            page = scanner.get(path)
            walk.is_spent_by_a_look |= page is not None and page.status_code == 410
        browsers = [self._browser(seat) for _ in range(2)]
        forms = [self._form(browser, path) for browser in browsers]
        threads = [
            threading.Thread(target=browser.post, args=(path, form))
            for browser, form in zip(browsers, forms, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        there = f"/account/{seat.slug}/{task}"
        inside = [browser for browser in browsers if self._patiently(browser, there) == 200]
        walk.opened = len(inside)
        late = self._patiently(scanner, path)
        walk.opens_late = bool(inside) and late == 200
        for browser in inside[:1]:
            self._look_around(seat, browser, walk)
        return (inside[0], walk) if inside else None

    def _look_around(self, seat: Seat, browser: Browser, walk: TaskWalk) -> None:
        """Try every other page of the same account, and another customer's."""
        other = next(one for one in self.world.seats if one.slug == seat.slug and one != seat)
        account, own = f"/account/{seat.slug}", f"/subscriptions/{seat.subscription_id}"
        others = ("/", "/payments", "/profile", "/data", own, f"/subscriptions/{other.subscription_id}/cancellation")
        for path in others:
            page = browser.get(account + path)
            walk.elsewhere.append((path, page.status_code if page is not None else 0))

    def _confirm(self, seat: Seat, inside: tuple[Browser, TaskWalk], *, since: datetime, clicks: int) -> None:
        """Try without a code, then with the one that was mailed."""
        browser, walk = inside
        path, code = f"/account/{seat.slug}/subscriptions/{seat.subscription_id}/cancellation", ""
        for _ in range(TRIES):
            page = answer = browser.get(path)
            if page is not None and page.status_code == 200:
                fields = {**form_of(page.text, path), "reason": "not_used", "on": ""}
                answer = browser.click(path, {**fields, "code": code} if "code" in fields else fields, clicks=clicks)
                walk.ended_without_code |= "code" in fields and not code and "/requests/" in place_of(answer)
            place = place_of(answer)
            if place:
                if "/requests/" in place and answer is not None and answer.request.method == "POST":
                    self.customers.promised(seat, place.rpartition("/requests/")[2], by_staff=False)
                return  # to the result; or the task is done, and the answer was lost
            if answer is not None and answer.status_code in REFUSALS:
                return
            code = self._code(seat, since) or code
            time.sleep(PAUSE)
        # The code's mail was put off or refused: nobody could confirm, and nothing was promised.

    def _code(self, seat: Seat, since: datetime) -> str:
        """Return the newest code in the customer's mailbox, "" where there is none."""
        address = self.world.addresses[seat.provider_id]
        for mail in mails_since(self.mails, since):
            found = CODE.search(mail.text) if address in mail.to else None
            if found is not None:
                return found.group()
        return ""

    def _form(self, browser: Browser, path: str) -> dict[str, str]:
        for _ in range(TRIES):
            page = browser.get(path)
            if page is not None:
                return form_of(page.text, path) if page.status_code == 200 else {}
            time.sleep(PAUSE)
        return {}

    def _patiently(self, browser: Browser, path: str) -> int | None:
        """Return the status of a page, None when it never answered."""
        for _ in range(TRIES):
            page = browser.get(path)
            if page is not None:
                return page.status_code
            time.sleep(PAUSE)
        return None

    def _browser(self, seat: Seat, *, is_staff: bool = False) -> Browser:
        return Browser(self.world, self.journal, seat, staff=is_staff, is_logged_in=is_staff, refusals=REFUSALS)


def mails_since(folder: Path, since: datetime) -> list[Mail]:
    """Return what came since then, newest first: a mail's id begins with its moment."""
    kept, first = MailFolder(folder), f"{since:%Y%m%dT%H%M%S}"
    ids = sorted((path.stem for path in folder.glob("*.eml") if path.stem >= first), reverse=True)
    return [mail for mail in map(kept.find, ids) if mail is not None]
