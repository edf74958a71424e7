"""A visitor of the soak: real HTTP, as fast as the run's pace allows, every answer noted."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import requests

from portal.clock import utc_now
from tests.soak.mishaps import OTHER_ANSWERS, STEADY_ANSWERS
from tests.soak.stand import OTHER_WEB, STEADY_WEB, SoakStack

PATIENCE: Final = 40.0  # seconds for an answer
OTHER_SHARE: Final = 0.15  # of all visits: to the web that may die
LINK: Final = re.compile(r'<a\b[^>]*?\bhref="([^"#]+)"')
# Pages that end a visit, or belong to nobody who is logged in.
NOT_FOLLOWED: Final = ("/logout", "/language", "/login", "/session/", "/invitation/", "/static/")


@dataclass(frozen=True)
class Failure:
    """An answer that is an error of ours, or none at all; of which of the two webs."""

    at: datetime
    web: str
    what: str


@dataclass
class Answers:
    """What was answered to everybody, by status; what should not have been, with its moment."""

    counts: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, web: str, what: str, status: str) -> None:
        """Count an answer that came just now; keep one that is an error of ours, or none at all."""
        with self.lock:
            self.counts[status] += 1
            if status == "none" or (status.startswith("5") and status != "503"):  # of these the logs tell
                self.failures.append(Failure(utc_now(), web, f"{status} to {what}"))

    @property
    def total(self) -> int:
        """How many answers there were."""
        with self.lock:
            return sum(count for status, count in self.counts.items() if status != "none")


class Pace:
    """So many requests a second, over all visitors: they wait for their turn."""

    def __init__(self, per_second: float) -> None:
        self._gap, self._next, self._lock = 1 / per_second, time.monotonic(), threading.Lock()

    def wait(self) -> None:
        """Wait for the next turn; turns that nobody took are not made up for."""
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next)
            self._next = at + self._gap
        time.sleep(max(0.0, at - now))


class Visitor:
    """One browser, or one program with a key."""

    def __init__(
        self, stack: SoakStack, answers: Answers, pace: Pace, chance: random.Random, *, to_other: bool | None = None
    ) -> None:
        self._answers, self._pace = answers, pace
        other = chance.random() < OTHER_SHARE if to_other is None else to_other
        self.web = OTHER_ANSWERS if other else STEADY_ANSWERS
        self.root = f"http://127.0.0.1:{stack.ports[OTHER_WEB if other else STEADY_WEB]}"
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["Host"] = urlsplit(stack.environment["PORTAL_BASE_URL"]).netloc
        self.http.headers["X-Forwarded-For"] = "10." + ".".join(str(chance.randrange(256)) for _ in range(3))
        self.http.headers["Sec-Fetch-Site"] = "same-origin"
        self.http.headers["Connection"] = "close"  # a kept one may be closed as it is used: no fault of anybody's

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def ask(self, method: str, path: str, **given: Any) -> requests.Response | None:
        """Ask; None where there was no answer."""
        self._pace.wait()
        asked = f"{method} {path.partition('?')[0]}"
        try:
            answer = self.http.request(method, self.root + path, timeout=PATIENCE, allow_redirects=False, **given)
        except requests.RequestException as error:
            self._answers.note(self.web, f"{asked} ({type(error).__name__})", "none")
            return None
        self._answers.note(self.web, asked, str(answer.status_code))
        return answer

    def get(self, path: str) -> requests.Response | None:
        """Read a page."""
        return self.ask("GET", path)

    def post(self, path: str, fields: Mapping[str, str]) -> requests.Response | None:
        """Send a form."""
        return self.ask("POST", path, data=dict(fields))

    def text(self, path: str) -> str:
        """Read a page; "" where it did not come."""
        answer = self.get(path)
        return answer.text if answer is not None and answer.status_code == 200 else ""


def walk(visitor: Visitor, chance: random.Random, *, begin: str, within: str, steps: int) -> None:
    """Follow links at random, from a page on, to pages and files whose address begins with `within`."""
    page, path = visitor.text(begin), begin
    for _ in range(steps):
        links = [urljoin(path, one.replace("&amp;", "&")) for one in LINK.findall(page)]
        ways = [one for one in links if one.startswith(within) and not any(part in one for part in NOT_FOLLOWED)]
        if not ways:
            return
        path = chance.choice(sorted(set(ways)))
        answer = visitor.get(path)
        is_page = answer is not None and answer.headers.get("Content-Type", "").startswith("text/html")
        if answer is not None and answer.status_code == 200 and is_page:
            page = answer.text
