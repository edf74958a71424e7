"""A product's name, access rule and contents, as the merchant sets them; whom a change touches, before it is saved."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, update
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain import policies
from portal.domain.access import promises
from portal.domain.access.access import Content, Rule
from portal.domain.audit import PORTAL, Act, By
from portal.domain.edits import Subject
from portal.domain.errors import DomainError
from portal.domain.policies import Override
from portal.models import Product, ProductContent, Subscription
from portal.queries import subscriptions
from portal.queries.access import products
from portal.queries.access.products import Audience
from portal.services import edits, external_ids
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.dates.paid_time import commitment_end
from portal.services.rules import product_rule
from portal.services.settings import key_passed

PRODUCT: Final = "product"  # under which its versions are counted
TEXTS: Final = frozenset({"name", "external_id"})  # the audit chain holds that they changed, not what they say


class NameTaken(DomainError):
    """The merchant has a product of that name."""


@dataclass(frozen=True, kw_only=True)
class ContentWish:
    """One thing the product opens; `id` is empty for a new one, `link` for one that is read nowhere."""

    title: str
    link: str = ""
    unlock_after_days: int = 0
    id: uuid.UUID | None = None


@dataclass(frozen=True, kw_only=True)
class ProductWish:
    """The product page's answers, contents in their order; the others bear the names of the product's columns.

    None has a default: an answer that a form forgets would be wiped out at each save.
    """

    name: str
    external_id: str | None
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
        """The contents as [id, title, days, link], the id empty for a new one."""
        return [[str(one.id or ""), one.title, one.unlock_after_days, one.link] for one in self.contents]

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


def wish_of(product: Product) -> ProductWish:
    """Return the answers as they are stored; the product's contents must be loaded."""
    contents = tuple(
        ContentWish(id=one.id, title=one.title, link=one.link, unlock_after_days=one.unlock_after_days)
        for one in product.contents
    )
    names = ProductWish.__dataclass_fields__.keys() - {"contents"}
    return ProductWish(contents=contents, **{name: getattr(product, name) for name in names})


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a save would change, and for whom."""

    changed: tuple[str, ...]  # answers by name, with `contents` among them where what is opened, or when, is another
    removed: tuple[str, ...]  # titles of contents that the product would not open any more
    audience: Audience
    renamed: str = ""  # the merchant's own id that would go

    @property
    def is_to_be_seen(self) -> bool:
        """Whether somebody is touched: a new name, a title, an address and the order of contents touch nobody.

        Other systems may ask by an id that goes, and would find no product.
        """
        return bool(self.renamed) or (bool(self.changed) and self.audience.is_anybody)


def effect(product: Product, wish: ProductWish, audience: Audience) -> Effect:
    """Return what saving these answers would do; the product's contents must be loaded."""
    renamed = product.external_id if product.external_id != wish.external_id else None
    changed = [name for name in edits.changes(product, wish.columns) if name not in TEXTS]
    if renamed:
        changed.append("external_id")
    if _opened(wish.listed) != _opened(contents_of(product)):
        changed.append("contents")
    staying = {one.id for one in wish.contents}
    return Effect(
        changed=tuple(changed),
        removed=tuple(one.title for one in product.contents if one.id not in staying),
        audience=audience,
        renamed=renamed or "",
    )


def _opened(listed: Iterable[list[Any]]) -> list[tuple[str, int]]:
    return sorted((str(one[0] or one[1]), int(one[2])) for one in listed)


def make(ctx: Context, merchant_id: uuid.UUID, name: str, *, by: By) -> uuid.UUID:
    """Make a product without a plan: to be given by hand, or sold by a plan that is moved to it. Return its id.

    Raises NameTaken.
    """
    with ctx.db.begin() as session:
        if products.is_named(session, merchant_id, name):
            raise NameTaken
        product = Product(id=uuid.uuid4(), merchant_id=merchant_id, name=name, contents=[])
        session.add(product)
        subject = ("product", product.id)
        audit.append(session, merchant_id, Act.PRODUCT_MADE, by=by, at=utc_now(), subject=subject)
        return product.id


def save(
    ctx: Context,
    merchant_id: uuid.UUID,
    product_id: uuid.UUID,
    wish: ProductWish,
    *,
    seen: int | None = None,
    replaces_id: bool = False,
    by: By = PORTAL,
) -> None:
    """Write the product. A content that stays keeps its identity, so that grants and proofs still mean it.

    Other months of commitment hold at once for every subscription that has not ended; a request that already
    waits for its date keeps the date it was given.  What has ended, or is about to, keeps the access it was promised.
    `seen` is the version that the form showed, None where there was no form; `replaces_id`: the merchant's own id of
    before may go.  Raises NoResultFound, EditedMeanwhile when somebody saved it since, what `external_ids.check` does,
    and NotAllowed(KEY_NOT_TESTED) when self-cancellation may not be turned on yet.
    """
    with ctx.db.begin() as session:
        product = products.lock(session, merchant_id, product_id)
        before, changed = contents_of(product), edits.changes(product, wish.columns)
        if changed or before != wish.listed:
            edits.check(session, subject(merchant_id, product_id), read=seen)
        external_ids.check(session, product, wish.external_id, replaces=replaces_id)
        if wish.self_cancellation is Override.ON and product.self_cancellation is not Override.ON:
            policies.check_switch_on(key_passed_its_test=key_passed(session, merchant_id))
        if changed.keys() & set(promises.SWITCHES) or _opened(before) != _opened(wish.listed):
            subscriptions.hold_running(session, product.id)
            keep_promises(session, product, Subscription.product_id == product.id)
        if product.commitment_months != wish.commitment_months:
            commit(session, product, months=wish.commitment_months)
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


def set_external_id(
    ctx: Context,
    merchant_id: uuid.UUID,
    product_id: uuid.UUID,
    external_id: str | None,
    *,
    replaces: bool = False,
    by: By,
) -> bool:
    """Write the merchant's own id of a product, None for none; False when it is its id already.

    Raises what `external_ids.check` raises, and NoResultFound for another merchant's product.
    """
    with ctx.db.begin() as session:
        product = products.lock(session, merchant_id, product_id)
        external_ids.check(session, product, external_id, replaces=replaces)
        changed = edits.changes(product, {"external_id": external_id})
        product.external_id = external_id
        if changed:
            edits.note(session, subject(merchant_id, product_id), changed, act=Act.PRODUCT_CHANGED, texts=TEXTS, by=by)
        return bool(changed)


def subject(merchant_id: uuid.UUID, product_id: uuid.UUID) -> Subject:
    """Return the product as what several people edit."""
    return Subject(merchant_id=merchant_id, kind=PRODUCT, id=product_id)


def contents_of(product: Product) -> list[list[Any]]:
    """Return the product's contents in their order as [id, title, days, link]: what a version holds of them."""
    return wish_of(product).listed


def keep_promises(session: Session, product: Product, which: ColumnElement[bool]) -> None:
    """Keep the rule that stands for those of `which` to whom it was told: they have ended, or asked for the end.

    Whatever of them runs is locked.  A promise of before is not touched: it is the one that was told.
    """
    told = or_(Subscription.ended_at.is_not(None), products.is_ending())
    promise = promises.of_rule(product_rule(product))
    session.execute(
        update(Subscription)
        .where(which, told, Subscription.promised.is_(None))
        .values(promised=promise)
        .execution_options(synchronize_session=False)
    )


def commit(session: Session, product: Product, *, months: int | None, plan_id: uuid.UUID | None = None) -> None:
    """Set the commitment's end of every subscription that has not ended, by the function that a read uses.

    The product's months, else the plan's length; a plan without end has none, and then there is no commitment.
    """
    for subscription, cycles in subscriptions.lock_live(session, product.id, plan_id=plan_id):
        subscription.committed_until = commitment_end(subscription, months=months, cycles=cycles or 0)


def _contents(product: Product, wishes: Iterable[ContentWish]) -> Iterable[ProductContent]:
    known = {content.id: content for content in product.contents}
    for place, wish in enumerate(wishes):
        content = known.get(wish.id) if wish.id is not None else None
        content = content or ProductContent(title=wish.title)
        content.position, content.title, content.link = place, wish.title, wish.link
        content.unlock_after_days = wish.unlock_after_days
        yield content
