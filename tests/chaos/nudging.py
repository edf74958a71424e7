"""Time, without waiting for it: rows are aged from outside, as a clock that jumps would age them.

What waits for its time is due now.  A claim is aged only after some real seconds, and then a process that still
holds it loses it: the product's fence (`claimed_at`, the mail's `send_at`) must hold.  Nothing in the
product is sped up.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Final

import psycopg

from tests.chaos.cluster import Cluster

MAIL_CLAIM: Final = 30.0  # the same of a mail that somebody tried to send: longer than a dialogue with the mail server

PLANNED_AGE: Final = 8  # seconds after which the day of a planned end comes, at the soonest (below)

# A request stays claimed for eight seconds before its lease runs out; a worker without a sign of life for fifteen (it
# gives one every five) has been silent for long.
AGE: Final = (
    "UPDATE paypal_accounts SET calm_until = now() WHERE calm_until > now()",
    """UPDATE end_requests SET next_try_at = now() WHERE id IN (
        SELECT id FROM end_requests WHERE state NOT IN ('confirmed', 'closed', 'withdrawn') AND next_try_at > now()
        FOR UPDATE SKIP LOCKED)""",
    """UPDATE end_requests SET claimed_at = claimed_at - interval '10 minutes' WHERE id IN (
        SELECT id FROM end_requests WHERE state = 'calling' AND claimed_at < now() - interval '8 seconds'
        FOR UPDATE SKIP LOCKED)""",
    """UPDATE refunds SET next_try_at = now() WHERE id IN (
        SELECT id FROM refunds WHERE state NOT IN ('done', 'failed') AND next_try_at > now() FOR UPDATE SKIP LOCKED)""",
    """UPDATE refunds SET claimed_at = claimed_at - interval '10 minutes' WHERE id IN (
        SELECT id FROM refunds WHERE state IN ('calling', 'pending') AND claimed_at < now() - interval '8 seconds'
        FOR UPDATE SKIP LOCKED)""",
    """UPDATE settlements SET next_try_at = now() WHERE id IN (
        SELECT id FROM settlements WHERE state NOT IN ('done', 'failed') AND next_try_at > now()
        FOR UPDATE SKIP LOCKED)""",
    """UPDATE settlements SET claimed_at = claimed_at - interval '10 minutes' WHERE id IN (
        SELECT id FROM settlements WHERE state = 'calling' AND claimed_at < now() - interval '8 seconds'
        FOR UPDATE SKIP LOCKED)""",
    # The day for second thoughts, and the ten minutes until a worker looks again.
    """UPDATE customer_erasures SET due_at = now() WHERE id IN (
        SELECT id FROM customer_erasures WHERE state = 'open' AND due_at > now()
        AND created_at < now() - interval '3 seconds' FOR UPDATE SKIP LOCKED)""",
    """INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args)
        SELECT 'default', 'own_data.erasures', 'own_data.erasures', '{"timestamp": 0}'
        WHERE EXISTS (SELECT FROM customer_erasures WHERE state = 'open') ON CONFLICT DO NOTHING""",
    # Its job is used up meanwhile, as too early: the product's own sweep finds one whose day has come without a job.
    """UPDATE end_requests SET due_at = now() - interval '3 minutes' WHERE id IN (
        SELECT id FROM end_requests WHERE state = 'recorded' AND due_at > now()
        AND created_at < now() - interval '8 seconds' FOR UPDATE SKIP LOCKED)""",
    # One that nobody has put off yet is a worker's, for two minutes: after eight seconds it counts as a dead one's.
    """UPDATE paypal_events SET next_try_at = now() WHERE id IN (
        SELECT id FROM paypal_events WHERE state = 'waiting' AND next_try_at > now()
        AND (attempts > 0 OR next_try_at < now() + interval '112 seconds') FOR UPDATE SKIP LOCKED)""",
    # So are events for other systems; what waits for a later try is beyond that lease.
    """UPDATE event_deliveries SET next_try_at = now() WHERE id IN (
        SELECT id FROM event_deliveries WHERE state = 'waiting' AND (next_try_at > now() + interval '121 seconds'
        OR next_try_at BETWEEN now() AND now() + interval '112 seconds') FOR UPDATE SKIP LOCKED)""",
    "UPDATE event_endpoints SET quiet_until = NULL WHERE quiet_until > now()",
    """UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '10 minutes'
        WHERE last_heartbeat < now() - interval '15 seconds' AND last_heartbeat > now() - interval '5 minutes'""",
    """UPDATE procrastinate_jobs SET scheduled_at = now() WHERE id IN (
        SELECT id FROM procrastinate_jobs WHERE status = 'todo' AND scheduled_at > now()
        AND (task_name IN ('end_requests.carry_out', 'refunds.carry_out', 'settlements.carry_out', 'paypal_keys.check')
            OR task_name = 'mails.send' AND NOT EXISTS (
                SELECT FROM mails WHERE id = (args->>'mail_id')::uuid AND state = 'waiting' AND send_at > now()))
        FOR UPDATE SKIP LOCKED)""",
    # A job that was made due an instant before its row found it too early and is used up: what is late by some seconds
    # is late by long, so that the product's own sweeps, every minute, give it another one.
    """UPDATE end_requests SET next_try_at = next_try_at - interval '11 minutes' WHERE id IN (
        SELECT id FROM end_requests WHERE state IN ('verifying', 'retrying', 'needs_merchant')
        AND next_try_at BETWEEN now() - interval '10 minutes' AND now() - interval '6 seconds'
        FOR UPDATE SKIP LOCKED)""",
    """UPDATE refunds SET next_try_at = next_try_at - interval '11 minutes' WHERE id IN (
        SELECT id FROM refunds WHERE state NOT IN ('done', 'failed')
        AND next_try_at BETWEEN now() - interval '10 minutes' AND now() - interval '6 seconds'
        FOR UPDATE SKIP LOCKED)""",
    """UPDATE settlements SET next_try_at = next_try_at - interval '11 minutes' WHERE id IN (
        SELECT id FROM settlements WHERE state NOT IN ('done', 'failed')
        AND next_try_at BETWEEN now() - interval '10 minutes' AND now() - interval '6 seconds'
        FOR UPDATE SKIP LOCKED)""",
    """UPDATE mails SET send_at = send_at - interval '11 minutes' WHERE id IN (
        SELECT id FROM mails WHERE state = 'waiting'
        AND send_at BETWEEN now() - interval '10 minutes' AND now() - interval '6 seconds'
        FOR UPDATE SKIP LOCKED)""",
)
# What was sent and had no answer counts as not taken after three days: PayPal has been read for long by then.
GIVE_UP: Final = """UPDATE settlements SET created_at = created_at - interval '4 days' WHERE id IN (
    SELECT id FROM settlements WHERE state NOT IN ('done', 'failed')
    AND created_at BETWEEN now() - interval '1 day' AND now() - interval '60 seconds' FOR UPDATE SKIP LOCKED)"""
WAITING_MAILS: Final = "SELECT id, attempts, send_at FROM mails WHERE state = 'waiting' AND send_at > now()"
SEND: Final = """UPDATE mails SET send_at = now() WHERE id IN (
    SELECT id FROM mails WHERE id = %s AND attempts = %s AND send_at = %s AND state = 'waiting'
    FOR UPDATE SKIP LOCKED)"""
SEND_JOB: Final = """UPDATE procrastinate_jobs SET scheduled_at = now() WHERE id IN (
    SELECT id FROM procrastinate_jobs WHERE status = 'todo' AND scheduled_at > now()
    AND task_name = 'mails.send' AND args->>'mail_id' = %s FOR UPDATE SKIP LOCKED)"""


class Nudger:
    """Ages what waits, every `pause` seconds, in a thread of its own."""

    def __init__(self, cluster: Cluster, *, pause: float, unsent: float) -> None:
        """`unsent`: seconds that a mail waits which nobody has tried to send (an acknowledgement waits a minute)."""
        self.pause, self.unsent = pause, unsent
        self.is_quiet = False  # nothing goes wrong any more: days may pass
        self.failures = 0
        self._cluster = cluster
        self._seen: dict[Any, tuple[int, Any, float]] = {}  # attempts and time of a waiting mail, and since when so
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nudger")

    def __enter__(self) -> Nudger:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self.pause):
            try:
                with self._cluster.connect() as connection:
                    self._nudge(connection)
            except psycopg.Error:  # the server is being restarted: the next round finds it
                self.failures += 1

    def _nudge(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        connection.execute("SET lock_timeout = '2s'")
        for statement in (*AGE, GIVE_UP) if self.is_quiet else AGE:
            connection.execute(statement)
        now = time.monotonic()
        seen: dict[Any, tuple[int, Any, float]] = {}
        for row in connection.execute(WAITING_MAILS).fetchall():
            key, stands = row["id"], (row["attempts"], row["send_at"])
            before = self._seen.get(key)
            since = before[2] if before is not None and before[:2] == stands else now
            seen[key] = (*stands, since)
            if now - since >= (MAIL_CLAIM if row["attempts"] else self.unsent):
                connection.execute(SEND, (key, *stands))
                connection.execute(SEND_JOB, (str(key),))
        self._seen = seen
