"""One person's browser: real HTTP, real cookies, and the form that the page shows."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from typing import Final

import requests
from bs4 import BeautifulSoup, Tag

from portal.clock import utc_now
from tests.chaos.claims import page_says_over
from tests.chaos.journal import Journal, Visit
from tests.chaos.world import Seat, World

TRIES: Final = 40  # times somebody comes back before giving up
PAUSE: Final = 0.7  # seconds before coming back
NEWS: Final = 300.0  # seconds that PayPal’s news may take while it gives no answers: the alert rules allow 900
AWAY: Final = 1.5  # seconds more where nothing answered: on a busy machine it takes a while until it is back
PATIENCE: Final = 30.0  # seconds for a page


class Browser:
    """One person's browser; it notes every page about its subscription.

    `refusals`: what the portal may answer to what this person tries, beside the pages that everybody gets.
    """

    def __init__(
        self,
        world: World,
        journal: Journal,
        seat: Seat,
        *,
        staff: bool,
        is_logged_in: bool = True,
        refusals: Collection[int] = (),
    ) -> None:
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["X-Forwarded-For"] = network_of(seat)
        self._world, self._journal, self._seat, self._refusals = world, journal, seat, refusals
        if not is_logged_in:
            return
        if staff:
            self.http.cookies.set("portal_staff", world.staff_token_of(seat))
        else:
            self.http.cookies.set("portal_customer", world.token_of(seat))

    def get(self, path: str) -> requests.Response | None:
        """Read a page; None when there was no answer, or one that says « try again »."""
        return self._ask("GET", path)

    def post(self, path: str, fields: dict[str, str]) -> requests.Response | None:
        """Send a form."""
        return self._ask("POST", path, fields)

    def click(self, path: str, fields: dict[str, str], *, clicks: int) -> requests.Response | None:
        """Send the same form once, or twice at the same moment; return an answer that took it, else the first."""
        answers: list[requests.Response | None] = []
        threads = [threading.Thread(target=lambda: answers.append(self.post(path, fields))) for _ in range(clicks)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        taken = [answer for answer in answers if answer is not None and answer.status_code == 303]
        if len({answer.headers["Location"] for answer in taken}) > 1:
            with self._journal.lock:
                self._journal.surprises.append(f"a double-click on {path} led to two places")
        return taken[0] if taken else answers[0]

    def _ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> requests.Response | None:
        try:
            answer = self.http.request(
                method, self._world.web + path, data=fields, timeout=PATIENCE, allow_redirects=False
            )
        except requests.RequestException:
            self._journal.count("pages without an answer")
            time.sleep(AWAY)
            return None
        if answer.status_code >= 500:
            self._journal.count(f"pages answered {answer.status_code}")
            return None
        if answer.status_code == 200:
            says_over = answer.headers["Content-Type"].startswith("text/html") and page_says_over(answer.text)
            visit = Visit(utc_now(), self._seat.provider_id, path, says_over)
            with self._journal.lock:
                self._journal.visits.append(visit)
        elif answer.status_code not in (302, 303, 409, 422, *self._refusals):
            with self._journal.lock:
                self._journal.surprises.append(f"{method} {path} answered {answer.status_code}")
        return answer


def network_of(seat: Seat) -> str:
    """Return where a customer comes from: everybody is at home somewhere else."""
    return f"10.{seat.customer_id.bytes[0]}.{seat.customer_id.bytes[1]}.7"


def place_of(answer: requests.Response | None) -> str:
    """Return where an answer leads; "" for a page, and for none."""
    return answer.headers.get("Location", "") if answer is not None and answer.status_code in (302, 303) else ""


def form_of(page: str, action: str) -> dict[str, str]:
    """Return the fields of the page's form that goes to `action` (or nowhere else); empty when it has none."""
    for form in BeautifulSoup(page, "html.parser").find_all("form", method="post"):
        if str(form.get("action") or action).endswith(action):
            inputs = [one for one in form.find_all(["input", "textarea"]) if isinstance(one, Tag) and one.get("name")]
            kept = [one for one in inputs if one.get("type") not in ("radio", "checkbox")]
            return {str(one["name"]): str(one.get("value") or one.get_text()) for one in kept}
    return {}


def choices_of(page: str, name: str) -> list[str]:
    """Return what the page offers to choose under a name."""
    found = BeautifulSoup(page, "html.parser").find_all("input", attrs={"name": name, "type": "radio"})
    return [str(one["value"]) for one in found if isinstance(one, Tag)]


def token_of(page: str) -> str:
    """Return the form token of a page that has a form, else ""."""
    found = BeautifulSoup(page, "html.parser").find("input", attrs={"name": "csrf_token"})
    return str(found["value"]) if isinstance(found, Tag) else ""
