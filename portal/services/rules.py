"""From stored rows to the words of the domain: a product's rule, grants, what an end leaves open, who may ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from portal.domain.access import access, promises
from portal.domain.merchants.merchants import Work, goes_on
from portal.domain.policies import Settings
from portal.domain.subscriptions import Status
from portal.models import Merchant, Subscription
from portal.models.held import AnyGrant, AnyOpened, AnyProduct, AnySubscription
from portal.queries.people.people import MerchantFacts


def rule_of(subscription: AnyOpened) -> access.Rule:
    """Return the rule that decides the subscription's access: its product's, unless another one was promised.

    The product's contents must be loaded.
    """
    return promises.kept(product_rule(subscription.product), subscription.promised, is_over=subscription.is_over)


def product_rule(product: AnyProduct) -> access.Rule:
    """Return the product's access rule by now; one without listed contents opens one thing, itself.

    The product's contents must be loaded.
    """
    return access.Rule(
        contents=_contents(product),
        keep_after_completion=product.keep_after_completion,
        keep_after_cancellation=product.keep_after_cancellation,
        stops_at_once=product.stops_at_once,
        kept_while_paused=product.kept_while_paused,
        grace_days=product.grace_days,
    )


def write_end(subscription: Subscription, facts: access.Facts, outcome: Status, at: datetime) -> None:
    """Write an end, with the access that follows from it: the first time, or again with a date learned since."""
    rule = rule_of(subscription)
    preview = access.preview_end(facts, rule, outcome, at)
    if subscription.promised is not None:
        subscription.promised = promises.of_rule(rule)  # what came to the product meanwhile was open to this one, too
    # What a withdrawal closed has no window left that could say when.
    subscription.end(preview.after, access_until=subscription.withdrawn_at or preview.access_until)


def settings_of(
    merchant: Merchant | MerchantFacts, subscription: AnySubscription, *, now: datetime, notified: bool = False
) -> Settings:
    """Return what decides who may end, pause and resume it; `notified`: the customer waits for the end."""
    product, committed = subscription.product, subscription.committed_until
    return Settings(
        self_cancellation=merchant.self_cancellation,
        override=product.self_cancellation,
        pause_offered=product.pause_offered and goes_on(merchant.state, Work.RETURN),
        commitment_runs=product.commitment_binds and committed is not None and committed > now,
        notified=notified,
    )


def grants_of(product: AnyProduct, grants: Iterable[AnyGrant]) -> tuple[access.Grant, ...]:
    """Return the product's grants, one per content, so that each meets the content it stands for (same key)."""
    return tuple(
        access.Grant(key=content.key, title=content.title, since=grant.since, until=grant.until, link=content.link)
        for grant in grants
        if grant.product_id == product.id
        for content in _contents(product)
    )


def _contents(product: AnyProduct) -> tuple[access.Content, ...]:
    if not product.contents:
        return (access.Content(key=str(product.id), title=product.name),)
    return tuple(
        access.Content(
            key=str(content.id), title=content.title, unlock_after_days=content.unlock_after_days, link=content.link
        )
        for content in product.contents
    )


@dataclass(frozen=True, kw_only=True)
class AccessLeft:
    """What is open after an end: until when what stops is open, and what stays for good."""

    until: datetime | None
    is_unknown: bool
    kept: tuple[str, ...]
    opens: Mapping[str, datetime]  # since when each of them is open, or will be


def access_left(
    subscription: AnySubscription,
    grants: Iterable[AnyGrant] = (),
    *,
    never_started: bool = False,
    facts: access.Facts | None = None,
) -> AccessLeft:
    """Return what an ended subscription leaves open, from the same windows as the account page.

    `facts`: of one that lives, as an end would leave them (`end_schedules.expectation`).  One that never began opens
    nothing, whatever start PayPal had planned. What was given by hand for good does not stop, though the
    subscription's own window for it does.
    """
    product = subscription.product
    given = grants_of(product, grants)
    windows = access.windows(facts or subscription.facts, rule_of(subscription), given)
    if never_started:
        windows = tuple(window for window in windows if window.granted)
    kept = {window.key: window.title for window in windows if window.end is access.End.KEPT}
    stops = tuple(window for window in windows if window.key not in kept)
    return AccessLeft(
        until=max((window.until for window in stops if window.until is not None), default=None),
        is_unknown=any(window.end is access.End.UNKNOWN for window in stops),
        kept=tuple(dict.fromkeys(kept.values())),
        opens=access.openings(window for window in windows if window.end is access.End.KEPT),
    )
