"""A standby is promoted while the old primary still answers; and an address that leads to a standby.

What is recorded where is counted on both servers themselves.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import requests
from psycopg import OperationalError

from tests.chaos.browsing import form_of
from tests.chaos.conduct import Say
from tests.chaos.stack import standing
from tests.chaos.world import Seat, World, build
from tests.folders import make_folder
from tests.postgresql import Server
from tests.scaling.clusters import DATABASE, Pair

SHORT: Final = 8.0  # seconds that a person waits for a page here
BACK: Final = 90.0  # seconds in which processes have to come back by themselves
TAKEN, NOTHING = "taken", "no answer"


class Astray(Pair):
    """A pair whose web and workers, once they run, are told of the standby alone."""

    def __init__(self, folder: Path, *, is_synchronous: bool) -> None:
        super().__init__(folder, is_synchronous=is_synchronous)
        self.is_astray = False

    @property
    def settings(self) -> dict[str, str]:
        return {"DATABASE_URL": self.standby.address(DATABASE) if self.is_astray else self.url}


class People:
    """Who cancels once, and does not come back; their sessions are opened before anything is wrong."""

    def __init__(self, world: World, say: Say) -> None:
        self.web, self.say = world.web, say
        self.seats = world.seats
        self._tokens = {seat: world.token_of(seat) for seat in world.seats}
        self.wrong: list[str] = []

    def cancel(self, seat: Seat) -> str:
        """Return « taken », a status, or « no answer »."""
        path = f"/account/{seat.slug}/subscriptions/{seat.subscription_id}/cancellation"
        with requests.Session() as http:
            http.trust_env = False
            http.cookies.set("portal_customer", self._tokens[seat])
            try:
                answer = http.get(self.web + path, timeout=SHORT, allow_redirects=False)
                if answer.status_code == 200:
                    fields = {**form_of(answer.text, path), "reason": "not_used", "on": ""}
                    answer = http.post(self.web + path, data=fields, timeout=SHORT, allow_redirects=False)
            except requests.RequestException:
                return NOTHING
        is_there = "/requests/" in answer.headers.get("Location", "")
        return TAKEN if is_there else str(answer.status_code)

    def expect(self, when: str, said: str, *wanted: str) -> None:
        """Note what else was said than what should be."""
        if said not in wanted:
            self.wrong.append(f"{when}: {said} instead of {' or '.join(wanted)}")

    def come_back(self, seat: Seat) -> float:
        """Try until the portal takes the wish; return the seconds. Meanwhile it says 503, or nothing."""
        began, said = time.monotonic(), ""
        while time.monotonic() - began < BACK:
            said = self.cancel(seat)
            if said == TAKEN:
                return time.monotonic() - began
            self.expect("meanwhile", said, "503", NOTHING)
            time.sleep(0.5)
        self.wrong.append(f"the portal did not come back within {BACK:g} s: {said}")
        return BACK

    def health(self) -> str:
        """Return what /healthz says of the database."""
        try:
            return str(requests.get(f"{self.web}/healthz", timeout=SHORT).json()["database"])
        except requests.RequestException:
            return NOTHING


def split(say: Say) -> list[str]:
    """Try all three; return what was wrong."""
    return [
        *_with(partial(Pair, is_synchronous=False), _asynchronous, say),
        *_with(partial(Pair, is_synchronous=True), _synchronous, say),
        *_with(partial(Astray, is_synchronous=True), _astray, say),
    ]


def _with(cluster: Callable[[Path], Pair], work: Callable[[Pair, People], None], say: Say) -> list[str]:
    folder = make_folder("split-")
    try:
        with standing(folder, cluster=cluster) as stack:
            people = People(build(stack, 8, seed=1), say)
            if isinstance(stack.cluster, Astray):
                stack.cluster.is_astray = True
                for process in (stack.processes["web"], *stack.workers):
                    process.environment.update(stack.cluster.settings)
                    process.start()
            assert isinstance(stack.cluster, Pair)
            work(stack.cluster, people)
            for one in people.wrong + stack.trouble:
                say(f"WRONG {one}")
            return people.wrong + stack.trouble
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _asynchronous(pair: Pair, people: People) -> None:
    """Nothing stops the old primary: the processes stay with it, the new one learns nothing; then it is fenced."""
    before, between, after = people.seats[:3]
    people.expect("before", people.cancel(before), TAKEN)
    _until(lambda: requests_of(pair.standby, before) == 1)
    pair.standby.promote()
    people.expect("two primaries", people.cancel(between), TAKEN)
    found = (requests_of(pair.primary, between), requests_of(pair.standby, between))
    people.say(f"asynchronous, two primaries: told « taken »; rows on the old one {found[0]}, promoted {found[1]}")
    people.expect("two primaries", str(found), "(1, 0)")
    pair.primary.kill()
    took = people.come_back(after)
    left = requests_of(pair.standby, between)
    people.say(f"the old one is fenced: back after {took:.1f} s; of what it had taken since, {left} is there")


def _synchronous(pair: Pair, people: People) -> None:
    """The old primary cannot commit without the standby: nobody is told anything; fenced, they ask again."""
    before, between = people.seats[:2]
    people.expect("before", people.cancel(before), TAKEN)
    pair.standby.promote()
    said = people.cancel(between)
    there = requests_of(pair.standby, between)
    people.say(f"synchronous, two primaries: the page says « {said} »; rows on the promoted one: {there}")
    people.expect("two primaries", said, "503", NOTHING)
    pair.primary.kill()
    took = people.come_back(between)
    people.say(f"the old one is fenced: back after {took:.1f} s, the same wish is taken")
    people.expect("after", str([requests_of(pair.standby, seat) for seat in (before, between)]), "[1, 1]")


def _astray(pair: Pair, people: People) -> None:
    """The address leads to a standby: pages are shown, nothing is taken, health says so; promoted, all goes on."""
    seat = people.seats[0]
    _until(lambda: people.health() == "unwritable")
    people.expect("health", people.health(), "unwritable")
    said = people.cancel(seat)
    people.expect("a standby", said, "503")
    people.say(f"DATABASE_URL to a standby: health « {people.health()} », a wish is answered {said}")
    pair.primary.kill()
    pair.standby.promote()
    people.say(f"promoted: back after {people.come_back(seat):.1f} s, nothing was restarted")


def requests_of(server: Server, seat: Seat) -> int:
    """Return how many requests of the seat's subscription a server has; -1 where it does not answer."""
    count = f"SELECT count(*) FROM end_requests WHERE subscription_id = '{seat.subscription_id}'"  # noqa: S608
    try:
        return int(server.ask(count, DATABASE))
    except OperationalError:
        return -1


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BACK
    while not true() and time.monotonic() < deadline:
        time.sleep(0.2)
