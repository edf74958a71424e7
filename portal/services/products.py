"""A product's name, access rule and contents, as the merchant sets them; and what they leave a customer."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain import policies
from portal.domain.access import Content, EndPreview, Facts, Rule, preview_end
from portal.domain.audit import PORTAL, Act, By
from portal.domain.edits import Subject
from portal.domain.policies import Override
from portal.domain.subscriptions import Status
from portal.models import Product, ProductContent
from portal.queries import products, subscriptions
from portal.services import edits
from portal.services.context import Context
from portal.services.dates.paid_time import commitment_end
from portal.services.rules import rule_of
from portal.services.settings import key_passed

PRODUCT: Final = "product"  # under which its versions are counted
TEXTS: Final = frozenset({"name"})  # the audit chain holds that they changed, not what they say
EXAMPLE_AGE = timedelta(days=30)  # the example's customer subscribed so long ago
EXAMPLE_PAID = timedelta(days=15)  # and has paid for so much longer


@dataclass(frozen=True, kw_only=True)
class ContentWish:
    """One thing the product opens; `id` is empty for a new one."""

    title: str
    unlock_after_days: int = 0
    id: uuid.UUID | None = None


@dataclass(frozen=True, kw_only=True)
class ProductWish:
    """The product page's answers, contents in their order; the others bear the names of the product's columns.

    None has a default: an answer that a form forgets would be wiped out at each save.
    """

    name: str
    keep_after_completion: bool
    keep_after_cancellation: bool
    stops_at_once: bool
    kept_while_paused: bool
    grace_days: int
    commitment_months: int | None
    commitment_binds: bool
    notice_days: int
    pause_offered: bool
    pause_longest_days: int
    self_cancellation: Override
    contents: tuple[ContentWish, ...]

    @property
    def columns(self) -> dict[str, Any]:
        """All answers but the contents, by the name of their column."""
        return {name: value for name, value in vars(self).items() if name != "contents"}

    @property
    def listed(self) -> list[list[Any]]:
        """The contents as [id, title, days], the id empty for a new one."""
        return [[str(one.id or ""), one.title, one.unlock_after_days] for one in self.contents]

    @property
    def rule(self) -> Rule:
        """The access rule these answers would make: for an example before they are saved."""
        contents = tuple(
            Content(key=str(place), title=content.title, unlock_after_days=content.unlock_after_days)
            for place, content in enumerate(self.contents)
        )
        return Rule(
            contents=contents or (Content(key="product", title=self.name),),
            keep_after_completion=self.keep_after_completion,
            keep_after_cancellation=self.keep_after_cancellation,
            stops_at_once=self.stops_at_once,
            kept_while_paused=self.kept_while_paused,
            grace_days=self.grace_days,
        )


def save(
    ctx: Context,
    merchant_id: uuid.UUID,
    product_id: uuid.UUID,
    wish: ProductWish,
    *,
    seen: int | None = None,
    by: By = PORTAL,
) -> None:
    """Write the product. A content that stays keeps its identity, so that grants and proofs still mean it.

    Other months of commitment hold at once for every subscription that has not ended; a request that already
    waits for its date keeps the date it was given. `seen` is the version that the form showed, None where there was
    no form. Raises NoResultFound, EditedMeanwhile when somebody saved it since, and NotAllowed(KEY_NOT_TESTED) when
    self-cancellation may not be turned on yet.
    """
    with ctx.db.begin() as session:
        product = products.lock(session, merchant_id, product_id)
        before, changed = contents_of(product), edits.changes(product, wish.columns)
        if changed or before != wish.listed:
            edits.check(session, subject(merchant_id, product_id), read=seen)
        if wish.self_cancellation is Override.ON and product.self_cancellation is not Override.ON:
            policies.check_switch_on(key_passed_its_test=key_passed(session, merchant_id))
        if product.commitment_months != wish.commitment_months:
            _commit(session, product.id, months=wish.commitment_months)
        for name, value in wish.columns.items():
            setattr(product, name, value)
        product.contents = list(_contents(product, wish.contents))
        product.reviewed_at = utc_now()
        session.flush()  # new contents get their ids, by which a later form knows them
        after = contents_of(product)
        if after != before:
            changed["contents"] = [before, after]
        if changed:
            texts = TEXTS | {"contents"}
            edits.note(session, subject(merchant_id, product_id), changed, act=Act.PRODUCT_CHANGED, texts=texts, by=by)


def subject(merchant_id: uuid.UUID, product_id: uuid.UUID) -> Subject:
    """Return the product as what several people edit."""
    return Subject(merchant_id=merchant_id, kind=PRODUCT, id=product_id)


def contents_of(product: Product) -> list[list[Any]]:
    """Return the product's contents in their order as [id, title, days]: what a version holds of them."""
    return [[str(one.id), one.title, one.unlock_after_days] for one in product.contents]


def _commit(session: Session, product_id: uuid.UUID, *, months: int | None) -> None:
    """Set the commitment's end of every subscription that has not ended, by the function that a read uses.

    The product's months, else the plan's length; a plan without end has none, and then there is no commitment.
    """
    for subscription, cycles in subscriptions.lock_live(session, product_id):
        subscription.committed_until = commitment_end(subscription, months=months, cycles=cycles or 0)


def _contents(product: Product, wishes: Iterable[ContentWish]) -> Iterable[ProductContent]:
    known = {content.id: content for content in product.contents}
    for place, wish in enumerate(wishes):
        content = known.get(wish.id) if wish.id is not None else None
        content = content or ProductContent(title=wish.title)
        content.position, content.title, content.unlock_after_days = place, wish.title, wish.unlock_after_days
        yield content


def examples(rule: Rule, *, now: datetime) -> dict[Status, EndPreview]:
    """Return what each end would leave to an example's customer, by the function that ends really use."""
    facts = Facts(status=Status.ACTIVE, started_at=now - EXAMPLE_AGE, paid_until=now + EXAMPLE_PAID)
    outcomes = (Status.COMPLETED, Status.CANCELLED, Status.ABANDONED)
    return {outcome: preview_end(facts, rule, outcome, now) for outcome in outcomes}


def rule(product: Product) -> Rule:
    """Return the stored product's access rule; its contents must be loaded."""
    return rule_of(product)
