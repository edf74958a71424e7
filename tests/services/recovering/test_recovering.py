"""What a restore brings with it beside the drill: the gate, who asked again, what cannot be trusted."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.ends.end_requests import RequestState
from portal.extensions import Database
from portal.journal.gathering import Journal
from portal.migrating import downgrade, upgrade
from portal.models import AuditEntry, Installation, JournalEntry, LoginSession, Mail, MailState, Merchant
from portal.queries.people.people import Kind
from portal.secrets import Vault
from portal.services import recovering, restores
from portal.services.audit import audit_checks
from portal.services.people.sessions import Visitor, open_for
from tests.conftest import MASTER_KEYS
from tests.services.carrying.carried import ask, carry
from tests.services.recovering.backups import told
from tests.services.recovering.rewriting import written_anew
from tests.services.recovering.stories import found, let_leave

AT = "2026-01-01T00:00:00+00:00"
SAID = json.dumps({"number": 1, "at": AT})


@pytest.fixture
def subscription(make):
    return make.subscription(merchant=make.merchant())


@pytest.fixture
def lost(ctx, make, subscription, backup):
    """A request that was made after the backup, which is then restored."""
    copy = backup()
    request = ask(ctx, make, subscription)
    copy.restore()
    return request


def installation(ctx):
    with ctx.db.read() as session:
        return session.get_one(Installation, 1)


def segments_of(journal):
    return journal.folder.paths()


def test_until_it_is_recovered_nothing_leaves_and_what_people_ask_is_taken(
    ctx, make, paypal, mailer, lost, restarted, subscription
):
    here = restarted()
    sent = len(mailer.sent)
    second = ask(here, make, make.reload(subscription))
    tried = carry(here, second)
    let_leave(here)

    assert (tried.state, tried.trouble, tried.attempts) == (RequestState.RECORDED, None, 0)
    assert paypal.cancelled == []
    assert len(mailer.sent) == sent
    with here.db.read() as session:
        assert set(session.scalars(select(Mail.state))) == {MailState.WAITING}


def test_a_process_that_did_not_look_yet_looks_before_it_sends(ctx, make, paypal, lost, restarted, subscription):
    carry(restarted(), ask(ctx, make, subscription))
    assert paypal.cancelled == []
    assert installation(ctx).restored_why == restores.BEHIND


def test_who_asked_again_since_the_restore_is_ended_once_and_by_what_they_asked_first(
    ctx, make, paypal, lost, restarted, subscription
):
    here = restarted()
    assert here.is_restored
    second = ask(here, make, subscription)
    report = recovering.recover(here, now=utc_now())

    assert report.asked_again == [second.reference]
    assert found(here, lost).state is RequestState.RECORDED
    assert found(here, second).state is RequestState.WITHDRAWN
    assert carry(restarted(), lost).state is RequestState.CONFIRMED
    assert paypal.cancelled == [subscription.provider_id]


def test_what_was_changed_since_the_restore_is_kept(ctx, make, backup, restarted, subscription):
    copy = backup()
    with ctx.db.begin() as session:
        session.execute(update(type(make.merchant())).values(name="Lost"))
    copy.restore()
    here = restarted()
    assert here.is_restored
    merchant_id = subscription.merchant_id
    with here.db.begin() as session:
        session.execute(update(type(make.merchant())).values(name="Newer"))
    recovering.recover(here, now=utc_now())
    with here.db.read() as session:
        assert session.scalar(select(type(make.merchant()).name).filter_by(id=merchant_id)) == "Newer"


def test_a_second_recovery_finds_nothing_and_changes_nothing(ctx, lost, restarted, database_url):
    recovering.recover(restarted(), now=utc_now())
    before = told(database_url)
    report = recovering.recover(restarted(), now=utc_now())
    assert (report.unknown, report.put.total()) == (0, 0)
    assert told(database_url) == before


def test_a_dry_run_says_what_is_missing_and_changes_nothing(ctx, lost, restarted, database_url):
    here = restarted()
    assert here.is_restored
    before = told(database_url)
    report = recovering.recover(here, now=utc_now(), dry_run=True)
    assert report.put["end_requests"] == 1
    assert told(database_url) == before
    assert restarted().is_restored


def test_only_one_recovery_runs(lost, restarted, database_url):
    here = restarted()
    with psycopg.connect(database_url) as other:
        other.execute(f"SELECT pg_advisory_lock({recovering.ONE_AT_A_TIME})")
        with pytest.raises(recovering.RecoveryRuns):
            recovering.recover(here, now=utc_now())
        other.execute(f"SELECT pg_advisory_unlock({recovering.ONE_AT_A_TIME})")  # the server notices a closed one late
    assert recovering.recover(here, now=utc_now()).put["end_requests"] == 1


def test_the_chain_says_where_it_was_cut_and_holds(ctx, lost, restarted, subscription):
    recovering.recover(restarted(), now=utc_now())
    with ctx.db.read() as session:
        rows = session.scalars(select(AuditEntry).order_by(AuditEntry.number)).all()
    (cut,) = [row for row in rows if row.act == "merchant.recovered"]
    assert cut.details["had_reached"] > cut.details["cut_after"] == cut.number - 1
    assert audit_checks.check(ctx.db, subscription.merchant_id).found is None


def test_nobody_stays_logged_in_over_a_restore(ctx, make, backup, restarted, subscription):
    with ctx.db.begin() as session:
        who = Kind.CUSTOMER, subscription.merchant_id, subscription.customer_id
        open_for(session, *who, visitor=Visitor(), now=utc_now())
    copy = backup()
    ask(ctx, make, subscription)
    copy.restore()
    assert restarted().is_restored
    with ctx.db.read() as session:
        assert session.scalars(select(LoginSession)).all() == []


def test_numbers_go_on_behind_those_of_the_journal(ctx, make, lost, restarted, subscription):
    known = max(tail.number for tail in ctx.db.journal.folder.tails())
    assert restarted().is_restored
    ask(ctx, make, make.subscription())
    with ctx.db.read() as session:
        newest = session.scalars(select(JournalEntry.number).order_by(JournalEntry.number.desc())).first()
    assert newest > known


def test_a_database_that_was_not_restored_is_served(ctx, make, paypal, subscription, restarted):
    request = carry(restarted(), ask(ctx, make, subscription))
    assert request.state is RequestState.CONFIRMED
    assert not restarted().is_restored


def test_a_torn_last_line_keeps_none_of_the_others(ctx, lost, restarted, journal):
    (path,) = segments_of(journal)
    with path.open("ab") as file:
        file.write(b"99999 0000 half a li")
    report = recovering.recover(restarted(), now=utc_now())
    assert (len(report.torn), report.flaws) == (1, [])
    assert found(ctx, lost).reference == lost.reference


def test_a_line_that_was_changed_is_not_believed_and_said(ctx, lost, restarted, journal):
    (path,) = segments_of(journal)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[0] = lines[0].replace(b"A", b"B")
    path.write_bytes(b"".join(lines))
    report = recovering.recover(restarted(), now=utc_now())
    assert any("line 1 " in flaw for flaw in report.flaws)


def test_the_file_of_another_installation_with_our_keys_stops_everything(ctx, make, subscription, restarted, journal):
    """A copy for trying things out, with the real journal and the real keys, must never reach PayPal."""
    other = Journal(journal.folder.path, Vault(MASTER_KEYS))
    other._pen.write("0" * 32, [(1, AT, SAID)])
    here = restarted()
    assert here.is_restored
    assert installation(ctx).restored_why == restores.FOREIGN
    with pytest.raises(recovering.OtherInstallation) as refused:
        recovering.recover(here, now=utc_now())
    assert refused.value.names == ["0" * 32]


def test_the_file_of_another_installation_with_other_keys_is_left_alone(ctx, make, lost, restarted, journal):
    other = Journal(journal.folder.path, Vault((("other", bytes(range(1, 33))),)))
    other._pen.write("0" * 32, [(10**6, AT, SAID)])
    report = recovering.recover(restarted(), now=utc_now())
    assert len(report.strange) == 1
    assert found(ctx, lost).reference == lost.reference


def test_a_backup_from_before_the_journal_is_recovered_once_it_is_adopted(
    ctx, make, backup, restarted, subscription, database_url
):
    ctx.db.dispose()
    downgrade(database_url, "0063")
    copy = backup()
    upgrade(database_url)
    ctx.db.journal.close()
    for path in segments_of(ctx.db.journal):
        path.unlink()  # of before
    name = installation(ctx).name.hex
    request = ask(ctx, make, subscription)
    copy.restore()
    upgrade(database_url)

    here = restarted()
    assert here.is_restored
    with pytest.raises(recovering.OtherInstallation):
        recovering.recover(here, now=utc_now())
    report = recovering.recover(here, now=utc_now(), adopt=[name])
    assert report.unplaced == []
    assert found(here, request).state is RequestState.RECORDED
    assert make.reload(subscription).end_requested_at is not None
    assert not restarted().is_restored


LATER = {"postal_address", "notices_left_out"}  # that an older release did not know


def of_an_older_release(said):
    image = {name: value for name, value in (said["image"] or {}).items() if name not in LATER}
    return {**said, "image": image | {"was_once": 1}} if said["of_table"] == "merchants" else said


def test_what_an_older_release_wrote_is_put_back_as_far_as_this_one_has_a_place_for_it(
    ctx, make, backup, restarted, journal, subscription
):
    """Columns that came since take their default, one that went is passed over, a table that went is said."""
    copy = backup()
    newer = make.merchant(slug="newer", name="Newer", key=False, postal_address="1 rue Haute")
    written_anew(ctx, journal, as_told=of_an_older_release)
    at = utc_now().isoformat()
    gone = {"number": 10**6, "at": at, "of_table": "letters", "key": "1", "act": "is", "image": {"id": 1}}
    journal._pen.write(installation(ctx).name.hex, [(10**6, at, json.dumps(gone))])
    copy.restore()

    report = recovering.recover(restarted(), now=utc_now())
    assert report.unplaced == ["letters: no such table is kept"]
    with ctx.db.read() as session:
        row = session.get_one(Merchant, newer.id)
    assert (row.slug, row.name, row.postal_address, row.notices_left_out) == ("newer", "Newer", "", [])


def test_a_message_that_waited_when_the_backup_was_lost_is_sent_once(ctx, make, mailer, lost, restarted):
    here = restarted()
    recovering.recover(here, now=utc_now())
    later = utc_now() + timedelta(hours=1)
    let_leave(here, now=later)
    let_leave(here, now=later)
    assert len(mailer.sent) == len({letter.message_id for letter in mailer.sent}) > 0


def test_a_restore_is_noticed_by_a_process_that_had_seen_the_whole_journal_before(
    ctx, make, paypal, backup, subscription
):
    copy = backup()
    ask(ctx, make, subscription)
    assert not ctx.is_restored
    copy.restore()
    make.reload(subscription)  # whoever sends something has read it before
    assert ctx.is_restored


def test_a_database_that_only_reads_lets_nothing_out_and_is_not_said_to_be_restored(ctx, journal, database_url):
    """A replica: the desk must not tell of a backup that nobody restored."""
    joint = "&" if "?" in database_url else "?"
    reading = Database(f"{database_url}{joint}options=-c%20default_transaction_read_only%3Don")
    reading.keep_journal(journal)
    gate = restores.Gate(reading)
    assert (gate.is_shut(), gate.is_restored()) == (True, False)
    reading.dispose()


def test_what_has_no_place_is_said_and_keeps_the_gate_shut_for_nobody(ctx, lost, restarted, journal):
    here = restarted()
    assert here.is_restored
    note = {"id": str(uuid.uuid4()), "merchant_id": str(uuid.uuid4()), "customer_id": str(uuid.uuid4())}
    at = utc_now().isoformat()
    image = note | {"text": "Lost", "author_name": "Anne", "created_at": at}
    said = {"number": 10**6, "at": at, "of_table": "customer_notes", "key": note["id"], "act": "is", "image": image}
    journal._pen.write(installation(ctx).name.hex, [(10**6, at, json.dumps(said))])

    report = recovering.recover(here, now=utc_now())
    assert [one.split()[:2] for one in report.unplaced] == [["customer_notes", note["id"]]]
    assert found(ctx, lost).state is RequestState.RECORDED
    assert not restarted().is_restored
