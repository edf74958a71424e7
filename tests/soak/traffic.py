"""Everybody at once, at a pace: stories of the chaos harness, the salon's people, programs, strangers, PayPal."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from tests.chaos.journal import Journal
from tests.chaos.people import People
from tests.chaos.plan import Plan, Step
from tests.chaos.world import World
from tests.soak.nights import Nights
from tests.soak.others import Desk, Program, declare, happen
from tests.soak.plan import API, STORY_EVERY
from tests.soak.regulars import Regulars
from tests.soak.salon import Regular, Salon
from tests.soak.stand import SoakStack
from tests.soak.visits import Answers, Pace, Visitor

RATE: Final = 20.0  # requests a second, beside the stories: two idle cores have some room left
VISITORS: Final = 6  # at once
AT_ONCE: Final = 8  # stories at once
PAYPAL_EVERY: Final = 0.6  # seconds between two happenings there
NIGHT_EVERY: Final = 150.0  # seconds from one simulated night to the next
TRIES: Final = 40  # of a program's call that had no answer
# How often each is drawn.
ACTS: Final = {
    "look around": 30,
    "receipts": 8,
    "log in": 5,
    "profile": 5,
    "export": 1,
    "pause": 3,
    "desk": 20,
    "declare": 3,
    "API: access": 12,
    "API: lists": 8,
    "API: portal session": 5,
}


@dataclass
class Traffic:
    """All of it; `run` ends when `until` (of time.monotonic) has come, or `stopping` is set."""

    stack: SoakStack
    world: World
    salon: Salon
    journal: Journal
    plan: Plan
    until: float
    answers: Answers = field(default_factory=Answers)
    stopping: threading.Event = field(default_factory=threading.Event)
    trouble: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._pace = Pace(RATE)
        self._people = People(self.world, self.journal, self.stack)
        self.regulars = Regulars(self.stack, self.salon)
        self._program, self._nights = Program(self.salon), Nights(self.stack.cluster)
        self._by_regulars: dict[str, Callable[[Visitor, Regular, random.Random], None]] = {
            "look around": self.regulars.look_around,
            "receipts": self.regulars.receipts,
            "log in": self.regulars.log_in,
            "profile": self.regulars.profile,
            "export": self.regulars.export,
            "pause": self.regulars.pause,
            "API: portal session": self._program.send_in,
        }
        self._by_others: dict[str, Callable[[Visitor, random.Random], object]] = {
            "desk": Desk(self.world, self.salon).look_around,
            "declare": declare,
            "API: access": self._program.check,
            "API: lists": self._program.read,
        }

    def run(self) -> None:
        """Let everybody come until the time is over, then wait for whoever is still here."""
        seeds = random.Random(self.plan.seed)
        loops = [self._paypal, self._stories, self._nightly, *[self._visits] * VISITORS]
        threads = [threading.Thread(target=loop, args=(random.Random(seeds.random()),)) for loop in loops]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    @property
    def is_over(self) -> bool:
        """Say whether nobody comes any more."""
        return self.stopping.is_set() or time.monotonic() >= self.until

    # Loops

    def _visits(self, chance: random.Random) -> None:
        weights = list(ACTS.values())
        while not self.is_over:
            kind = chance.choices(list(ACTS), weights)[0]
            self._guarded(kind, lambda kind=kind: self._visit(kind, chance))

    def _stories(self, chance: random.Random) -> None:
        pool = ThreadPoolExecutor(AT_ONCE)
        for step in self.plan.stormy:
            if self.is_over:
                break
            pool.submit(self._guarded, f"story {step.kind}", lambda step=step: self._live(step))
            self.stopping.wait(STORY_EVERY)
        pool.shutdown(cancel_futures=True)  # on a busy machine some have not begun: they end nothing

    def _paypal(self, chance: random.Random) -> None:
        charged = [self.world.seats[seat].provider_id for seat in self.plan.bystanders]
        while not self.is_over:
            self._guarded("at PayPal", lambda: happen(self.world, charged, self.salon, chance, self.answers.acts))
            self.stopping.wait(PAYPAL_EVERY)

    def _nightly(self, chance: random.Random) -> None:
        while not self.stopping.wait(min(NIGHT_EVERY, max(0.1, self.until - time.monotonic()))) and not self.is_over:
            self._guarded("night", self._nights.fall)

    # Acts

    def _visit(self, kind: str, chance: random.Random) -> None:
        with Visitor(self.stack, self.answers, self._pace, chance) as visitor:
            if kind in self._by_others:
                self._by_others[kind](visitor, chance)
                return
            regular = self.regulars.one(chance)
            try:
                self._by_regulars[kind](visitor, regular, chance)
            finally:
                self.regulars.leaves(regular)

    def _live(self, step: Step) -> None:
        if step.kind == API:
            self._api_end(step)
        else:
            self._people.live(step)

    def _api_end(self, step: Step) -> None:
        seat, chance = self.world.seats[step.seat], random.Random(step.number)
        with self.journal.lock:
            self.journal.asked.add(seat.provider_id)
        for _ in range(TRIES):
            with Visitor(self.stack, self.answers, self._pace, chance, to_other=False) as visitor:
                statuses = self._program.end(visitor, seat)
            if all(200 <= status < 300 for status in statuses):
                return
            time.sleep(1.0)
        self.trouble.append(f"the API took no end of {seat.provider_id}: {statuses}")

    def _guarded(self, what: str, act: Callable[[], None]) -> None:
        """Do it; a defect of the harness must not look like a good run."""
        try:
            act()
            with self.answers.lock:
                self.answers.acts[what] += 1
        except Exception as error:
            with self.answers.lock:
                self.trouble.append(f"{what}: {type(error).__name__}: {error}")
