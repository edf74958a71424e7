"""What happens, in which order: drawn from the seed alone, so that a run can be made again.

The sequence of people and faults is the seed's; how the processes' threads interleave is the machine's.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from tests.chaos.points import POINTS

NOTIFY: Final = "notify"  # where customers may not cancel by themselves: the form, and staff who end it
RETURNS: Final = "mail-returns"
# Stories in which nobody ends the subscription: it goes on.
KEEPING: Final = (
    *("refund-part", "refund-whole", "refund-rest", "refund-waits", "refund-by-hand", "begins-something"),
    *("settle", "settle-declined", "settle-waits", "settle-elsewhere", "link-access"),
)
# Stories of people who are nobody's namesake: what is looked for, or mailed, is theirs alone.
NAMED: Final = (
    *("erase", "erase-undo", "erase-and-cancel", "erase-and-settle", "erase-then-money"),
    *("link-cancel", "link-twice"),
)
# What people do, and how often.
STORIES: Final = {
    "cancel": 40,
    "double-click": 16,
    "undo": 5,
    "undo-and-again": 5,
    "cancel-while-at-paypal": 9,  # the buyer cancels at PayPal at the same moment
    "staff-complete": 7,
    "staff-abandon": 7,
    "staff-cancel": 3,
    "staff-and-customer": 5,  # staff finalise while the customer cancels
    "abandon-while-at-paypal": 5,  # staff abandon while PayPal's cancellation arrives
    "cancel-then-abandon": 3,
    "another-day": 5,  # a day is typed, the button of an end at once is pressed, and the day is confirmed
    NOTIFY: 6,
    "late-money": 6,  # a payment after the end, of which a part is taken back
    "declined-then-cancel": 4,  # the payment was declined, PayPal tries again and shows the date after it
    "reads-proof": 4,  # the customer takes the proof home, as soon as there is one
    RETURNS: 5,  # a mail to the customer comes back while the end is open
    # Staff who give money back: with an end, at the end of what is paid, or from the page of a payment.
    "end-and-refund": 6,
    "end-and-refund-unused": 5,
    "end-and-refund-race": 3,  # while the customer cancels
    "end-and-refund-by-hand": 2,  # while somebody gives a part back at PayPal
    "end-and-refund-at-paypal": 3,  # while the buyer cancels there
    "end-at-period": 4,
    **dict.fromkeys(KEEPING, 3),
    "settle-and-cancel": 3,  # let PayPal take what is outstanding while the same customer cancels
    **dict.fromkeys(NAMED, 3),
}
PENDING: Final = "never-approved"  # cancelled before the buyer approved; some approve at the same moment
# PayPal's answers, as simulator rules: operation, behaviour, and what else the rule takes.
ANSWERS: Final = (
    ("cancel", "401", {}),
    ("any", "401", {}),
    ("cancel", "403", {}),
    ("show", "404", {}),
    ("cancel", "422-account-closed", {}),
    ("cancel", "422-status-invalid", {}),
    ("cancel", "409", {}),
    ("any", "429", {"retry_after": 60}),
    ("cancel", "429", {"retry_after": 0}),
    ("any", "500", {}),
    ("cancel", "503", {}),
    ("show", "html-502", {}),
    ("show", "cut", {}),
    ("cancel", "cut", {}),
    ("cancel", "silent", {"seconds": 5.0}),  # done, but no answer
    ("cancel", "timeout", {"seconds": 5.0}),
    ("show", "timeout", {"seconds": 5.0}),
    ("cancel", "stale", {"reads": 3}),
    ("show", "empty-200", {}),
    ("show", "other-id", {}),
    ("token", "500", {}),
    ("refund", "500", {}),
    ("refund", "503", {}),
    ("refund", "409", {}),
    ("refund", "422-status-invalid", {}),
    ("refund", "403", {}),
    ("refund", "429", {"retry_after": 0}),
    ("refund", "cut", {}),
    ("refund", "silent", {"seconds": 5.0}),
    ("refund", "timeout", {"seconds": 5.0}),
    ("refund", "empty-200", {}),
    ("show_refund", "500", {}),
    ("show_refund", "404", {}),
    ("show_refund", "cut", {}),
    ("transactions", "500", {}),
    ("capture", "500", {}),
    ("capture", "503", {}),
    ("capture", "409", {}),
    ("capture", "403", {}),
    ("capture", "422-status-invalid", {}),
    ("capture", "422-payer-locked", {}),
    ("capture", "429", {"retry_after": 0}),
    ("capture", "cut", {}),
    ("capture", "silent", {"seconds": 5.0}),
    ("capture", "timeout", {"seconds": 5.0}),
)
# Faults and how often each is drawn; those of PayPal's answers and of the named points come on top.
FAULTS: Final = {
    "kill-worker": 40,
    "kill-web-process": 30,
    "kill-web": 12,
    "stop-worker": 25,  # SIGTERM, then another one
    "stop-web": 8,
    "reload-web": 8,
    "postgres-fast": 10,
    "postgres-immediate": 10,
    "mail-put-off": 20,
    "mail-refused": 6,
    "events-held": 20,
    "events-shuffled": 20,
    "events-repeated": 20,
    "clock": 15,
    "suspended": 12,
    "leaving": 12,
    **{f"die-at:{point}": 22 for point in POINTS},
    **{f"paypal:{place}": 18 for place in range(len(ANSWERS))},
}
ROLLS: Final = ("stop-worker", "reload-web", "stop-worker", "stop-web", "stop-worker", "reload-web")
CLOSING: Final = frozenset({"suspended", "leaving"})  # of a merchant
LASTING: Final = CLOSING | {"mail-put-off", "mail-refused", "events-held", "events-shuffled"}
LONG: Final = (8, 20)  # stories for which a merchant is closed
PENDING_SHARE: Final = 30  # one in so many stories


@dataclass(frozen=True)
class Step:
    """One thing to do: a story of a seat, a fault, or the end of a fault that lasts."""

    act: str  # story, fault, end
    kind: str
    seat: int = -1
    number: int = 0  # drawn for it: how often a rule hits, which process, how far the clock jumps
    bug: str = ""  # the planted bug that a story is to show


@dataclass(frozen=True)
class Plan:
    """A whole run."""

    seed: int
    calm: tuple[Step, ...]  # before any fault: how long a cancellation takes
    stormy: tuple[Step, ...]
    seats: int
    pending: int  # how many of the seats, the last of the first merchant, were never approved
    bystanders: tuple[int, ...]  # seats of people who do nothing

    @property
    def notifying(self) -> tuple[int, ...]:
        """Seats whose product lets nobody cancel by themselves."""
        return tuple(step.seat for step in self.stormy if step.kind == NOTIFY)

    @property
    def named(self) -> tuple[int, ...]:
        """Seats of people with a name and an address that nobody else has."""
        return tuple(step.seat for step in self.stormy if step.kind in NAMED)

    @property
    def showing(self) -> dict[str, list[int]]:
        """The seats of each planted bug: what happens to them is to show it."""
        bugs = dict.fromkeys(step.bug for step in self.stormy if step.bug)
        return {bug: [step.seat for step in self.stormy if step.bug == bug] for bug in bugs}


def draw(
    seed: int, *, cancellations: int, faults: int, rolling: bool = False, stories: Collection[str] = STORIES
) -> Plan:
    """Draw a run with so many stories, of these kinds, and so many faults; `rolling` lets polite restarts follow."""
    chance = random.Random(seed)
    pending = cancellations // PENDING_SHARE
    bystanders = max(2, cancellations // 20)
    seats = cancellations + bystanders + (2 * len(ROLLS) if rolling else 0)
    # The seats of the first merchant come first, its pending ones at their end (world.build).
    first = seats // 2 + seats % 2
    unapproved = range(first - pending, first)
    others = [seat for seat in range(seats) if seat not in unapproved]
    chance.shuffle(others)
    quiet, busy = others[:bystanders], others[bystanders : bystanders + cancellations - pending]
    rolled = others[len(quiet) + len(busy) :]
    calm_count = min(max(3, cancellations // 10), 30)
    calm = tuple(Step("story", "cancel", seat) for seat in busy[:calm_count])
    weights = {kind: weight for kind, weight in STORIES.items() if kind in stories}
    steps = [Step("story", _pick(chance, weights), seat, chance.randrange(1000)) for seat in busy[calm_count:]]
    steps += [Step("story", PENDING, seat, chance.randrange(1000)) for seat in unapproved]
    chance.shuffle(steps)
    kinds = _fault_kinds(chance, faults)
    return Plan(
        seed=seed,
        calm=calm,
        stormy=(*_interleaved(chance, steps, kinds), *(_rolling(rolled) if rolling else ())),
        seats=seats,
        pending=pending,
        bystanders=tuple(sorted(quiet)),
    )


def _rolling(seats: Sequence[int]) -> list[Step]:
    """Return how every process is stopped politely and replaced, one after the other, under the traffic of these."""
    steps = []
    for kind, one, other in zip(ROLLS, seats[::2], seats[1::2], strict=True):
        steps += [
            Step("story", "cancel", one),
            Step("fault", kind, number=len(steps)),
            Step("story", "double-click", other),
        ]
    return steps


def _fault_kinds(chance: random.Random, count: int) -> list[str]:
    """Return the kinds of the faults: every kind once where there is room, the rest by weight."""
    kinds = list(FAULTS)
    chance.shuffle(kinds)
    drawn = kinds[:count] + [_pick(chance, FAULTS) for _ in range(count - len(kinds))]
    chance.shuffle(drawn)
    return drawn


def _interleaved(chance: random.Random, stories: Sequence[Step], kinds: Sequence[str]) -> list[Step]:
    """Mix stories and faults evenly; what lasts ends some steps later."""
    marked = [(place / max(len(stories), 1), 1, step) for place, step in enumerate(stories)]
    for place, kind in enumerate(kinds):
        at = place / max(len(kinds), 1)
        marked.append((at, 0, Step("fault", kind, number=chance.randrange(1000))))
        if kind in LASTING:
            length = 1 if kind == "mail-refused" else chance.randint(*(LONG if kind in CLOSING else (2, 6)))
            marked.append((at + length / max(len(stories), 1), 2, Step("end", kind)))
    return [step for _, _, step in sorted(marked, key=lambda one: one[:2])]


def _pick(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]
