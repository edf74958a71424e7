"""The short run in which planted bugs show: each has its story, and what has to go wrong for it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from tests.chaos.plan import ANSWERS, NOTIFY, RETURNS, Plan, Step


def _answer(operation: str, behaviour: str) -> str:
    """Return the fault that PayPal answers an operation so."""
    return f"paypal:{[one[:2] for one in ANSWERS].index((operation, behaviour))}"


# The story in which a planted bug shows for sure, and what has to go wrong for it.
BUG_SHOWS: Final = {
    "call_before_intent": ("cancel", "die-at:before-intent"),
    "success_without_a_read": ("cancel", _answer("cancel", "422-status-invalid")),
    "mail_before_commit": ("cancel", "die-at:settling"),
    "typed_day_forgotten": ("another-day", None),
    "forgotten_notification": (NOTIFY, None),
    "part_counts_as_all": ("late-money", "events-repeated"),
    "abandon_decided_before_the_lock": ("abandon-while-at-paypal", None),
    "trust_the_next_date": ("declined-then-cancel", "events-repeated"),
    "closed_merchant_forgets": ("cancel", "suspended"),
    "begins_while_closed": ("begins-something", "suspended"),
    "returned_unsaid": (RETURNS, None),
    "part_gives_all_back": ("refund-part", None),
    "refund_believed": ("refund-part", _answer("refund", "422-status-invalid")),
    "refund_before_the_end": ("end-and-refund", _answer("cancel", "503")),
    "refund_told_early": ("refund-whole", _answer("refund", "503")),
    "refund_dropped": ("end-and-refund", None),
    "stuck_refund_unsaid": ("refund-waits", None),
    "settled_twice": ("settle-waits", None),
    "settlement_believed": ("settle-waits", None),
    "silence_is_a_no": ("settle-waits", _answer("capture", "silent")),
    "erasure_forgotten": ("erase", None),
    "payer_stays": ("erase", None),
    "learned_again": ("erase-then-money", None),
    "link_lets_two_in": ("link-cancel", None),
    "look_uses_link_up": ("link-cancel", None),
    "task_sees_all": ("link-cancel", None),
    "task_needs_no_code": ("link-cancel", None),
}
TIMES: Final = 3  # each story and its fault
MOST: Final = 3  # a rule then hits four times: long enough for what must not come before it
# Those that hang on no moment and no fault: one story shows them.
SURE: Final = frozenset(
    {
        *("returned_unsaid", "part_gives_all_back", "refund_dropped", "stuck_refund_unsaid"),
        *("settled_twice", "settlement_believed", "erasure_forgotten", "payer_stays", "learned_again"),
        *("link_lets_two_in", "look_uses_link_up", "task_sees_all", "task_needs_no_code"),
    }
)


def for_bugs(bugs: Sequence[str]) -> Plan:
    """Return the short run in which each of these planted bugs shows for sure.

    Those that need no fault come first: a process that dies takes the moment with it in which two acts meet.
    """
    steps, seat = [], 0
    for calm in (True, False):
        some = [bug for bug in bugs if (BUG_SHOWS[bug][1] is None) is calm]
        for number, bug in itertools.product(range(TIMES), some):
            if bug in SURE and number != 1:
                continue
            story, fault = BUG_SHOWS[bug]
            steps += [Step("fault", fault, seat, number=MOST)] if fault is not None else []
            steps += [Step("story", story, seat, number=number, bug=bug)]
            seat += 1
    return Plan(seed=1, calm=(), stormy=tuple(steps), seats=seat + 1, pending=0, bystanders=(seat,))
