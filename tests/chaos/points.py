"""The named points between intent and outcome, at which a process can be killed by itself (kill -9, no handler runs).

`arm` writes a file; the first process that reaches the point takes the file away and dies. Nothing in the product
is a hook for it: the functions around the points are replaced in the wrapped process only.
"""

from __future__ import annotations

import functools
import os
import signal
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

POINTS: Final = {
    "before-intent": "the click has arrived, nothing is written",
    "intent-written": "the request is written, its transaction not committed",
    "intent-committed": "the request is committed, PayPal not yet asked",
    "claimed": "a process holds the request, PayPal not yet read",
    "read": "PayPal was read, that a call leaves is not yet noted",
    "noted": "it is noted that a call leaves, it has not left",
    "called": "PayPal has carried it out, its answer is not processed",
    "read-back": "PayPal was read back, nothing is written",
    "settling": "the outcome is written, its transaction not committed",
    "settled": "the outcome is committed, its mail not sent",
    "refund-recorded": "the wish to give money back is committed, PayPal not yet asked",
    "refund-noted": "it is noted that the call leaves, it has not left",
    "refund-called": "PayPal has given the money back, its answer is not processed",
    "refund-read-back": "the refund was read back, nothing is written",
    "settlement-recorded": "the wish to pay is committed, PayPal not yet asked",
    "settlement-noted": "it is noted that the call leaves, it has not left",
    "settlement-called": "PayPal has taken it, its answer is not processed",
    "settlement-writing": "what PayPal showed is written, its transaction not committed",
    "erasure-recorded": "the wish is committed, the ends are not yet asked for",
    "erasing": "everything is erased, the transaction not committed",
    "erased": "the erasure is committed, the last mail not sent",
    "link-begun": "the link is used up, the browser has no answer yet",
    "mail-claimed": "a process holds the mail, the mail server has not got it",
    "mail-given": "the mail server has the mail, it is not marked as sent",
    "event-stored": "PayPal's message is stored, PayPal has no answer yet",
    "event-handled": "PayPal's message is acted upon, not yet marked as done",
}
FOLDER: Final = "CHAOS_FOLDER"


def arm(folder: Path, point: str) -> bool:
    """Have the next process that reaches the point die there; False when it is armed already."""
    path = folder / "armed" / point
    if path.exists():
        return False
    path.touch()
    return True


def disarm(folder: Path) -> list[str]:
    """Take back what no process has reached; return it."""
    left = []
    for path in sorted((folder / "armed").iterdir()):
        path.unlink(missing_ok=True)
        left.append(path.name)
    return left


def deaths(folder: Path) -> list[tuple[str, float]]:
    """Return the points at which processes died so far, with the moment (seconds since the epoch)."""
    found = [(path.name.rpartition("~")[0], path.stat().st_mtime) for path in (folder / "died").iterdir()]
    return sorted(found, key=lambda death: death[1])


def reach(point: str) -> None:
    """Die here if this point is armed."""
    folder = Path(os.environ[FOLDER])
    try:
        (folder / "armed" / point).unlink()
    except FileNotFoundError:
        return
    (folder / "died" / f"{point}~{uuid.uuid4().hex}").touch()
    os.kill(os.getpid(), signal.SIGKILL)


def install() -> None:
    """Lay the points around the product's functions, before anybody imports them by name."""
    from portal.providers import smtp
    from portal.services.carrying import answers, engine, refund_carrying, settlement_carrying
    from portal.services.ends import end_requests, endings
    from portal.services.messages import drains, webhook_intake
    from portal.services.money import refunds, settlements
    from portal.services.notices import outbox
    from portal.services.own_data import customer_erasures, erasing
    from portal.services.people import task_visits

    around(end_requests, "record", before="before-intent", after="intent-committed")
    around(end_requests, "_write", after="intent-written")
    around(endings, "record_end", after="settling")
    around(engine, "settle", after="settled")
    around(refunds, "record", after="refund-recorded")
    around(refund_carrying, "_read_back", after="refund-read-back")
    around(settlements, "record", after="settlement-recorded")
    around(settlement_carrying.Settlements, "write", after="settlement-writing")
    around(customer_erasures, "ask_for_ends", before="erasure-recorded")
    around(erasing, "erase", after="erasing")
    around(customer_erasures, "carry_on", after="erased", when=bool)
    around(task_visits, "begin", after="link-begun", when=bool)
    around(outbox, "_claim", after="mail-claimed", when=lambda claimed: hasattr(claimed, "message_id"))
    around(smtp.SmtpMailer, "send", after="mail-given")
    around(webhook_intake, "_store", after="event-stored")
    around(drains, "_write", before="event-handled")
    find = answers.gateway_for
    answers.gateway_for = lambda *args, **more: _Mortal(find(*args, **more))
    find_rest = refund_carrying.rest_gateway
    for carrying in (refund_carrying, settlement_carrying):
        carrying.rest_gateway = lambda *args, **more: _MortalGiver(find_rest(*args, **more))


def around(
    owner: Any, name: str, *, before: str = "", after: str = "", when: Callable[[Any], bool] = lambda _: True
) -> None:
    """Replace `owner.name` by itself with a point before it, after it, or both; `when` looks at what it returned."""
    real = getattr(owner, name)

    @functools.wraps(real)
    def wrapped(*args: Any, **more: Any) -> Any:
        if before:
            reach(before)
        returned = real(*args, **more)
        if after and when(returned):
            reach(after)
        return returned

    setattr(owner, name, wrapped)


class _Mortal:
    """A gateway with the points around its calls."""

    def __init__(self, gateway: Any) -> None:
        self._gateway = gateway
        self._reads = 0

    def show_subscription(self, provider_id: str) -> Any:
        self._reads += 1
        if self._reads == 1:
            reach("claimed")
        reading = self._gateway.show_subscription(provider_id)
        reach("read" if self._reads == 1 else "read-back")
        return reading

    def cancel_subscription(self, provider_id: str, *, reason: str) -> Any:
        reach("noted")
        answer = self._gateway.cancel_subscription(provider_id, reason=reason)
        reach("called")
        return answer


class _MortalGiver:
    """A gateway with the points around its calls that move money."""

    def __init__(self, gateway: Any) -> None:
        self._gateway = gateway

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)

    def refund_sale(self, sale_id: str, *, request_id: str, amount: Any = None) -> Any:
        reach("refund-noted")
        taken = self._gateway.refund_sale(sale_id, request_id=request_id, amount=amount)
        reach("refund-called")
        return taken

    def capture_outstanding(self, provider_id: str, **more: Any) -> Any:
        reach("settlement-noted")
        taken = self._gateway.capture_outstanding(provider_id, **more)
        reach("settlement-called")
        return taken
