"""One soak: build, let everybody come while things go wrong, let it become quiet, judge, write it down."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from portal.clock import utc_now
from portal.demo.run import ROOT
from portal.version import VERSION
from tests.chaos.faults import Faults
from tests.chaos.journal import Journal
from tests.chaos.nudging import Nudger
from tests.chaos.people import People
from tests.chaos.quieting import Say, until_quiet
from tests.chaos.world import World, build
from tests.folders import make_folder
from tests.soak import forecast, judgement, log_lines
from tests.soak.judged import of_chaos
from tests.soak.mishaps import Mishaps
from tests.soak.plan import drawn
from tests.soak.report import Report
from tests.soak.salon import Salon, opened
from tests.soak.samples import Sampler
from tests.soak.stand import STEADY_PROCESSES, SoakStack, standing
from tests.soak.traffic import Traffic

SAY_EVERY: Final = 60.0
QUIET: Final = 600.0  # seconds: an hour leaves more than a storm of minutes
UNFINISHED: Final = "promises, logs and sizes: they are judged when everything has come to its end"
LINGERING: Final = 900.0  # seconds after the end of the traffic in which everybody has gone
AFTERWARDS: Final = 30.0  # seconds that those who are still here have


class Interrupted(BaseException):
    """Somebody asked to end it."""


class Soak:
    """A run, and its report, which is whole at any moment."""

    def __init__(self, minutes: float, *, seed: int, warm: int, say: Say) -> None:
        self.report = Report(minutes=minutes, seed=seed, warm=warm, began=utc_now(), machine=_machine())
        self.report.unjudged = [UNFINISHED]
        self._say = say
        self._folder = make_folder("soak-")

    def run(self) -> Report:
        """Do all of it; raise Interrupted, with the report as far as it came."""
        is_whole = False
        try:
            with standing(self._folder) as stack:
                self._with(stack)
            is_whole = True
        finally:
            self.report.ended = self.report.ended or utc_now()
            if is_whole and not self.report.wrong:
                shutil.rmtree(self._folder, ignore_errors=True)
            else:
                self._say(f"the logs are in {self._folder / 'logs'}")
                shutil.rmtree(self._folder / "pg", ignore_errors=True)
        return self.report

    def _with(self, stack: SoakStack) -> None:
        report = self.report
        plan = drawn(report.minutes, seed=report.seed)
        world = build(stack, plan.seats, seed=plan.seed, named=range(plan.seats))
        salon = opened(world, seed=plan.seed)
        self._say(f"{len(world.seats)} + {len(salon.regulars)} subscriptions imported")
        journal, sampler = Journal(), Sampler(stack, world)
        report.allowed, report.forecast = forecast.allowances(), forecast.bytes_a_row()
        report.tables_before = sampler.tables()
        report.began, until = utc_now(), time.monotonic() + report.minutes * 60
        traffic = Traffic(stack, world, salon, journal, plan, until)
        mishaps = Mishaps(stack, Faults(stack, world, journal), journal, until)
        if not stack.has_own_disk:
            report.notes = ["The journal's disk was not filled: no disk of its own could be mounted."]
        try:
            self._storm(traffic, mishaps, sampler)
        finally:
            self._note(traffic, mishaps, sampler)
        self._judge_kept(stack, world, salon, traffic)
        self._judge_tables(sampler)
        report.unjudged = [one for one in report.unjudged if one != UNFINISHED]

    def _storm(self, traffic: Traffic, mishaps: Mishaps, sampler: Sampler) -> None:
        """Let them all run; a line a minute meanwhile."""
        sampler.look()
        running = [threading.Thread(target=one.run, daemon=True) for one in (traffic, mishaps, sampler)]
        for one in running:
            one.start()
        try:
            while running[0].is_alive():
                running[0].join(SAY_EVERY)
                self._say(self._line(traffic, mishaps, sampler))
                if time.monotonic() > traffic.until + LINGERING:
                    traffic.trouble.append(f"somebody was still here {LINGERING / 60:.0f} minutes after the end")
                    break
        finally:
            for one in (traffic, mishaps, sampler):
                one.stopping.set()
        for one in running:
            one.join(AFTERWARDS)
        sampler.look()

    def _line(self, traffic: Traffic, mishaps: Mishaps, sampler: Sampler) -> str:
        last, trouble = sampler.samples[-1], [*traffic.trouble, *mishaps.trouble, *sampler.trouble]
        memory = ", ".join(
            f"{name} {judgement.counted(parts):.1f} MiB" for name, parts in sorted(last.memory.items()) if parts
        )
        late = max(last.waits.items(), key=lambda one: one[1], default=("nothing", 0.0))
        failures = judgement.unexplained(traffic.answers.failures, mishaps.done)
        kind = mishaps.done[-1].kind if mishaps.done else "nothing yet"
        return (
            f"{last.served:,} requests, {memory}; latest: {late[0]} {late[1]:.0f} s; "
            f"{len(mishaps.done)} mishaps ({kind}), {len(failures)} failures unexplained, "
            f"{len(trouble)} troubles{': ' + trouble[-1] if trouble else ''}"
        )

    def _note(self, traffic: Traffic, mishaps: Mishaps, sampler: Sampler) -> None:
        """Bring the report up to date with what was measured so far."""
        report = self.report
        report.ended = utc_now()
        report.samples, report.mishaps = tuple(sampler.samples), tuple(mishaps.done)
        report.served = report.samples[-1].served if report.samples else 0
        report.requests, report.statuses = traffic.answers.total, dict(traffic.answers.counts)
        report.acts = {**traffic.answers.acts, "scrape": sampler.scrapes}
        lost = traffic.regulars.lost_codes
        report.notes = [*report.notes, f"{lost} codes did not come within 30 s: the mail server was down."]
        self._judge_memory()
        report.wrong = [
            *report.wrong,
            *judgement.replaced(report.samples),
            *judgement.late(report.samples, report.mishaps, report.allowed),
            *judgement.unexplained(traffic.answers.failures, report.mishaps),
            *(*traffic.trouble, *mishaps.trouble, *sampler.trouble),
        ]

    def _judge_memory(self) -> None:
        report, after = self.report, self.report.warm * STEADY_PROCESSES
        warm = [one for one in report.samples if one.served >= after]
        report.warm_after = (warm[0].at - report.began).total_seconds() / 60 if warm else None
        report.growths = judgement.growths(report.samples, after=after)
        report.wrong = judgement.grown(report.growths)
        if not report.growths:
            least = judgement.LEAST * judgement.WINDOW
            told = f"memory: fewer than {least} samples after {report.warm:,} requests a process"
            report.unjudged = [*report.unjudged, told]

    def _judge_kept(self, stack: SoakStack, world: World, salon: Salon, traffic: Traffic) -> None:
        """Let it become quiet, and look at what is left as the chaos harness does; then read the logs."""
        self._say("the traffic is over; everything that waits is let to its end")
        Faults(stack, world, traffic.journal).all_off()
        salon.bury()
        people = People(world, traffic.journal, stack)
        with Nudger(stack.cluster, pause=1.0, unsent=0.0) as nudger:
            nudger.is_quiet = True
            until_quiet(stack, world, traffic.journal, self._say, most=QUIET)
        with ThreadPoolExecutor(8) as pool:  # everybody looks once more
            list(pool.map(people.look, [seat for seat in world.seats if not world.is_erased(seat)]))
        stack.end_workers()
        found = [*of_chaos(stack, world, salon, traffic), *stack.trouble]
        found += log_lines.wrong(stack.folder / "logs", self.report.mishaps)
        self.report.wrong = [*self.report.wrong, *found]

    def _judge_tables(self, sampler: Sampler) -> None:
        self.report.tables = sampler.packed(self.report.forecast)
        self.report.wrong = [*self.report.wrong, *judgement.oversized(self.report.tables, self.report.forecast)]


def _machine() -> str:
    """Say on what it runs, how busy that is before anything has begun, and which release it is."""
    head = ("git", "rev-parse", "--short", "HEAD")
    commit = subprocess.run(head, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return f"{os.cpu_count()} cores with a load of {os.getloadavg()[0]:.1f} before; release {VERSION} {commit}."
