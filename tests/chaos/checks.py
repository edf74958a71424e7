"""What must be true at the end, each violation in words (docs/reliability.md lists the same)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from portal.demo.simulator.records import moment
from tests.chaos import erased, meanwhile, money, opened, settled, telling
from tests.chaos.claims import mail_says_over
from tests.chaos.facts import Facts, Row
from tests.chaos.nudging import PLANNED_AGE

FINISHED: Final = ("confirmed", "closed")
ENDED: Final = ("cancelled", "completed", "abandoned")
OVER: Final = ("CANCELLED", "EXPIRED")
NEVER_BEGUN: Final = ("APPROVAL_PENDING", "APPROVED")
BUYER: Final = "Cancelled by the buyer"  # the simulator's note on what the buyer did at PayPal
TELLING: Final = ("end_confirmed", "end_already_over")
SECOND: Final = timedelta(seconds=1)  # PayPal's times are whole seconds
ONE_CLOCK: Final = timedelta(milliseconds=100)  # the portal's is right to half a round trip to its database
NEAR_A_KILL: Final = timedelta(seconds=8)  # so near to a death a mail may come twice, under one Message-ID


def violations(facts: Facts) -> list[str]:
    """Return everything that is not as promised."""
    checks = (
        *(unfinished, outcomes, agreement, unasked, wished_days, times, paid_time),
        *(told_early, mails, doubled_mails, late_money, promises, notified, surprises),
        *(money.broken_promises, money.outcomes, money.decisions, money.sums, money.letters),
        *(meanwhile.promised_all_the_same, meanwhile.begun, meanwhile.came_back, *settled.CHECKS, *erased.CHECKS),
        *(opened.once, opened.own_task, telling.told_outside),
    )
    return [said for check in checks for said in check(facts)]


def unfinished(facts: Facts) -> Iterator[str]:
    """No request is open, no mail, message or job waits, none was given up; the audit chain verifies."""
    for row in facts.requests:
        if row["state"] not in (*FINISHED, "withdrawn"):
            yield f"request {row['reference']} is still {row['state']} ({row['trouble']}, {row['attempts']} tries)"
    for row in facts.mails.values():
        if row["state"] == "waiting":
            yield f"mail {row['kind']} {row['message_id']} still waits after {row['attempts']} tries ({row['error']})"
    for row in facts.events:
        yield f"PayPal's message {row['event_id']} ({row['event_type']}) is {row['state']} ({row['error']})"
    for row in facts.jobs:
        yield f"job {row['id']} ({row['task_name']}) is {row['status']} after {row['attempts']} tries"
    if facts.undelivered:
        yield f"{facts.undelivered} messages of PayPal never arrived"
    if facts.audit is not None:
        yield f"the audit chain does not verify: {facts.audit}"


def outcomes(facts: Facts) -> Iterator[str]:
    """Exactly one outcome per request, one « ended » in the timeline, one confirmed end per subscription."""
    for row in facts.requests:
        confirmed, withdrawn = row["confirmed_at"] is not None, row["withdrawn_at"] is not None
        if row["state"] in (*FINISHED, "withdrawn") and confirmed == withdrawn:
            yield f"request {row['reference']} has {'two outcomes' if confirmed else 'no outcome'}"
        entries = facts.ended_entries.get(row["id"], 0)
        if entries != confirmed:
            yield f"request {row['reference']}: {entries} entries « ended » in the timeline, {int(confirmed)} expected"
    for provider_id, subscription in facts.subscriptions.items():
        done = [row for row in facts.requests_of(provider_id) if row["state"] in FINISHED]
        asked = [row for row in done if row["actor"] != "system"]  # the system's own: it began after its end here
        if len(asked) > 1 or (len(done) > 1 and not began_after_its_end(asked)):
            yield f"{provider_id} ended {len(done)} times: {', '.join(row['reference'] for row in done)}"
        if asked and subscription["status"] in ENDED:
            meant = "abandoned" if subscription["id"] in facts.abandoned else asked[0]["outcome"]
            if subscription["status"] != meant:
                first = f"{meant} was asked for first ({asked[0]['reference']})"
                yield f"{provider_id} is {subscription['status']}, {first}"


def began_after_its_end(asked: list[Row]) -> bool:
    """Say whether it was ended here before the buyer approved it: it is then ended at PayPal by the system itself."""
    return bool(asked) and asked[0]["basis"] == "never_started"


def agreement(facts: Facts) -> Iterator[str]:
    """What PayPal ended is ended here, and the other way round."""
    for provider_id, there in facts.at_paypal.items():
        here = facts.subscriptions.get(provider_id)
        if here is None:
            yield f"{provider_id} is not known here"
        elif there["status"] in OVER and here["status"] not in ENDED:
            yield f"PayPal ended {provider_id}, here it is still {here['status']}"
        elif here["status"] in ENDED and there["status"] not in (*OVER, *NEVER_BEGUN):
            yield f"{provider_id} is {here['status']} here, PayPal still has it {there['status']} and charges"


def unasked(facts: Facts) -> Iterator[str]:
    """PayPal was told to cancel only what somebody asked to end, and only after the intent was written."""
    for provider_id, there in facts.at_paypal.items():
        over = facts.over_at_paypal(provider_id)
        if over is None or there["status_change_note"] == BUYER:
            continue
        if provider_id in facts.bystanders or provider_id not in facts.journal.asked:
            yield f"PayPal was told to cancel {provider_id}, and nobody asked for it"
        sent = [row["sent_at"] for row in facts.requests_of(provider_id) if row["sent_at"] is not None]
        if not any(at < over + SECOND for at in sent):
            yield f"PayPal was told to cancel {provider_id} at {over:%H:%M:%S} before the intent was written here"


def wished_days(facts: Facts) -> Iterator[str]:
    """A day that somebody typed is kept with the request, and PayPal is not told before it has come."""
    for provider_id, day in facts.journal.wished.items():
        for row in facts.requests_of(provider_id):
            if row["actor"] != "customer":
                continue
            if row["wished_on"] != day:
                yield f"request {row['reference']} has the day {row['wished_on']}, its customer typed {day}"
            sent = row["sent_at"]
            if sent is not None and sent - row["created_at"] < timedelta(seconds=PLANNED_AGE):
                yield f"request {row['reference']} was sent to PayPal before its day, {day}, had come"


def times(facts: Facts) -> Iterator[str]:
    """No end was confirmed here before PayPal's own time of it, as far as two clocks of one machine agree."""
    for row in facts.requests:
        provider_id = facts.provider_id_of(row)
        over = facts.over_at_paypal(provider_id)
        if row["confirmed_at"] is None or row["basis"] == "never_started":
            continue
        if over is None or row["confirmed_at"] < over - ONE_CLOCK:
            at = f"{row['confirmed_at']:%H:%M:%S}"
            yield f"request {row['reference']} was confirmed at {at}, PayPal's end is {_said(over)}"


def told_early(facts: Facts) -> Iterator[str]:
    """No page and no mail said « cancelled » before PayPal's own time of it."""
    early = {
        facts.provider_id_of(row) for row in facts.requests if row["basis"] == "never_started"
    }  # nothing had begun
    for visit in facts.journal.visits:
        over = facts.over_at_paypal(visit.provider_id)
        if visit.says_over and visit.provider_id not in early and (over is None or visit.at < over):
            yield f"the page {visit.path} said « over » at {visit.at:%H:%M:%S}, PayPal's end is {_said(over)}"
    for mail in facts.box:
        row = facts.mails.get(mail.message_id.strip("<>"))
        if not mail_says_over(f"{mail.subject}\n{mail.text}"):
            continue
        provider_id = facts.provider_id_of_mail(row)
        if provider_id is None:
            yield f"« {mail.subject} » was sent to {mail.to}, and the database knows of no such mail"
            continue
        over = facts.over_at_paypal(provider_id)
        if provider_id not in early and (over is None or mail.received_at < over):
            yield f"« {mail.subject} » arrived at {mail.received_at:%H:%M:%S}, PayPal's end is {_said(over)}"


def mails(facts: Facts) -> Iterator[str]:
    """One mail of each kind for each request; its confirmation reached the mail server, or was refused for good."""
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    arrived = {mail.message_id.strip("<>") for mail in facts.box}
    for row in facts.mails.values():
        if row["end_request_id"] is None:
            continue
        # the last one: once per trouble
        if row["state"] in ("sent", "refused", "returned") and row["kind"] != "merchant_needs_you":
            kinds[row["end_request_id"]][row["kind"]] += 1
        if row["state"] == "sent" and row["message_id"] not in arrived:
            yield f"mail {row['kind']} {row['message_id']} counts as sent, the mail server never got it"
    for row in facts.requests:
        counted = kinds[row["id"]]
        for kind, count in counted.items():
            if count > 1:
                yield f"request {row['reference']}: {count} mails {kind}, {_told_of(facts, row, kind)}"
        told = counted["end_confirmed"] + counted["end_already_over"]
        # The simulator names a buyer's address only once they approved: before, there is nobody to tell.
        nobody = row["basis"] == "never_started" and told == 0 and facts.provider_id_of(row) in facts.unnamed
        if row["state"] in FINISHED and row["actor"] != "system" and told != 1 and not nobody:
            yield f"request {row['reference']} was confirmed, its customer was told {told} times"
    for mail in facts.box:
        if mail.message_id.strip("<>") not in facts.mails:
            what = f"« {mail.subject} » for {mail.to} at {mail.received_at:%H:%M:%S}"
            yield f"the mail server got {what}, the database knows of no such mail"


def _told_of(facts: Facts, request: Row, kind: str) -> str:
    """Say what the mails of a kind were about, to see why there is more than one."""
    provider_id = facts.provider_id_of(request)
    keys = [row["key"] for row in facts.mails.values() if (row["end_request_id"], row["kind"]) == (request["id"], kind)]
    paid = [f"{one['id']} {one['status']} {one['time']}" for one in facts.at_paypal[provider_id]["payments"]]
    here = facts.subscriptions[provider_id]
    over = f"stopped {here['stopped_at_provider_at']}, ended {here['ended_at']}, began {here['started_at']}"
    return f"{provider_id} ({over}): {', '.join(keys)}; PayPal took {', '.join(paid)}"


def doubled_mails(facts: Facts) -> Iterator[str]:
    """A mail comes twice only where a process or the database died at it, and then under the same Message-ID."""
    moments = [*facts.journal.disturbances, *(datetime.fromtimestamp(at, UTC) for _, at in facts.deaths)]
    came: dict[str, list[datetime]] = defaultdict(list)
    for mail in facts.box:
        came[mail.message_id].append(mail.received_at)
    for message_id, at in came.items():
        if len(at) > 1 and not any(abs(moment - one) < NEAR_A_KILL for moment in moments for one in at[:-1]):
            yield f"mail {message_id} arrived {len(at)} times, and nothing had died then"


def late_money(facts: Facts) -> Iterator[str]:
    """Of a payment after the end, what PayPal has not taken back is open, and the customer was told how much it is."""
    for provider_id in facts.journal.taken_back:
        (sale, *_) = [paid for paid in facts.at_paypal[provider_id]["payments"] if Decimal(paid["reversed"])]
        back = Decimal(sale["refunded"])
        left = Decimal(sale["amount"]) - back
        row = facts.late.get(sale["id"])
        if row is None:
            yield f"the payment {sale['id']} after the end of {provider_id} raised no alarm"
            continue
        if row["state"] != "open" or row["told_back"] != back:
            yield f"{left} of {sale['id']} are still open: the alarm is {row['state']}, {row['told_back']} told as back"
        ids = {row["id"] for row in facts.requests_of(provider_id)}
        of_it = [row for row in facts.mails.values() if row["end_request_id"] in ids]
        if any(mail["kind"] == "late_payment_refunded" for mail in of_it):
            yield f"the customer of {provider_id} was told that all of {sale['id']} came back: {left} did not"
        told = {mail["message_id"] for mail in of_it if mail["kind"] in ("late_payment", "late_payment_open")}
        read = [mail.text for mail in facts.box if mail.message_id.strip("<>") in told]
        refused = any(mail["state"] == "refused" for mail in of_it)
        if not refused and not any(str(left) in text.replace(",", ".") for text in read):
            yield f"the customer of {provider_id} was never told that {left} of {sale['id']} are open"


def promises(facts: Facts) -> Iterator[str]:
    """Who was answered that the wish is taken has a request, and what they did not take back is ended."""
    references = {row["reference"]: row for row in facts.requests}
    for promise in facts.journal.promises:
        here = facts.subscriptions[promise.seat.provider_id]
        if promise.by_staff:
            if here["status"] not in ENDED:
                yield f"staff were answered that {promise.seat.provider_id} is taken, and it is {here['status']}"
            continue
        row = references.get(promise.reference)
        if row is None:
            yield f"a customer was answered with {promise.reference}, and there is no such request"
        elif row["state"] in FINISHED and here["status"] not in ENDED:
            yield f"request {promise.reference} is {row['state']}, its subscription {here['status']}"
        elif row["state"] == "withdrawn" and row["reference"] not in facts.journal.tried_to_undo:
            yield f"request {promise.reference} was taken back, and its customer did not do that"
    for reference in facts.journal.undone:
        if references[reference]["state"] != "withdrawn":
            yield f"request {reference}: the customer was told it is taken back, it is {references[reference]['state']}"


def notified(facts: Facts) -> Iterator[str]:
    """What a customer notified was told to the merchant, and the one end that answers it is theirs, and *cancelled*."""
    of_subscription = Counter(row["subscription_id"] for row in facts.notifications)
    for provider_id in facts.journal.notified:
        if of_subscription[facts.subscriptions[provider_id]["id"]] != 1:
            yield f"a customer was answered that the end of {provider_id} is notified, and there is no such one"
    requests = {row["id"]: row for row in facts.requests}
    for row in facts.notifications:
        named, end = f"notification {row['reference']}", requests.get(row["end_request_id"])
        if not row["told"]:
            yield f"{named}: the merchant was told nothing of it"
        if (row["entries"], row["acknowledged"]) != (1, int(row["email"] is not None)):
            yield f"{named}: {row['entries']} entries in the timeline, {row['acknowledged']} acknowledgements"
        if end is None or end["state"] not in FINISHED:
            yield f"{named} is {row['state']}, and no end answers it"
        elif end["outcome"] != "cancelled":
            yield f"{named} was answered by « {end['outcome']} »"
        elif end["notified_reference"] != row["reference"] or row["proven"] != row["reference"]:
            yield f"{named}: the end {end['reference']} and its proof do not say that the customer asked for it"
        elif not _is_named(facts, end, row["reference"]):
            yield f"{named}: the mail of the end {end['reference']} does not name it"


def _is_named(facts: Facts, end: Row, reference: str) -> bool:
    """Say whether every confirmation that arrived names the notification."""
    ids = {key for key, mail in facts.mails.items() if mail["end_request_id"] == end["id"] and mail["kind"] in TELLING}
    return all(reference in mail.text for mail in facts.box if mail.message_id.strip("<>") in ids)


def paid_time(facts: Facts) -> Iterator[str]:
    """Who cancelled while a payment was declined keeps what was paid, and is promised nothing beyond it."""
    for provider_id, before in facts.journal.declined.items():
        here, there = facts.subscriptions[provider_id], facts.at_paypal[provider_id]
        if here["status"] not in ENDED or there["cycles_completed"] != before["cycles_completed"]:
            continue  # somebody paid meanwhile: PayPal's clock had jumped
        paid, until = moment(before["next_billing_time"]), here["paid_until"]
        if until is None:
            yield f"{provider_id} was paid until {paid:%d/%m %H:%M}, here nobody knows"
        elif abs(until - paid) > SECOND:
            yield f"{provider_id} was paid until {paid:%d/%m %H:%M}, here it is {until:%d/%m %H:%M}"


def surprises(facts: Facts) -> Iterator[str]:
    """No page answered what nobody should see; what nobody asked to end goes on."""
    yield from (*facts.journal.surprises, *facts.journal.gave_up)
    for provider_id in facts.bystanders | facts.journal.kept:
        status = facts.subscriptions[provider_id]["status"]
        if status in ENDED:
            yield f"nobody asked to end {provider_id}, and it is {status}"


def _said(over: datetime | None) -> str:
    return f"{over:%H:%M:%S}" if over is not None else "not there yet"
