"""What must be true of what happened meanwhile: merchants that were suspended or leaving, mails that came back."""

from __future__ import annotations

from collections.abc import Iterator

from tests.chaos.facts import Facts
from tests.chaos.journal import Closed, Promise


def promised_all_the_same(facts: Facts) -> Iterator[str]:
    """An end that was asked for at a suspended or leaving merchant's reached PayPal, unless it was taken back."""
    references = {row["reference"]: row for row in facts.requests}
    for promise in facts.journal.promises:
        state = next((one.state for one in facts.journal.closed if _is_of(one, promise)), None)
        provider_id = promise.seat.provider_id
        is_over = facts.at_paypal[provider_id]["status"] not in ("ACTIVE", "SUSPENDED")
        if state is None or is_over or promise.reference in facts.journal.tried_to_undo:
            continue
        row = references.get(promise.reference)
        stands = f"is {row['state']}" if row is not None else "is nowhere"
        there = facts.at_paypal[provider_id]["status"]
        yield f"{provider_id} was asked for while its merchant was {state} and {stands}, PayPal still has it {there}"


def _is_of(one: Closed, promise: Promise) -> bool:
    return one.slug == promise.seat.slug and one.holds(promise.at)


def begun(facts: Facts) -> Iterator[str]:
    """A suspended or leaving merchant's staff began nothing; an open one's were not refused."""
    for one in facts.journal.begun:
        its = [closed for closed in facts.journal.closed if closed.slug == one.slug]
        state = next((closed.state for closed in its if closed.holds(one.sent) and closed.holds(one.answered)), None)
        if state is not None and one.is_taken:
            yield f"{one.slug} was {state} at {one.sent:%H:%M:%S}, and its staff began something new"
        if not one.is_taken and not any(closed.may_touch(one.sent, one.answered) for closed in its):
            yield f"{one.slug} was open at {one.sent:%H:%M:%S}, and its staff could begin nothing"


def came_back(facts: Facts) -> Iterator[str]:
    """A mail that came back is in the timeline once and waits in the desk's inbox; the end went on."""
    for one in facts.journal.came_back:
        mail = next(row for row in facts.mails.values() if row["id"] == one.mail_id)
        named = f"the mail {mail['kind']} of {one.provider_id} that came back"
        if mail["state"] != "returned":
            yield f"{named} is {mail['state']}"
        if facts.returned.get(one.mail_id, 0) != 1:
            yield f"{named} is {facts.returned.get(one.mail_id, 0)} times in the timeline"
        if not any(one.mail_id in link for link in facts.inbox):
            yield f"{named}: the desk's inbox says nothing of it"
        if facts.over_at_paypal(one.provider_id) is None:
            yield f"{named}: the end was lost, PayPal still has it {facts.at_paypal[one.provider_id]['status']}"
