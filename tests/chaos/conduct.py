"""One run: build, measure in the calm, let the storm pass, wait until it is quiet, judge."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.chaos.checks import violations
from tests.chaos.cluster import Cluster
from tests.chaos.facts import Facts, gather
from tests.chaos.faults import Faults
from tests.chaos.journal import Journal
from tests.chaos.nudging import Nudger
from tests.chaos.people import People
from tests.chaos.plan import Plan, Step
from tests.chaos.planting import keep_to
from tests.chaos.quieting import QUIET, SAY_EVERY, Say, until_quiet
from tests.chaos.stack import Stack, standing
from tests.chaos.world import World, build
from tests.folders import make_folder

AT_ONCE: Final = 8  # people who act at the same time

More = Callable[[Stack, World, Say], list[str]]


@dataclass
class Report:
    """What a run brought."""

    violations: list[str]
    facts: Facts
    latencies: list[float] = field(default_factory=list)  # seconds from click to confirmation stored, in the calm
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


def run(
    plan: Plan,
    *,
    bugs: Sequence[str] = (),
    limit: float,
    say: Say,
    cluster: Callable[[Path], Cluster] = Cluster,
    more: More | None = None,
) -> Report:
    """Make a whole run in a folder of its own, kept when something was wrong. `limit`: seconds of the storm.

    `cluster` makes another database than the embedded one; `more` tries something else once it is quiet, and returns
    what was wrong.
    """
    folder = make_folder("chaos-")
    began = time.monotonic()
    try:
        with standing(folder, planted=bugs, cluster=cluster) as stack:
            report = _Run(stack, plan, say).all(limit=limit, more=more)
        report.seconds = time.monotonic() - began
    except BaseException:
        say(f"the logs are in {folder / 'logs'}")
        raise
    if report.violations:
        say(f"the logs are in {folder / 'logs'}")
        shutil.rmtree(folder / "pg", ignore_errors=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return report


class _Run:
    def __init__(self, stack: Stack, plan: Plan, say: Say) -> None:
        self._stack, self._plan, self._say = stack, plan, say
        self._world: World = build(stack, plan.seats, seed=plan.seed, pending=plan.pending, named=plan.named)
        self._world.switch_off(plan.notifying)
        for bug, seats in plan.showing.items():
            keep_to(stack.folder, bug, [self._world.seats[seat].subscription_id for seat in seats])
        self._journal = Journal()
        self._people = People(self._world, self._journal, stack)
        self._faults = Faults(stack, self._world, self._journal)
        self._notes: list[str] = []
        self._said = time.monotonic()
        say(f"{len(self._world.seats)} subscriptions imported, {len(plan.bystanders)} of people who do nothing")

    def all(self, *, limit: float, more: More | None = None) -> Report:
        self._calm()
        with Nudger(self._stack.cluster, pause=3.0, unsent=12.0) as nudger:
            self._storm(time.monotonic() + limit)
            nudger.pause, nudger.unsent = 1.0, 0.0
            left = self._faults.all_off()
            nudger.is_quiet = True
            if left:
                self._notes.append(f"points that no process reached: {', '.join(left)}")
            until_quiet(self._stack, self._world, self._journal, self._say)
        with ThreadPoolExecutor(AT_ONCE) as pool:  # everybody looks once more
            list(pool.map(self._people.look, [seat for seat in self._world.seats if not self._world.is_erased(seat)]))
        wrong = more(self._stack, self._world, self._say) if more is not None else []
        self._stack.end_workers()  # a mail written between two looks of the judge would be one that nobody knows
        facts = gather(self._stack, self._world, self._journal, self._plan)
        return Report(
            violations=violations(facts) + self._stack.trouble + self._unlived + wrong,
            facts=facts,
            latencies=self._latencies(facts),
            notes=[*self._notes, *self._planted()],
        )

    _unlived: list[str]

    def _planted(self) -> list[str]:
        """Tell which subscriptions are to show which bug."""
        ids = {
            bug: [self._world.seats[seat].provider_id for seat in seats] for bug, seats in self._plan.showing.items()
        }
        return [f"planted {bug}: {' '.join(found)}" for bug, found in ids.items()]

    def _calm(self) -> None:
        """Let a few people cancel with nothing wrong, two at a time, to see how long it takes."""
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._people.look, self._world.seats[:6]))  # both web processes have answered before
            list(pool.map(self._people.live, self._plan.calm))
        with self._journal.lock:
            self._clicks = dict(self._journal.clicks)

    def _storm(self, deadline: float) -> None:
        """Go through the plan: people act in threads, faults in between; then wait for the people."""
        running: set[Future[None]] = set()
        self._unlived = []
        pool = ThreadPoolExecutor(AT_ONCE)
        for done, step in enumerate(self._plan.stormy):
            self._progress(done)
            if time.monotonic() > deadline:
                self._unlived.append(f"the time was up with {len(self._plan.stormy) - done} steps to go")
                break
            if step.act == "story":
                if len(running) >= AT_ONCE:
                    _, running = wait(running, return_when="FIRST_COMPLETED")
                running.add(pool.submit(self._live, step))
            elif step.act == "fault":
                self._faults.do(step)
                self._journal.count(f"fault: {step.kind.partition(':')[0]}")
            else:
                self._faults.end(step)
        while running:
            finished, running = wait(running, timeout=SAY_EVERY, return_when="FIRST_COMPLETED")
            self._progress(len(self._plan.stormy))
            if not finished and time.monotonic() > deadline + QUIET:
                self._unlived.append(f"{len(running)} people were still waiting")
                break
        pool.shutdown(wait=False, cancel_futures=True)

    def _live(self, step: Step) -> None:
        try:
            self._people.live(step)
        except Exception as error:  # a defect of the harness must not look like a good run
            with self._journal.lock:
                self._journal.surprises.append(
                    f"story {step.kind} of seat {step.seat}: {type(error).__name__}: {error}"
                )

    def _progress(self, done: int) -> None:
        if time.monotonic() - self._said > SAY_EVERY:
            self._said = time.monotonic()
            stories = sum(count for what, count in self._journal.counts.items() if what.startswith("story"))
            starts = sum(process.starts for process in self._stack.processes.values())
            self._say(f"step {done} of {len(self._plan.stormy)}: {stories} stories lived, {starts} processes started")

    def _latencies(self, facts: Facts) -> list[float]:
        found = []
        for provider_id, clicked in self._clicks.items():
            confirmed = [row["confirmed_at"] for row in facts.requests_of(provider_id) if row["confirmed_at"]]
            found += [(at - clicked).total_seconds() for at in confirmed[:1]]
        return sorted(found)


def describe(report: Report, plan: Plan) -> Sequence[str]:
    """Return what is printed at the end; its last line is `violations: N`."""
    facts, counts = report.facts, report.facts.journal.counts
    lines = [f"took {report.seconds:.0f} s, seed {plan.seed}"]
    for start in ("story", "fault", "pages"):
        said = [
            f"{count} {what.removeprefix(start + ': ')}"
            for what, count in sorted(counts.items())
            if what.startswith(start)
        ]
        lines.append(f"{start}: {', '.join(said) or 'none'}")
    lines.append(f"died at: {_counted(Counter(point for point, _ in facts.deaths))}")
    lines.append(f"requests: {_counted(Counter(row['state'] for row in facts.requests))}")
    lines += _of_money(facts)
    ids = [mail.message_id for mail in facts.box]
    refused = sum(row["state"] == "refused" for row in facts.mails.values())
    lines.append(
        f"mails: {len(ids)} arrived, {len(ids) - len(set(ids))} of them a second time under the same Message-ID, "
        f"{refused} refused for good"
    )
    lines.append(f"pages read: {len(facts.journal.visits)}, PayPal's clock ahead by "
                 f"{(facts.journal.jumps or [(0, 0.0)])[-1][1] / 3600:.1f} h")  # fmt: skip
    lines.append("audit chain: " + ("verified" if facts.audit_exists and facts.audit is None else
                                    "no audit chain yet" if not facts.audit_exists else "broken"))  # fmt: skip
    if report.latencies:
        middle = report.latencies[len(report.latencies) // 2]
        lines.append(
            f"from the click to PayPal's confirmation stored, without faults: median {middle * 1000:.0f} ms, "
            f"worst {report.latencies[-1] * 1000:.0f} ms of {len(report.latencies)}"
        )
    lines += report.notes
    lines += [f"VIOLATION {said}" for said in report.violations]
    return [*lines, f"violations: {len(report.violations)}"]


def _of_money(facts: Facts) -> list[str]:
    """Say what was given back, what was asked for at merchants that were not open, and what came back."""
    done = Counter(row["state"] for row in facts.refunds)
    decided = Counter(row["state"] for row in facts.end_refunds)
    closed = facts.journal.closed
    promises = facts.journal.promises
    asked = sum(any(one.slug == each.seat.slug and one.holds(each.at) for one in closed) for each in promises)
    begun = Counter("taken" if one.is_taken else "refused" for one in facts.journal.begun)
    back = facts.journal.came_back
    return [
        f"refunds: {_counted(done)}; decided with an end: {_counted(decided)}",
        f"merchants closed {len(closed)} times, {asked} ends asked for meanwhile; begun anew: {_counted(begun)}",
        f"mails that came back: {len(back)}, {sum(one.was_open for one in back)} of them with the end still open",
        f"settlements: {_counted(Counter(row['state'] for row in facts.settlements))}",
        f"erasures: {_counted(Counter(row['state'] for row in facts.erasures))}",
        f"links to one task: {len(facts.journal.walks)}, {sum(one.opened for one in facts.journal.walks)} opened",
    ]


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "none"
