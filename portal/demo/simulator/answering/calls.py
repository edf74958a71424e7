"""One call, to either API: disturbed as it was set, and written in the log."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from portal.demo.simulator.messages import Reply
from portal.demo.simulator.records import stamp
from portal.demo.simulator.rules import ACTS, OFF_CONTRACT, Behaviour, Rule
from portal.demo.simulator.world import Call, Simulator


@dataclass(frozen=True)
class Asked:
    """One call on its way through: what it is about and where."""

    simulator: Simulator
    environment: str
    operation: str
    provider_id: str


A = TypeVar("A", bound=Asked)


def note(asked: Asked, reply: Reply, reason: str = "") -> None:
    """Write a call in the log, with what was answered and the reason that was sent with an act."""
    said = "none" if reply.hold is not None else f"{reply.status} cut" if reply.cut else str(reply.status)
    at = stamp(asked.simulator.now())
    asked.simulator.calls.append(
        Call(operation=asked.operation, provider_id=asked.provider_id, answer=said, at=at, note=reason)
    )


def disturbed(asked: A, rule: Rule, undisturbed: Callable[[A], Reply], forced: Callable[[A, Rule], Reply]) -> Reply:
    """Answer as a rule wants it: as usual but late, cut or shown late, not at all, or what is `forced`."""
    behaviour = rule.behaviour
    if behaviour is Behaviour.STALE:
        return _stale(asked, rule, undisturbed)
    if behaviour is Behaviour.TIMEOUT or (behaviour is Behaviour.CUT and asked.operation in ACTS):
        reply = Reply(status=204)
    elif behaviour in (Behaviour.SILENT, Behaviour.CUT, Behaviour.OTHER_ID):
        reply = undisturbed(asked)
    else:
        reply = forced(asked, rule)
    if behaviour in (Behaviour.TIMEOUT, Behaviour.SILENT):
        reply.hold = rule.seconds
    reply.cut = behaviour is Behaviour.CUT
    if behaviour in OFF_CONTRACT:
        reply.headers["X-Simulator-Off-Contract"] = behaviour.value
    return reply


def _stale(asked: A, rule: Rule, undisturbed: Callable[[A], Reply]) -> Reply:
    before = copy.deepcopy(asked.simulator.subscriptions.get(asked.provider_id))
    reply = undisturbed(asked)
    if before and (reply.status == 204 or b"ACK=Success" in reply.body):
        asked.simulator.stale[asked.provider_id] = [before] * rule.reads
    return reply
