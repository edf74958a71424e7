"""What goes wrong: each fault of the plan, done to the processes, to PayPal, to the mail server or to time."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Final

import requests

from portal.clock import utc_now
from portal.demo.run import HOST
from tests.chaos import points
from tests.chaos.closing import STATES, Closing
from tests.chaos.journal import Journal
from tests.chaos.plan import ANSWERS, Step
from tests.chaos.stack import Stack
from tests.chaos.world import MERCHANTS, World

MOST_TIMES: Final = 4  # calls that one rule hits
LONGEST_JUMP: Final = 5.0  # hours that PayPal's clock jumps ahead


class Faults:
    """Does faults to a stack and takes back what lasts."""

    def __init__(self, stack: Stack, world: World, journal: Journal) -> None:
        self._stack, self._world, self._journal = stack, world, journal
        self._ahead = 0.0  # seconds of PayPal's clock
        self._closing = Closing(world, journal)
        self._slugs = (MERCHANTS[0][0], MERCHANTS[1][0])

    def do(self, step: Step) -> None:
        """Do one fault."""
        kind, _, detail = step.kind.partition(":")
        chance = random.Random(step.number)
        match kind:
            case "die-at":
                if not points.arm(self._stack.folder, detail):
                    self._journal.count("point armed already")
            case "paypal":
                operation, behaviour, more = ANSWERS[int(detail)]
                given = {"times": 1 + step.number % MOST_TIMES, **more}
                if step.seat >= 0:  # it is for one subscription only
                    given["only"] = self._world.seats[step.seat].provider_id
                self._world.simulated.post("rules", operation=operation, behaviour=behaviour, **given)
            case "postgres-fast" | "postgres-immediate":
                self._journal.disturb()
                self._stack.cluster.restart(kind.removeprefix("postgres-"))
                self._journal.disturb()
            case "fail-over":
                self._journal.disturb()
                self._stack.cluster.fail_over()
                self._journal.disturb()
            case "mail-put-off" | "mail-refused":
                self._mail("defer" if kind == "mail-put-off" else "refuse")
            case "events-held":
                self._world.simulated.post("sending", automatic=False)
            case "events-shuffled":
                self._world.simulated.post("sending", automatic=True, shuffled=step.number)
            case "events-repeated":
                self._world.simulated.post("deliveries/repeat", last=1 + step.number % 6)
            case "suspended" | "leaving":
                slug = self._world.seats[step.seat].slug if step.seat >= 0 else self._slugs[step.number % 2]
                self._closing.close(slug, kind)
            case "clock":
                self._jump(chance.uniform(0.5, LONGEST_JUMP))
            case _:
                self._to_a_process(kind, chance)

    def end(self, step: Step) -> None:
        """Take back a fault that lasts."""
        if step.kind.startswith("mail-"):
            self._mail("accept")
        elif step.kind in STATES:
            self._closing.open(step.kind)
        else:
            self._world.simulated.post("sending", automatic=True)

    def all_off(self) -> list[str]:
        """Let everything be well again; return the points of death that no process reached.

        But for the merchants: one is suspended and one is leaving from here on, and all that is open is finished.
        """
        left = points.disarm(self._stack.folder)
        self._world.simulated.back_to_normal()
        self._world.simulated.post("sending", automatic=True)
        self._mail("accept")
        self._closing.close_all(self._slugs)
        return left

    def _to_a_process(self, kind: str, chance: random.Random) -> None:
        worker = f"worker-{chance.randint(1, 2)}"
        self._journal.disturb()
        match kind:
            case "kill-worker":
                self._stack.kill(worker)
            case "kill-web-process":
                self._stack.kill_web_child(chance)
            case "kill-web":
                self._stack.kill("web")
            case "stop-worker":
                self._stack.restart_politely(worker)
            case "stop-web":
                self._stack.restart_politely("web")
            case "reload-web":
                self._stack.reload_web()
            case _:
                raise ValueError(f"no fault is named {kind!r}")

    def _mail(self, mode: str) -> None:
        url = f"http://{HOST}:{self._stack.ports['mailbox']}/_mailbox/mode"
        requests.post(url, data={"mode": mode}, timeout=10, allow_redirects=False).raise_for_status()

    def _jump(self, hours: float) -> None:
        """PayPal's clock goes ahead; ours stays. What falls due there in between is billed."""
        # Noted as before the jump: what PayPal ends while its answer is on the way is already told by the new clock.
        before = utc_now() - timedelta(seconds=1)  # PayPal's times are whole seconds
        self._world.simulated.post("clock", hours=hours)
        self._ahead += round(timedelta(hours=hours).total_seconds())
        with self._journal.lock:
            self._journal.jumps.append((before, self._ahead))
