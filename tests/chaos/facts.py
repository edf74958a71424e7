"""Everything there is to judge by at the end: the database, the simulator's own journal, the mail server's box."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bs4 import BeautifulSoup

from portal.demo.mail_folder import Mail, MailFolder
from portal.demo.simulator.records import moment
from tests.chaos import points
from tests.chaos.browsing import Browser
from tests.chaos.journal import Journal
from tests.chaos.plan import PENDING, Plan
from tests.chaos.stack import Stack
from tests.chaos.traces import traces_of
from tests.chaos.world import World

Row = dict[str, Any]
NOTIFICATIONS: Final = """SELECT r.reference, r.state, r.subscription_id::text AS subscription_id, r.email,
        r.end_request_id::text AS end_request_id, p.facts->>'notified_reference' AS proven,
        (SELECT count(*) FROM timeline_entries t WHERE t.kind = 'notified' AND t.key = r.id::text) AS entries,
        (SELECT count(*) FROM mails m WHERE m.key = 'received:' || r.id) AS acknowledged,
        (SELECT count(*) FROM merchant_news n WHERE n.received_request_id = r.id) AS told
    FROM received_requests r LEFT JOIN proofs p ON p.end_request_id = r.end_request_id"""
REFUNDS: Final = """SELECT r.*, r.id::text AS id, r.payment_id::text AS payment_id, s.provider_id AS subscription,
        p.provider_id AS sale, l.state AS alarm, e.amount AS decided
    FROM refunds r JOIN subscriptions s ON s.id = r.subscription_id JOIN payments p ON p.id = r.payment_id
    LEFT JOIN late_payments l ON l.payment_id = p.id LEFT JOIN end_refunds e ON e.refund_id = r.id"""
END_REFUNDS: Final = """SELECT e.*, e.end_request_id::text AS end_request_id, e.refund_id::text AS refund_id,
        s.provider_id AS subscription, e.amount AS decided
    FROM end_refunds e JOIN end_requests q ON q.id = e.end_request_id
    JOIN subscriptions s ON s.id = q.subscription_id"""
TOLD: Final = """SELECT 'evt_' || replace(e.id::text, '-', '') AS id, e.type, e.sequence, d.state,
        e.subscription_id::text AS subscription_id
    FROM outgoing_events e JOIN event_deliveries d ON d.event_id = e.id"""
SETTLEMENTS: Final = """SELECT t.*, t.id::text AS id, s.provider_id AS subscription, s.status AS here,
        s.outstanding || ' unpaid, ' || s.failed_payments || ' failed, read at ' || s.provider_read_at AS seen,
        (SELECT count(*) FROM mails m WHERE m.key = 'settlement-failed:' || t.id AND m.state <> 'superseded') AS told
    FROM settlements t JOIN subscriptions s ON s.id = t.subscription_id"""
ERASURES: Final = """SELECT e.*, s.provider_id AS subscription, c.erased_at, c.name, c.email,
        (SELECT count(*) FROM mails m WHERE m.key = 'erasure-recorded:' || e.id) AS acknowledged,
        (SELECT count(*) FROM mails m WHERE m.key = 'erasure-done:' || e.id AND m.state <> 'superseded') AS farewells
    FROM customer_erasures e JOIN customers c ON c.id = e.customer_id JOIN subscriptions s ON s.customer_id = c.id"""
# The ends that a customer may have asked for by a link, and how often each link let somebody in.
TASK_LINKS: Final = """SELECT l.*, s.provider_id AS subscription,
        (SELECT count(*) FROM sessions v WHERE v.task_link_id = l.id) AS sessions
    FROM task_links l LEFT JOIN subscriptions s ON s.id = l.subscription_id"""
OURS: Final = (
    "end_requests.carry_out",
    "refunds.carry_out",
    "settlements.carry_out",
    "mails.send",
)  # the jobs that keep a promise
NO_AUDIT: Final = "No such command"


@dataclass
class Facts:
    """The end of a run. Rows are as the database has them, ids as text."""

    subscriptions: dict[str, Row]  # by PayPal's id
    requests: list[Row]
    notifications: list[Row]  # with what their timeline, the merchant's news and the proof say of them
    mails: dict[str, Row]  # by Message-ID
    ended_entries: dict[str, int]  # of the timeline: request id → entries « ended »
    abandoned: set[str]  # subscription ids that were marked abandoned after their end
    late: dict[str, Row]  # payments after an end, by PayPal's id of the sale
    refunds: list[
        Row
    ]  # with PayPal's ids of subscription and payment, the payment's alarm, what was decided with an end
    end_refunds: list[Row]
    settlements: list[Row]  # with PayPal's id of the subscription, and its status here
    erasures: list[Row]  # with what their mails and the customer's row say
    traces: list[str]  # where something of an erased customer still stands, in words
    task_links: list[Row]
    inbox: list[str]  # where the cards of the desks' « to do » lead, and what their buttons do
    returned: dict[str, int]  # of the timeline: mail id → entries « came back »
    jobs: list[Row]  # of ours that are not done
    events: list[Row]  # PayPal's messages that wait or were given up
    box: list[Mail]
    at_paypal: dict[str, Row]
    undelivered: int
    audit: str | None  # what is wrong with the audit chain; None when it verifies
    audit_exists: bool
    journal: Journal
    bystanders: set[str]
    unnamed: set[str]  # PayPal's ids of those that were not approved when they were imported
    deaths: list[tuple[str, float]]
    told: list[Row]  # events for other systems, with what became of each
    heard: Counter[str]  # by the event's id: how often it arrived

    def __post_init__(self) -> None:
        self._provider_ids = {row["id"]: provider_id for provider_id, row in self.subscriptions.items()}
        self._requests: dict[str, list[Row]] = defaultdict(list)
        for row in self.requests:
            self._requests[self.provider_id_of(row)].append(row)
        self._request_ids = {row["id"]: row for row in self.requests}

    def provider_id_of(self, request: Row) -> str:
        """Return PayPal's id of a request's subscription."""
        return self._provider_ids[request["subscription_id"]]

    def provider_id_of_mail(self, mail: Row | None) -> str | None:
        """Return PayPal's id of the subscription that a mail is about."""
        request = self._request_ids.get(mail["end_request_id"]) if mail is not None else None
        return self.provider_id_of(request) if request is not None else None

    def requests_of(self, provider_id: str) -> list[Row]:
        """Return the requests of a subscription, oldest first."""
        return self._requests.get(provider_id, [])

    def over_at_paypal(self, provider_id: str) -> datetime | None:
        """Return the real time at which PayPal ended it, to the second below; None while it is not over there."""
        row = self.at_paypal[provider_id]
        if row["status"] not in ("CANCELLED", "EXPIRED"):
            return None
        return self.real_time(row["status_update_time"])

    def real_time(self, told: str) -> datetime:
        """Return the real time, to the second below, of what PayPal's clock told."""
        said = moment(told)
        ahead = 0.0
        for at, seconds in self.journal.jumps:
            if at + timedelta(seconds=seconds) <= said:
                ahead = seconds
        return said - timedelta(seconds=ahead)

    def given_back(self, refund: Row) -> list[Row]:
        """Return what PayPal made of a refund of ours, by the id of the call."""
        return [one for one in self.at_paypal[refund["subscription"]]["refunds"] if one["request_id"] == refund["id"]]

    def arrived(self, message_id: str) -> list[Mail]:
        """Return a mail as the mail server got it, as often as it got it."""
        return [mail for mail in self.box if mail.message_id.strip("<>") == message_id]


def gather(stack: Stack, world: World, journal: Journal, plan: Plan) -> Facts:
    """Read it all, once nothing moves any more."""
    with stack.cluster.connect() as db:

        def rows(query: str, *given: Any) -> list[Row]:
            return db.execute(query, given).fetchall()

        requests = rows(
            "SELECT * , id::text AS id, subscription_id::text AS subscription_id FROM end_requests ORDER BY created_at"
        )
        timeline = rows("SELECT kind, key, subscription_id::text AS subscription_id FROM timeline_entries")
        jobs = rows(
            "SELECT id, task_name, status::text, scheduled_at, attempts, args FROM procrastinate_jobs "
            "WHERE task_name = ANY(%s) AND status IN ('todo', 'doing', 'failed', 'aborted')",
            list(OURS),
        )
        events = rows(
            "SELECT event_id, event_type, state, error FROM paypal_events WHERE state IN ('waiting', 'failed')"
        )
        subscriptions = rows("SELECT *, id::text AS id FROM subscriptions")
        notifications = rows(NOTIFICATIONS)
        late = rows(
            "SELECT payments.provider_id, late_payments.state, late_payments.told_back FROM late_payments "
            "JOIN payments ON payments.id = payment_id"
        )
        mails = rows("SELECT *, id::text AS id, end_request_id::text AS end_request_id FROM mails")
        told = rows(TOLD)
        refunds, end_refunds = rows(REFUNDS), rows(END_REFUNDS)
        settlements, erasures, task_links = rows(SETTLEMENTS), rows(ERASURES), rows(TASK_LINKS)
    at_paypal = {row["id"]: row for row in world.simulated.get("subscriptions")}
    gone = [at_paypal[row["subscription"]] for row in erasures if row["state"] == "done"]
    with stack.cluster.connect() as db:
        traces = traces_of(db, world.context.vault, gone)
    ended: dict[str, int] = defaultdict(int)
    for entry in timeline:
        ended[entry["key"]] += entry["kind"] == "ended"
    returned = Counter(entry["key"].partition(":")[0] for entry in timeline if entry["kind"] == "mail_returned")
    deliveries = world.simulated.get("deliveries")
    audit_exists, audit = _audit(stack)
    return Facts(
        subscriptions={row["provider_id"]: row for row in subscriptions},
        requests=requests,
        notifications=notifications,
        mails={row["message_id"]: row for row in mails},
        ended_entries=dict(ended),
        abandoned={entry["subscription_id"] for entry in timeline if entry["kind"] == "marked_abandoned"},
        late={row["provider_id"]: row for row in late},
        refunds=refunds,
        end_refunds=end_refunds,
        settlements=settlements,
        erasures=erasures,
        traces=traces,
        task_links=task_links,
        inbox=_inbox(world, journal),
        returned=dict(returned),
        jobs=jobs,
        events=events,
        box=MailFolder(stack.folder / "mails").all()[::-1],
        at_paypal=at_paypal,
        undelivered=sum(row["state"] != "delivered" for row in deliveries),
        audit=audit,
        audit_exists=audit_exists,
        journal=journal,
        bystanders={world.seats[seat].provider_id for seat in plan.bystanders},
        unnamed={world.seats[step.seat].provider_id for step in plan.stormy if step.kind == PENDING},
        deaths=points.deaths(stack.folder),
        told=told,
        heard=Counter(world.outside.ids),
    )


def _inbox(world: World, journal: Journal) -> list[str]:
    """Read every page of each desk's « to do », as staff do; return where its links and buttons lead."""
    found: list[str] = []
    for seat in {seat.slug: seat for seat in world.seats}.values():
        desk, path = Browser(world, journal, seat, staff=True), "/admin/"
        while path:
            page = desk.get(path)
            if page is None or page.status_code != 200:
                raise RuntimeError(f"the desk of {seat.slug} did not show {path}")
            soup = BeautifulSoup(page.text, "html.parser")
            found += [
                str(one.get("href") or one.get("action")) for one in soup.select("main a[href], main form[action]")
            ]
            following = soup.select_one("nav.pages a[rel=next]")
            path = str(following["href"]) if following is not None else ""
    return found


def _audit(stack: Stack) -> tuple[bool, str | None]:
    """Verify the audit chain by the operator's own command, where there is one."""
    done = stack.run("audit", "verify")
    said = (done.stdout + done.stderr).decode().strip()
    if done.returncode and NO_AUDIT in said:
        return False, None
    return True, said[-500:] if done.returncode else None
