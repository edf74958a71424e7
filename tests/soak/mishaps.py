"""What goes wrong, and when: one after the other, at the same times in every run; none harms the steady pair."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle
from typing import Final

from portal.clock import utc_now
from tests.chaos.faults import Faults
from tests.chaos.journal import Journal
from tests.chaos.plan import ANSWERS, Step
from tests.soak.stand import OTHER_WEB, OTHER_WORKER, SoakStack

EVERY: Final = 45.0  # seconds between two
LEFT_ALONE: Final = 75.0  # seconds before the end without any
PAYPAL: Final = "paypal"
# Of the harness's answers those that pass by themselves: errors of PayPal's own, late ones, and calls done unsaid.
PASSING: Final = ("500", "503", "html-502", "cut", "silent", "timeout", "stale", "empty-200", "other-id")
SAID: Final = tuple(place for place, (_what, behaviour, _more) in enumerate(ANSWERS) if behaviour in PASSING)
# In this order, again and again: fifteen of them take eleven minutes.
ORDER: Final = (
    *(PAYPAL, "kill-worker", PAYPAL, "events-repeated", "stop-web", PAYPAL, "mail-down", "postgres-fast"),
    *(PAYPAL, "stop-worker", "kill-web", "journal-full", "events-held", "reload-web", "postgres-immediate"),
)
LASTS: Final = {"mail-down": 60.0, "events-held": 20.0, "journal-full": 20.0}  # seconds; anything else is over at once
SETTLES: Final = 2.0  # seconds until a process that was told to stop does not take anything any more
RECOVERY: Final = 30.0  # seconds after the end of one in which its own consequences do not count
# What each explains while it lasts, and nothing else: answers of a web that fail, and what waits.  PayPal's errors,
# dead workers and a full journal explain neither: nobody is to see them, and nothing is to be late for them.
STEADY_ANSWERS, OTHER_ANSWERS, WAITS, MAILS, JOURNAL = "steady web", "other web", "waits", "mails", "journal"
EXPLAINS: Final = {
    **dict.fromkeys(("postgres-fast", "postgres-immediate"), (STEADY_ANSWERS, OTHER_ANSWERS, WAITS, MAILS)),
    **dict.fromkeys(("kill-web", "stop-web", "reload-web"), (OTHER_ANSWERS,)),
    "mail-down": (MAILS,),
    "journal-full": (JOURNAL,),  # the log says that it could not be written; nobody else notices
}


@dataclass(frozen=True)
class Mishap:
    """Something that was made to go wrong."""

    kind: str
    began: datetime
    ended: datetime

    def explains(self, what: str, at: datetime) -> bool:
        """Say whether it is why that happened, at that moment."""
        within = self.began - timedelta(seconds=1) <= at <= self.ended + timedelta(seconds=RECOVERY)
        return within and what in EXPLAINS.get(self.kind, ())


@dataclass
class Mishaps:
    """Lets it happen, in a thread of its own, until `until` (of time.monotonic) less LEFT_ALONE."""

    stack: SoakStack
    faults: Faults
    journal: Journal
    until: float
    trouble: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    _done: list[Mishap] = field(default_factory=list)
    _now: tuple[str, datetime] | None = None
    _answers: int = 0

    def run(self) -> None:
        """Go through them, until the end is near."""
        for kind in cycle(ORDER):
            room = self.until - LEFT_ALONE - LASTS.get(kind, 0.0) - time.monotonic()
            if room < EVERY or self.stopping.wait(EVERY):
                return
            if kind == "journal-full" and not self.stack.has_own_disk:
                continue
            began = utc_now()
            self._now = (kind, began)
            try:
                self._do(kind)
            except Exception as error:
                self.trouble.append(f"the harness could not do {kind}: {type(error).__name__}: {error}")
            self._done.append(Mishap(self._shown(kind), began, utc_now()))
            self._now = None

    @property
    def done(self) -> list[Mishap]:
        """Everything so far, and what is going on."""
        now = self._now
        return [*self._done, *([Mishap(now[0], now[1], utc_now())] if now is not None else [])]

    def _do(self, kind: str) -> None:
        acts: dict[str, Callable[[], None]] = {
            PAYPAL: self._paypal,
            "kill-worker": lambda: self._process(self.stack.kill, OTHER_WORKER),
            "stop-worker": lambda: self._process(self.stack.restart_politely, OTHER_WORKER),
            "kill-web": lambda: self._process(self.stack.kill, OTHER_WEB),
            "stop-web": lambda: self._process(self.stack.restart_politely, OTHER_WEB),
            "reload-web": lambda: self._process(self.stack.reload_web, OTHER_WEB),
            "mail-down": lambda: self._lasting("mail-put-off", LASTS[kind]),
            "events-held": lambda: self._lasting(kind, LASTS[kind]),
            "journal-full": self._journal_full,
        }
        acts.get(kind, lambda: self.faults.do(Step("fault", kind, number=len(self._done))))()

    def _paypal(self) -> None:
        """Each kind of answer in its turn, to a few calls."""
        place = SAID[self._answers % len(SAID)]
        self._answers += 1
        self.faults.do(Step("fault", f"{PAYPAL}:{place}", number=self._answers))

    def _process(self, act: Callable[[str], None], name: str) -> None:
        """Do it, and wait until the process is there again: on a busy machine that takes a while."""
        self.journal.disturb()
        act(name)
        self.stopping.wait(SETTLES)
        self.stack.settle()
        self.journal.disturb()

    def _lasting(self, kind: str, seconds: float) -> None:
        self.faults.do(Step("fault", kind))
        try:
            self.stopping.wait(seconds)
        finally:
            self.faults.end(Step("end", kind))

    def _journal_full(self) -> None:
        """Nothing can be added to the journal for a while; then its disk has room again."""
        self.stack.fill_journal()
        try:
            self.stopping.wait(LASTS["journal-full"])
        finally:
            self.stack.free_journal()

    def _shown(self, kind: str) -> str:
        if kind != PAYPAL:
            return kind
        operation, behaviour, _more = ANSWERS[SAID[(self._answers - 1) % len(SAID)]]
        return f"{PAYPAL}: {behaviour} to {operation}"
