"""Bugs about who pays what is outstanding, is erased, or comes by a link; planted as those of bugs.py."""

from __future__ import annotations

import functools
import uuid
from typing import Any

from tests.chaos.planting import concerns


def settled_twice() -> None:
    """The call is made again at once under another id, as if its first answer had been lost."""
    from portal.services.carrying import settlement_carrying

    real = settlement_carrying.rest_gateway

    class Insisting:
        def __init__(self, gateway: Any) -> None:
            self._gateway = gateway

        def __getattr__(self, name: str) -> Any:
            return getattr(self._gateway, name)

        def capture_outstanding(self, provider_id: str, **more: Any) -> Any:
            self._gateway.capture_outstanding(provider_id, **more)
            return self._gateway.capture_outstanding(provider_id, **{**more, "request_id": str(uuid.uuid4())})

    def rest_gateway(ctx: Any, merchant_id: Any, **more: Any) -> Any:
        gateway = real(ctx, merchant_id, **more)
        return Insisting(gateway) if _asking.wanted else gateway

    _only_for("settled_twice", settlement_carrying)
    settlement_carrying.rest_gateway = rest_gateway


class _Asking:
    """Whether the settlement that is being carried is one that a bug is planted for."""

    wanted = False


_asking = _Asking()


def _only_for(bug: str, settlement_carrying: Any) -> None:
    ask = settlement_carrying.Settlements.ask

    @functools.wraps(ask)
    def asking(self: Any, ctx: Any, claim: Any, patience: Any, **more: Any) -> Any:
        _asking.wanted = concerns(bug, claim.subscription_id)
        return ask(self, ctx, claim, patience, **more)

    settlement_carrying.Settlements.ask = asking


def settlement_believed() -> None:
    """PayPal's « accepted » is taken for « paid »."""
    from portal.domain.money.settlements import Verdict
    from portal.services.money import settlements

    real = settlements.judge

    @functools.wraps(real)
    def judge(asked: Any, *, is_accepted: bool, **more: Any) -> Any:
        return (Verdict.DONE, None) if is_accepted else real(asked, is_accepted=is_accepted, **more)

    verdict_of = settlements.verdict_of

    @functools.wraps(verdict_of)
    def verdict(session: Any, subscription: Any, found: Any, **more: Any) -> Any:
        settlements.judge = judge if concerns("settlement_believed", subscription.id) else real
        return verdict_of(session, subscription, found, **more)

    settlements.verdict_of = verdict


def silence_is_a_no() -> None:
    """A call without an answer is taken for one that took nothing."""
    from portal.domain.money.settlements import SettlementRefusal
    from portal.providers.ports import GatewayUnavailable
    from portal.services.carrying import settlement_carrying

    real = settlement_carrying.Settlements.ask

    @functools.wraps(real)
    def ask(self: Any, ctx: Any, claim: Any, patience: Any, **more: Any) -> Any:
        try:
            return real(self, ctx, claim, patience, **more)
        except GatewayUnavailable:
            if not concerns("silence_is_a_no", claim.subscription_id):
                raise
            return settlement_carrying.SettlementAnswer(seen=None, refusal=SettlementRefusal.REFUSED)

    settlement_carrying.Settlements.ask = ask


def erasure_forgotten() -> None:
    """The ends are made, and the wish is quietly taken back with them."""
    from portal.domain.people.customer_erasures import ErasureState
    from portal.models import CustomerErasure
    from portal.services.own_data import customer_erasures

    real = customer_erasures.carry_on

    @functools.wraps(real)
    def carry_on(ctx: Any, erasure_id: Any, *, now: Any) -> bool:
        with ctx.db.begin() as session:
            wish = session.get_one(CustomerErasure, erasure_id)
            if _is_of("erasure_forgotten", session, wish.customer_id) and wish.state is ErasureState.OPEN:
                wish.state, wish.withdrawn_at = ErasureState.WITHDRAWN, now
        return bool(real(ctx, erasure_id, now=now))

    customer_erasures.carry_on = carry_on


def payer_stays() -> None:
    """The PayPal account stays with the subscriptions."""
    from sqlalchemy.orm import object_session

    from portal.services.own_data import erasing

    real = erasing._wiped

    @functools.wraps(real)
    def wiped(customer: Any) -> Any:
        found = real(customer)
        if _is_of("payer_stays", object_session(customer), customer.id):
            del found["subscriptions"]
        return found

    erasing._wiped = wiped


def learned_again() -> None:
    """What PayPal shows after an erasure is learned as of anybody."""
    from portal.services.people import customer_addresses

    real = customer_addresses.learn

    @functools.wraps(real)
    def learn(session: Any, customer: Any, *args: Any, **more: Any) -> Any:
        if not _is_of("learned_again", session, customer.id):
            return real(session, customer, *args, **more)
        erased_at, customer.erased_at = customer.erased_at, None
        learned = real(session, customer, *args, **more)
        customer.erased_at = erased_at
        return learned

    customer_addresses.learn = learn


def link_lets_two_in() -> None:
    """Whether a link is used up is asked before it is locked, and not again."""
    from portal.domain.integrations.task_links import Door
    from portal.models import TaskLink

    real = TaskLink.door

    @functools.wraps(real)
    def door(self: Any, now: Any) -> Any:
        found = real(self, now)
        is_theirs = self.subscription_id is not None and concerns("link_lets_two_in", self.subscription_id)
        return Door.OPEN if found is Door.USED and is_theirs else found

    TaskLink.door = door


def look_uses_link_up() -> None:
    """Opening the link begins the task, as of one that acts on GET."""
    from portal.services.people import task_visits

    real = task_visits.look

    @functools.wraps(real)
    def look(ctx: Any, merchant_id: Any, token: str, *, now: Any) -> Any:
        seen = real(ctx, merchant_id, token, now=now)
        with ctx.db.begin() as session:
            link = task_visits.stored.by_token(session, merchant_id, task_visits.token_hash(token))
            is_known = link is not None and link.subscription_id is not None
            if is_known and concerns("look_uses_link_up", link.subscription_id):
                link.used_at = link.used_at or now
        return seen

    task_visits.look = look


def task_sees_all() -> None:
    """Who came by a link is as good as logged in."""
    from portal.web import task_scope

    real = task_scope.allows

    @functools.wraps(real)
    def allows(task: Any, **more: Any) -> bool:
        is_theirs = task.subscription_id is not None and concerns("task_sees_all", task.subscription_id)
        return is_theirs or bool(real(task, **more))

    task_scope.allows = allows


def task_needs_no_code() -> None:
    """The code is asked for, and none will do."""
    from portal.web import identity
    from portal.web.customer import task_codes

    real = task_codes.is_proven

    @functools.wraps(real)
    def is_proven(form: Any) -> bool:
        task = identity.person().task
        is_theirs = task is not None and task.subscription_id is not None
        return (is_theirs and concerns("task_needs_no_code", task.subscription_id)) or bool(real(form))

    task_codes.is_proven = is_proven


def _is_of(bug: str, session: Any, customer_id: uuid.UUID) -> bool:
    """Say whether a bug is planted for a customer, by one of their subscriptions."""
    from portal.queries.merchants import customer_erasures as stored

    return any(concerns(bug, found) for found in session.scalars(stored.subscriptions_of(customer_id)))
