"""What must be true at the end of money that went back, each violation in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from portal.demo.simulator.records import moment
from tests.chaos.facts import Facts, Row

UNTOLD: Final = ("debt", None)  # of an alarm's state: else the alarm's own mails tell of it
TOLD: Final = ("sent", "refused", "returned")


def broken_promises(facts: Facts) -> Iterator[str]:
    """What the desk's page told as recorded is there, once for each time and of that sum."""
    for told, times in Counter(facts.journal.refunds_told).items():
        rows = facts.end_refunds if told.with_end else facts.refunds
        its = [row for row in rows if row["subscription"] == told.provider_id]
        fitting = [row for row in its if told.amount in (row["amount"], row["decided"])]
        by_hand = bool(its) and told.provider_id in facts.journal.by_hand  # the sum is what was left to be given
        meant = list(facts.journal.meant[told.provider_id].values())
        if not by_hand and not times <= len(fitting) <= meant.count(told.amount):
            sums = _listed([row["amount"] for row in its])
            yield f"staff were told that {told.amount} of {told.provider_id} go back, {times} times: there is {sums}"


def outcomes(facts: Facts) -> Iterator[str]:
    """One refund at PayPal, of that sum, for each that is done; else the desk's inbox says that it was not made."""
    for row in facts.refunds:
        named = f"refund {row['id']} of {row['amount']} of {row['subscription']}"
        made = [one for one in facts.given_back(row) if one["state"] == "completed"]
        sums = [Decimal(one["amount"]) for one in made]
        if row["state"] == "done":
            by_hand = row["subscription"] in facts.journal.by_hand and row["amount"] <= _gone(facts, row)
            if sums != [row["amount"]] and not by_hand:
                yield f"{named} is done here, PayPal made {_listed(sums)}"
        elif row["state"] in ("failed", "needs_merchant"):
            if made:
                yield f"{named} is {row['state']} here, PayPal made {_listed(sums)}"
            if not any(f"/admin/payments/{row['payment_id']}" in link for link in facts.inbox):
                yield f"{named} was not made, and the desk's inbox says nothing of it"
        else:
            yield f"{named} is still {row['state']} ({row['trouble']}, {row['attempts']} tries)"


def decisions(facts: Facts) -> Iterator[str]:
    """What was decided with an end was asked for after PayPal's word on that end, or had gone back by then."""
    requests = {row["id"]: row for row in facts.requests}
    refunds = {row["id"]: row for row in facts.refunds}
    for row in facts.end_refunds:
        end = requests[row["end_request_id"]]
        named = f"the refund of {row['amount']} with the end {end['reference']} of {row['subscription']}"
        if row["state"] == "waiting":
            yield f"{named} still waits, the end is {end['state']}"
        elif row["state"] == "nothing_left":
            if row["subscription"] not in facts.journal.by_hand:
                yield f"{named} found nothing left to give back"
        else:
            over = moment(facts.at_paypal[row["subscription"]]["status_update_time"])
            for made in facts.given_back(refunds[row["refund_id"]]):
                if moment(made["create_time"]) < over:
                    yield f"{named} was made at PayPal at {made['create_time']}, before its word on the end, {over}"


def sums(facts: Facts) -> Iterator[str]:
    """PayPal gave nothing back that nobody asked for: not twice, not more than was meant, never more than was paid."""
    ours = {row["id"] for row in facts.refunds}
    for provider_id, there in facts.at_paypal.items():
        asked = [one for one in there["refunds"] if one["state"] == "completed"]
        for one in asked:
            if one["request_id"] not in ours:
                yield f"PayPal gave {one['amount']} of {provider_id} back by a call that is not known here"
        went = sum(Decimal(one["amount"]) for one in asked)
        meant = list(facts.journal.meant.get(provider_id, {}).values())
        if went > sum(meant):
            yield f"{went} of {provider_id} went back, {_listed(meant)} was meant"
        for paid in there["payments"]:
            if Decimal(paid["refunded"]) > Decimal(paid["amount"]):
                yield f"{paid['refunded']} of {paid['amount']} went back of the payment {paid['id']} of {provider_id}"


def letters(facts: Facts) -> Iterator[str]:
    """Exactly one mail tells of each refund, after PayPal has made it; none tells of one that it has not."""
    for row in facts.refunds:
        named = f"refund {row['id']} of {row['amount']} of {row['subscription']}"
        mails = [mail for mail in facts.mails.values() if mail["key"] == f"refunded:{row['id']}"]
        wanted = int(row["state"] == "done" and row["alarm"] in UNTOLD)
        if len([mail for mail in mails if mail["state"] in TOLD]) != wanted:
            yield f"{named} is {row['state']}, its customer was told {len(mails)} times that it went back"
        made = [one for one in facts.given_back(row) if one["state"] == "completed"]
        at = min((facts.real_time(one["update_time"]) for one in made), default=None)
        for mail in mails:
            for arrived in facts.arrived(mail["message_id"]):
                came = arrived.received_at
                if f"{row['amount']:.2f}" not in arrived.text.replace(",", "."):
                    yield f"{named}: the mail of it does not name that sum"
                if at is None and row["subscription"] not in facts.journal.by_hand:
                    yield f"{named}: the mail of it arrived at {came:%H:%M:%S}, PayPal never made it"
                elif at is not None and came < at:
                    yield f"{named}: the mail of it arrived at {came:%H:%M:%S}, PayPal made it at {at:%H:%M:%S}"


def _gone(facts: Facts, row: Row) -> Decimal:
    paid = next(one for one in facts.at_paypal[row["subscription"]]["payments"] if one["id"] == row["sale"])
    return Decimal(paid["refunded"])


def _listed(sums: list[Any]) -> str:
    return ", ".join(map(str, sums)) or "none"
