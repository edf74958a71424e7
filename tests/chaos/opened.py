"""What must be true of links that open one task, each violation in words."""

from __future__ import annotations

from collections.abc import Iterator

from tests.chaos.facts import Facts


def once(facts: Facts) -> Iterator[str]:
    """A link is used by one browser that pressed its button, also where two press at once, and never by a look."""
    for walk in facts.journal.walks:
        named = f"a link to a task of {walk.provider_id}"
        if walk.opened > 1:
            yield f"{named} let {walk.opened} browsers in"
        if walk.is_spent_by_a_look:
            yield f"{named} was used up by looking at it"
        if walk.opens_late:
            yield f"{named} offered its button again after somebody had begun the task"
    for row in facts.task_links:
        if row["sessions"] > 1:
            yield f"the link {row['id']} to a task of {row['subscription']} opened {row['sessions']} sessions"


def own_task(facts: Facts) -> Iterator[str]:
    """It opens the pages of its task alone, and ends nothing without the code that was mailed."""
    for walk in facts.journal.walks:
        for path, status in walk.elsewhere:
            if status == 200:
                yield f"a link to a task of {walk.provider_id} opened {path} too"
        if walk.ended_without_code:
            yield f"a link to a task of {walk.provider_id} ended it without a code"
