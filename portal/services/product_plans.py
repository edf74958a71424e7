"""Which product a PayPal plan sells, one at a time, and which kind of contract it makes.

What runs under the plan goes with it; what has ended stays with the product that it was sold as.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.audit import Act, By
from portal.domain.errors import DomainError
from portal.domain.law.plan_kinds import KindAnswer, check
from portal.models import Plan, Product, ProductContent, Subscription
from portal.queries import edits as versions
from portal.queries import subscriptions
from portal.queries.access import products
from portal.services import edits
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.products import commit, subject, wish_of


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Which versions of both products a page showed (`services.edits`)."""

    left: int
    to: int  # 0 where the plan gets a product of its own


class MovedMeanwhile(DomainError):
    """The plan sells another product than the page showed. Nothing was written."""


class AnsweredMeanwhile(DomainError):
    """Somebody answered which kind of contract it is since the page was shown. Nothing was written."""


@dataclass(frozen=True, kw_only=True)
class MoveEffect:
    """What moving a plan does: how many follow, how many stay, and which answers are others for those who follow."""

    running: int
    over: int  # have ended, or their end was asked for: they stay
    closed: list[str]  # what those who follow can open no more
    changed: dict[str, list[object]]  # answer → [of the product it leaves, of the one it goes to]


def seen(session: Session, merchant_id: uuid.UUID, *, left: uuid.UUID, to: uuid.UUID | None) -> Seen:
    """Return the versions that a page is about to show: read before the rules that it compares."""

    def version(product_id: uuid.UUID) -> int:
        return versions.version(session, subject(merchant_id, product_id))

    return Seen(left=version(left), to=version(to) if to is not None else 0)


def effect(session: Session, plan: Plan, to: Product) -> MoveEffect:
    """Return what moving the plan to that product would do; contents are loaded of `to`."""
    left = products.of_merchant(session, plan.merchant_id, plan.product_id)
    wanted = wish_of(to)
    changed = edits.changes(left, {name: value for name, value in wanted.columns.items() if name != "name"})
    own = [[one.title, one.unlock_after_days] for one in left.contents]
    theirs = [[one.title, one.unlock_after_days] for one in to.contents]
    if own != theirs:
        changed["contents"] = [wish_of(left).listed, wanted.listed]
    ending = products.ending_of_plan(session, plan.id)
    running = products.running_by_plan(session, plan.merchant_id).get(plan.id, 0) - ending
    kept = {one.title for one in to.contents}
    closed = [one.title for one in left.contents if one.title not in kept]
    over = products.over_of_plan(session, plan.id) + ending
    return MoveEffect(running=running, over=over, closed=closed if running else [], changed=changed)


def move(
    ctx: Context,
    merchant_id: uuid.UUID,
    plan_id: uuid.UUID,
    *,
    left: uuid.UUID,
    to: uuid.UUID | None,
    seen: Seen | None = None,
    by: By,
) -> uuid.UUID:
    """Let the plan sell another product; None: one of its own, with the rules and contents that it had. Return its id.

    `left` is the product that the page showed, `seen` the versions of both that it compared, None where there was no
    page.  Raises NoResultFound, MovedMeanwhile, and EditedMeanwhile when somebody saved one of the two since.
    """
    now = utc_now()
    with ctx.db.begin() as session:
        for product_id in sorted({left, to or left}):
            products.lock(session, merchant_id, product_id)
        plan = products.lock_plan(session, merchant_id, plan_id)
        if plan.product_id != left:
            raise MovedMeanwhile
        if seen is not None and to is not None:  # its own product takes the rules as they are: nobody's change
            edits.check(session, subject(merchant_id, left), read=seen.left)
            edits.check(session, subject(merchant_id, to), read=seen.to)
        old = products.of_merchant(session, merchant_id, left)
        new = products.of_merchant(session, merchant_id, to) if to is not None else _twin(session, old, plan, now=now)
        if new.id != left:
            count = _take_along(session, old, new, plan)
            about = {"plan": str(plan_id), "product": [str(left), str(new.id)], "subscriptions": count}
            audit.append(session, merchant_id, Act.PLAN_MOVED, by=by, at=now, subject=("product", new.id), **about)
        return new.id


def answer_kind(
    ctx: Context, merchant_id: uuid.UUID, plan_id: uuid.UUID, answer: KindAnswer, *, seen: datetime | None, by: By
) -> None:
    """Write which kind of contract the plan makes; `seen` is when the answer was given that the page showed.

    What runs under the plan follows from now on; what was told of a renewal stands.  Raises NoResultFound, WrongKind
    and AnsweredMeanwhile.
    """
    now = utc_now()
    with ctx.db.begin() as session:
        plan = products.lock_plan(session, merchant_id, plan_id)
        if plan.kind_answered_at != seen:
            raise AnsweredMeanwhile
        check(answer, cycles=plan.total_cycles)
        wanted = {
            "kind": answer.kind,
            "term_months": answer.term_months,
            "term_notice_days": answer.notice_days,
            "supply": answer.supply,
        }
        changed = edits.changes(plan, wanted)
        if not changed and seen is not None:
            return
        for name, value in wanted.items():
            setattr(plan, name, value)
        plan.kind_answered_at = now
        subject = ("product", plan.product_id)
        told = {name: [None if one is None else str(one) for one in pair] for name, pair in changed.items()}
        audit.append(session, merchant_id, Act.PLAN_KIND_SET, by=by, at=now, subject=subject, plan=str(plan_id), **told)


def _take_along(session: Session, old: Product, new: Product, plan: Plan) -> int:
    """Move the plan with what runs under it; return how many subscriptions that are.

    Whose end was asked for was told what the old product leaves, and stays with it, unless the end is taken back
    (`end_withdrawals`).
    """
    own = (Subscription.product_id == old.id) & (Subscription.plan_id == plan.id)
    running = own & Subscription.ended_at.is_(None) & ~products.is_ending()
    subscriptions.hold_running(session, old.id, plan_id=plan.id)
    moved = update(Subscription).where(running).values(product_id=new.id).returning(Subscription.id)
    count = len(session.execute(moved.execution_options(synchronize_session=False)).all())
    plan.product_id = new.id
    session.flush()
    if old.commitment_months != new.commitment_months:
        commit(session, new, months=new.commitment_months, plan_id=plan.id)
    return count


def _twin(session: Session, old: Product, plan: Plan, *, now: datetime) -> Product:
    """Make a product under the plan's name, with the rules and contents of another."""
    wish = wish_of(old)
    columns = wish.columns | {"name": plan.name or old.name}
    twin = Product(id=uuid.uuid4(), merchant_id=old.merchant_id, reviewed_at=now, **columns)
    twin.contents = [
        ProductContent(position=place, title=one.title, link=one.link, unlock_after_days=one.unlock_after_days)
        for place, one in enumerate(wish.contents)
    ]
    session.add(twin)
    session.flush()
    return twin
