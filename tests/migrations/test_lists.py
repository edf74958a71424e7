"""0067: each end that there was gets its kind, and the views go with the way down."""

from __future__ import annotations

from datetime import timedelta

import psycopg

from portal.domain.ends.end_requests import RequestState
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.migrating import downgrade, upgrade
from portal.services import end_kinds
from tests.web.admin.waiting import make_request

# status, failed payments, what was asked (actor, state, whether it answers a letter), and the kind
ENDS = [
    (Status.COMPLETED, 0, None, "completed"),
    (Status.ABANDONED, 0, (Actor.CUSTOMER, "confirmed", False), "abandoned"),
    (Status.CANCELLED, 0, None, "paypal"),
    (Status.CANCELLED, 3, None, "failed"),
    (Status.CANCELLED, 3, (Actor.CUSTOMER, "confirmed", False), "customer"),
    (Status.CANCELLED, 0, (Actor.STAFF, "closed", False), "staff"),
    (Status.CANCELLED, 0, (Actor.STAFF, "confirmed", True), "customer"),
    (Status.CANCELLED, 0, (Actor.STAFF, "withdrawn", False), "paypal"),
    (Status.CANCELLED, 0, (Actor.PROVIDER, "confirmed", False), "paypal"),
    (Status.ACTIVE, 3, (Actor.CUSTOMER, "recorded", False), None),
]


def test_each_end_gets_its_kind_from_what_is_known_of_it(make, ctx, database_url, now):
    kinds = {}
    for status, failed, asked, kind in ENDS:
        subscription = make.subscription(at_paypal=False, status=status, failed_payments=failed)
        kinds[subscription.id] = kind
        if asked is not None:
            actor, state, answers = asked
            columns = {"actor": actor, "state": RequestState(state)}
            if answers:
                columns |= {"notified_at": now, "notified_way": "letter", "notified_reference": "AB7D-4TXD"}
            if state in ("confirmed", "closed"):
                columns |= {"confirmed_at": now - timedelta(days=1), "basis": "read_after_call"}
            make_request(make, subscription, now, **columns)
    ctx.db.dispose()
    for _again in range(2):
        downgrade(database_url, "0066")
        upgrade(database_url)
        assert ended_by(database_url) == kinds
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE subscriptions SET ended_by = NULL")
    end_kinds.fill(ctx)  # what an older release writes beside the new schema, at night
    assert ended_by(database_url) == kinds


def ended_by(database_url):
    with psycopg.connect(database_url) as connection:
        return dict(connection.execute("SELECT id, ended_by FROM subscriptions").fetchall())
