"""What must be true of customers who asked to be erased, each violation in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from tests.chaos.facts import Facts, Row
from tests.chaos.traces import WORDS

SLOW: Final = timedelta(seconds=10)  # between the clock that an erasure looked at and its commit
LIVE: Final = ("APPROVAL_PENDING", "APPROVED", "ACTIVE", "SUSPENDED")


def kept_promises(facts: Facts) -> Iterator[str]:
    """Who was answered that the wish is taken is erased, unless they took it back; nobody else is."""
    done = {row["subscription"] for row in facts.erasures if row["state"] == "done"}
    for provider_id in facts.journal.erasures:
        rows = [row for row in facts.erasures if row["subscription"] == provider_id]
        if not rows:
            yield f"the customer of {provider_id} asked to be erased, and there is no such wish"
        elif provider_id in facts.journal.unerased and provider_id in done:
            yield f"the customer of {provider_id} read that the erasure is taken back, and was erased"
        elif provider_id not in facts.journal.unerased and provider_id not in done:
            yield f"the customer of {provider_id} asked to be erased, the wish is {rows[0]['state']}"
    for row in facts.erasures:
        if row["subscription"] not in facts.journal.erasures:
            yield f"nobody asked to erase the customer of {row['subscription']}: a wish is {row['state']}"
        if (row["state"] == "done") != (row["erased_at"] is not None):
            yield f"the wish to erase the customer of {row['subscription']} is {row['state']}, their row says otherwise"


def after_the_end(facts: Facts) -> Iterator[str]:
    """Nothing of an erased customer lives at PayPal, and nothing was erased before PayPal's word on the end."""
    for row in _done(facts):
        there, over = facts.at_paypal[row["subscription"]], facts.over_at_paypal(row["subscription"])
        if there["status"] in LIVE:
            yield f"the customer of {row['subscription']} is erased, PayPal still has it {there['status']} and charges"
        elif over is not None and row["done_at"] < over:
            at = f"{row['done_at']:%H:%M:%S}"
            yield f"the customer of {row['subscription']} was erased at {at}, before PayPal ended it"


def traces(facts: Facts) -> Iterator[str]:
    """Neither name nor address nor PayPal account of an erased customer is anywhere in the database."""
    yield from facts.traces


def letters(facts: Facts) -> Iterator[str]:
    """The wish is acknowledged, the last mail says that it is done, and none after it goes to or names the erased."""
    for row in facts.erasures:
        if row["acknowledged"] != 1 or row["farewells"] != (row["state"] == "done"):
            told = f"{row['acknowledged']} acknowledgements, {row['farewells']} last mails"
            yield f"the erasure {row['reference']} of {row['subscription']} is {row['state']}: {told}"
    for row in _done(facts):
        yield from _later(facts, row)


def _later(facts: Facts, row: Row) -> Iterator[str]:
    """Yield what arrived after the last mail, which leaves once the erasure is committed, and names its customer."""
    who = facts.at_paypal[row["subscription"]]
    last = {key for key, mail in facts.mails.items() if mail["key"] == f"erasure-done:{row['id']}"}
    arrived = [mail.received_at for mail in facts.box if mail.message_id.strip("<>") in last]
    since = min(arrived, default=row["done_at"] + SLOW)
    for mail in facts.box:
        if mail.received_at <= since or mail.message_id.strip("<>") in last:
            continue
        said = next((who[word] for word in WORDS if who[word] in f"{mail.to}\n{mail.subject}\n{mail.text}"), None)
        if said is not None:
            at = f"{(mail.received_at - row['done_at']).total_seconds():.1f} s after"
            yield f"« {mail.subject} » arrived {at} the customer of {row['subscription']} was erased: it has {said}"


def _done(facts: Facts) -> list[Row]:
    return [row for row in facts.erasures if row["state"] == "done"]


CHECKS: Final = (kept_promises, after_the_end, traces, letters)
