"""What a restored backup brings back that had gone since, and what must not leave or be decided before the recovery."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, text

from portal.clock import utc_now
from portal.domain.audit import OPERATOR, By
from portal.domain.integrations.task_links import TaskKind
from portal.domain.merchants.own_hosts import challenge_name, challenge_value
from portal.domain.policies import Actor
from portal.jobs import event_deliveries as lanes
from portal.jobs import housekeeping, run_worker
from portal.models import (
    Base,
    EventDelivery,
    EventEndpoint,
    JournalEntry,
    LoginSession,
    Merchant,
    Passkey,
    Staff,
)
from portal.providers.event_posts import HttpEventPosts
from portal.queries.merchants import own_hosts as host_queries
from portal.queries.people.people import Kind
from portal.services import recovering
from portal.services.merchants import departures, own_hosts, standings
from portal.services.messages import webhook_endpoints
from portal.services.metrics import Figures
from portal.services.outgoing import event_deliveries, event_endpoints
from portal.services.outgoing.event_endpoints import Wish
from portal.services.people import task_offers
from portal.services.people.sessions import Visitor, open_for
from portal.services.people.task_offers import Offer
from tests.fakes.host_names import Names
from tests.fakes.receivers import receiving
from tests.services.carrying.carried import ask
from tests.services.recovering.stories import let_leave

SAM = By(actor=Actor.STAFF, name="Sam")
HOST = "compte.atelier.example"
DAY = timedelta(days=1)
JOB = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('default', :name, '{"timestamp": 0}')
"""


@pytest.fixture
def names():
    return Names()


@pytest.fixture
def ctx(ctx, names):
    """As its neighbours make it; events may be sent to this machine, and names lead where the test says."""
    return replace(ctx, event_posts=HttpEventPosts(loopback=True, whole=2.0), host_names=names)


@pytest.fixture
def with_host(ctx, names):
    """Give a merchant a host that is in use."""

    def given(merchant):
        row = own_hosts.enter(ctx, merchant.id, HOST, by=SAM, now=utc_now())
        names.records[challenge_name(HOST)] = [challenge_value(row.token)]
        assert own_hosts.check(ctx, merchant.id, by=SAM, now=utc_now()) is None

    return given


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def lose(ctx, make, backup, merchant):
    """Dump the database, let something happen, be told something, and restore."""
    subscription = make.subscription(merchant=merchant)

    def lost(happens=lambda: None):
        copy = backup()
        ask(ctx, make, subscription)
        happens()
        copy.restore()

    return lost


def recovered(restarted):
    report = recovering.recover(restarted(), now=utc_now())
    assert report.unplaced == []
    return report


def endpoint(ctx, merchant, address):
    wish = Wish(address=address)
    made = event_endpoints.make(ctx, merchant.id, wish, by=SAM, now=utc_now())
    event_endpoints.test(ctx, merchant.id, made.endpoint_id, by=SAM, now=utc_now())
    return made.endpoint_id


def rows(ctx, table, merchant):
    with ctx.db.read() as session:
        return session.scalar(select(func.count()).select_from(table).where(table.c.merchant_id == merchant.id))


def test_no_event_leaves_until_it_is_recovered(ctx, merchant, lose, restarted):
    with receiving() as receiver:
        endpoint_id = endpoint(ctx, merchant, receiver.url)
        lose()
        here = restarted()
        lanes.deliver_all(here)
        event_deliveries.drain(restarted(), endpoint_id, now=utc_now())
        assert receiver.got == []
        recovered(restarted)
        lanes.deliver_all(here)
        assert len(receiver.got) == 1


def test_the_figures_say_that_it_was_restored_and_that_the_journal_waits(ctx, merchant, lose, restarted, tmp_path):
    def figure(name):
        said = Figures(ctx, tmp_path).exposition().decode()
        return float(next(line.split()[1] for line in said.splitlines() if line.startswith(f"{name} ")))

    lose()
    assert restarted().is_restored
    assert figure("portal_database_restored") == 1
    recovered(restarted)
    assert figure("portal_database_restored") == 0
    assert figure("portal_journal_overdue_seconds") < 300, "what was written is crossed off later"
    with ctx.db.begin() as session:
        session.execute(insert(JournalEntry).values(of_table="staff", key="x", act="gone", at=utc_now() - DAY))
    assert figure("portal_journal_overdue_seconds") == pytest.approx(DAY.total_seconds(), abs=600)


def test_a_receiver_that_was_removed_is_told_nothing_more(ctx, merchant, lose, restarted):
    with receiving() as receiver:
        endpoint_id = endpoint(ctx, merchant, receiver.url)
        lose(lambda: event_endpoints.remove(ctx, merchant.id, endpoint_id, by=SAM, now=utc_now()))
        recovered(restarted)
        lanes.deliver_all(restarted())
        assert receiver.got == []
        with ctx.db.read() as session:
            assert session.scalars(select(EventEndpoint)).all() == session.scalars(select(EventDelivery)).all() == []


def test_nobody_stays_logged_in_where_the_recovery_is_what_notices_the_restore(ctx, merchant, lose, restarted, make):
    who = Kind.CUSTOMER, merchant.id, make.customer(merchant).id
    with ctx.db.begin() as session:
        open_for(session, *who, visitor=Visitor(), now=utc_now())
    lose()
    recovered(restarted)
    with ctx.db.read() as session:
        assert session.scalars(select(LoginSession)).all() == []


def test_a_link_for_a_subscription_that_is_newer_than_the_backup_has_its_place(ctx, make, merchant, lose, restarted):
    def link():
        newer = make.subscription(merchant=merchant)
        wish = Offer(kind=TaskKind.CANCEL, subscription_id=newer.id)
        task_offers.make(ctx, merchant.id, newer.customer_id, wish, by=SAM, now=utc_now())

    lose(link)
    assert recovered(restarted).put["task_links"] == 1


def test_a_passkey_that_was_removed_does_not_come_back(ctx, merchant, lose, restarted, make):
    staff = Staff(id=uuid.uuid4(), merchant_id=merchant.id, email="anne@desk.test", name="Anne")
    staff.password_hash, staff.totp_secret = "x", b"x"
    key = Passkey(
        staff_id=staff.id, credential_id=b"c" * 16, public_key=b"k", sign_count=0, name="Key", aaguid=uuid.UUID(int=0)
    )
    make.add(staff)
    make.add(key)

    def remove():
        with ctx.db.begin() as session:
            session.delete(session.get_one(Passkey, key.id))

    lose(remove)
    recovered(restarted)
    with ctx.db.read() as session:
        assert session.scalars(select(Passkey)).all() == []


def test_a_merchant_that_was_erased_is_erased_again(ctx, make, merchant, lose, restarted):
    endpoint(ctx, merchant, "http://127.0.0.1:9/hook")
    make.payment(make.subscription(merchant=merchant), days=3)
    kept = {}

    def erase():
        let_leave(ctx)
        departures.erase(ctx, merchant.id, now=utc_now())
        kept.update({table.name: rows(ctx, table, merchant) for table in OWNED})

    lose(erase)
    recovered(restarted)
    assert {table.name: rows(ctx, table, merchant) for table in OWNED} == kept
    with ctx.db.read() as session:
        assert session.get_one(Merchant, merchant.id).erased_at is not None


# The chain says that it was cut, and what was done again.
OWNED = [
    table for table in Base.metadata.sorted_tables if "merchant_id" in table.c and not table.name.startswith("audit_")
]


def test_what_time_brings_is_not_decided_by_what_a_backup_remembers(ctx, merchant, lose, restarted):
    """The merchant's last day was over when the backup was made; it was kept since."""
    standings.leave(ctx, merchant.id, leave_live=True, by=OPERATOR, now=utc_now() - 40 * DAY)
    lose(lambda: standings.keep(ctx, merchant.id, by=OPERATOR, now=utc_now()))
    here = restarted()
    with here.db.begin() as session:
        name = housekeeping.let_merchants_go.name
        session.execute(text(JOB), {"name": name})
    run_worker(here, wait=False)
    recovered(restarted)
    with ctx.db.read() as session:
        row = session.get_one(Merchant, merchant.id)
    assert (row.gone_at, row.closed_at) == (None, None)


def address(ctx, merchant):
    """Make, or find, the end of the address that the merchant enters at PayPal."""
    with ctx.db.begin() as session:
        return webhook_endpoints.endpoint_of(session, merchant.id, "live").token


def knocks_at(ctx, token):
    with ctx.db.read() as session:
        found = webhook_endpoints.by_token(session, token)
        return found and found.merchant_id


def test_paypal_reports_at_the_address_that_was_entered_there_since_the_backup(ctx, merchant, lose, restarted):
    given = []
    lose(lambda: given.append(address(ctx, merchant)))
    assert knocks_at(ctx, given[0]) is None
    recovered(restarted)
    assert knocks_at(ctx, given[0]) == merchant.id


def test_an_address_that_the_restored_portal_made_anew_gives_way_to_the_first(ctx, merchant, lose, restarted):
    given = []
    lose(lambda: given.append(address(ctx, merchant)))
    here = restarted()
    assert here.is_restored
    anew = address(here, merchant)
    recovered(restarted)
    assert (knocks_at(ctx, given[0]), knocks_at(ctx, anew)) == (merchant.id, None)
    assert address(ctx, merchant) == given[0]


def test_a_host_that_was_given_up_does_not_come_back(ctx, names, merchant, with_host, lose, restarted):
    with_host(merchant)
    lose(lambda: own_hosts.give_up(ctx, merchant.id, by=SAM, now=utc_now()))
    recovered(restarted)
    own_hosts.check_all(ctx, now=utc_now())
    assert active(ctx, merchant) is None
    assert not may_have_a_certificate(ctx, now=utc_now() + 31 * DAY)


def test_a_host_is_whose_it_became_since(ctx, make, names, merchant, with_host, lose, restarted):
    other = make.merchant(slug="other", name="Other")
    with_host(merchant)

    def move():
        own_hosts.give_up(ctx, merchant.id, by=SAM, now=utc_now())
        with_host(other)

    lose(move)
    recovered(restarted)
    own_hosts.check_all(ctx, now=utc_now())
    assert (active(ctx, merchant), active(ctx, other)) == (None, HOST)
    with ctx.db.read() as session:
        assert host_queries.visited(session, HOST, now=utc_now()) == ("other", True)


def active(ctx, merchant):
    with ctx.db.read() as session:
        return session.get_one(Merchant, merchant.id).own_host


def may_have_a_certificate(ctx, *, now):
    with ctx.db.read() as session:
        return host_queries.is_proved(session, HOST, now=now)
