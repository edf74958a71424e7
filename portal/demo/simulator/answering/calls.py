"""One call, to either API: disturbed as it was set, and written in the log."""

from __future__ import annotations

import copy
from collections.abc import Callable

from portal.demo.simulator.messages import Reply
from portal.demo.simulator.records import stamp
from portal.demo.simulator.rules import ACTS, OFF_CONTRACT, Behaviour, Rule
from portal.demo.simulator.world import Call, Simulator

Answer = Callable[[], Reply]


def note(simulator: Simulator, operation: str, reply: Reply, *, provider_id: str = "", reason: str = "") -> None:
    """Write a call in the log, with what was answered and the reason that was sent with an act."""
    said = "none" if reply.hold is not None else f"{reply.status} cut" if reply.cut else str(reply.status)
    simulator.calls.append(
        Call(operation=operation, provider_id=provider_id, answer=said, at=stamp(simulator.now()), note=reason)
    )


def disturbed(
    simulator: Simulator, operation: str, provider_id: str, rule: Rule, *, undisturbed: Answer, forced: Answer
) -> Reply:
    """Answer as a rule wants it: as usual but late, cut or shown late, not at all, or what is `forced`."""
    behaviour = rule.behaviour
    if behaviour is Behaviour.STALE:
        return _stale(simulator, provider_id, rule, undisturbed)
    if behaviour is Behaviour.TIMEOUT or (behaviour is Behaviour.CUT and operation in ACTS):
        reply = Reply(status=204)
    elif behaviour in (Behaviour.SILENT, Behaviour.CUT, Behaviour.OTHER_ID):
        reply = undisturbed()
    else:
        reply = forced()
    if behaviour in (Behaviour.TIMEOUT, Behaviour.SILENT):
        reply.hold = rule.seconds
    reply.cut = behaviour is Behaviour.CUT
    if behaviour in OFF_CONTRACT:
        reply.headers["X-Simulator-Off-Contract"] = behaviour.value
    return reply


def _stale(simulator: Simulator, provider_id: str, rule: Rule, undisturbed: Answer) -> Reply:
    before = copy.deepcopy(simulator.subscriptions.get(provider_id))
    reply = undisturbed()
    if before and (reply.status == 204 or b"ACK=Success" in reply.body):
        simulator.stale[provider_id] = [before] * rule.reads
    return reply
