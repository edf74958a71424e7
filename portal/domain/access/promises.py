"""What a product's rule leaves after an end, kept for those to whom it was told before the rule became another one.

Nothing is kept while the product's rule is the one that was told: a promise is written when the rule changes, for each
subscription that has ended, or whose end was asked for.  It names what it opens by the contents' own ids, so that a
lesson that is renamed or moves to another address is still found under its new name; one that is removed from the
product keeps the name that was told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from portal.domain.access.access import Content, Rule

SWITCHES: Final = ("keep_after_completion", "keep_after_cancellation", "stops_at_once")  # what decides after an end


def of_rule(rule: Rule) -> dict[str, Any]:
    """Return the promise of a rule, as JSON holds it."""
    contents = [[one.key, one.title, one.unlock_after_days, one.link] for one in rule.contents]
    return {**{name: getattr(rule, name) for name in SWITCHES}, "contents": contents}


def kept(rule: Rule, promised: Mapping[str, Any] | None, *, is_over: bool) -> Rule:
    """Return the rule that decides a subscription's access: the product's, with what was promised put first.

    One that still runs has what the product opens by now, too; one that is over only what it was told.
    """
    if promised is None:
        return rule
    today = {content.key: content for content in rule.contents}
    contents = [_promised(today, *one) for one in promised["contents"]]
    if not is_over:
        told = {content.key for content in contents}
        contents += [content for content in rule.contents if content.key not in told]
    return replace(rule, contents=tuple(contents), **{name: promised[name] for name in SWITCHES})


def _promised(today: Mapping[str, Content], key: str, title: str, days: int, link: str) -> Content:
    found = today.get(key)
    if found is not None:
        return replace(found, unlock_after_days=days)
    return Content(key=key, title=title, unlock_after_days=days, link=link)
