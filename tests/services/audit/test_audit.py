"""The audit chain: what is appended when, what the database refuses, and what a check finds."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import re
import threading
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError

from portal.domain.audit import OPERATOR, PORTAL, Act, By, Flaw, Found
from portal.domain.policies import Actor
from portal.models import AuditEntry, Customer, Subscription, TimelineKind
from portal.queries import subscriptions
from portal.services import settings
from portal.services.audit import audit, audit_checks, audit_exports, timeline
from portal.services.audit.audit_exports import Format
from portal.services.ends import end_requests
from portal.services.settings import Cancellation
from tests.services.carrying.carried import wish_of

# The end as it was one row before.
HEAD_BACK = (
    "UPDATE audit_heads h SET number = 5, hash = (SELECT e.hash FROM audit_entries e"
    " WHERE e.merchant_id = h.merchant_id AND e.number = 5)"
)


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def chain(ctx, merchant, now):
    """A chain of six rows; return a reader of it."""
    for number in range(6):
        with ctx.db.begin() as session:
            audit.append(session, merchant.id, Act.SETTINGS_CHANGED, by=OPERATOR, at=now, place=number, word="é")
    return lambda: rows_of(ctx, merchant.id)


def rows_of(ctx, merchant_id):
    with ctx.db.read() as session:
        return session.scalars(
            select(AuditEntry).where(AuditEntry.merchant_id == merchant_id).order_by(AuditEntry.number)
        ).all()


def acts(ctx, merchant_id):
    return [row.act for row in rows_of(ctx, merchant_id)]


def tamper(ctx, *statements):
    """What somebody who owns the tables could do."""
    with psycopg.connect(ctx.db.url) as connection:
        for table in ("audit_entries", "audit_heads"):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            connection.execute(statement)
        for table in ("audit_entries", "audit_heads"):
            connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def test_each_hash_covers_the_row_and_the_hash_before_it(chain, merchant):
    rows = chain()
    assert [row.number for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row.previous_hash for row in rows] == ["0" * 64, *(row.hash for row in rows[:-1])]
    third = rows[2]
    at = third.at.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
    text = (
        f'{{"act":"settings.changed","actor":"system","actor_id":null,"at":"{at}","channel":"command_line",'
        f'"details":{{"place":2,"word":"é"}},"merchant_id":"{merchant.id}","number":3,'
        f'"previous_hash":"{rows[1].hash}","subject_id":null,"subject_kind":""}}'
    )
    assert third.hash == hashlib.sha256(text.encode("utf-8")).hexdigest()


def test_what_is_rolled_back_was_never_appended(ctx, merchant, now):
    def append(session, **details):
        audit.append(session, merchant.id, Act.KEY_SET, by=PORTAL, at=now, **details)

    with contextlib.suppress(ZeroDivisionError), ctx.db.begin() as session:
        append(session, kept=False)
        raise ZeroDivisionError
    with ctx.db.begin() as session:
        append(session, kept="first")
        with contextlib.suppress(ZeroDivisionError), session.begin_nested():
            append(session, kept=False)
            with session.begin_nested():  # released, then rolled back with the one around it
                append(session, kept=False)
            raise ZeroDivisionError
        with session.begin_nested():
            append(session, kept="inside")
        append(session, kept="last")
    assert [row.details["kept"] for row in rows_of(ctx, merchant.id)] == ["first", "inside", "last"]
    assert audit_checks.check(ctx.db, merchant.id).is_whole


def test_a_flush_that_fails_in_a_savepoint_takes_nothing_else_from_the_chain(ctx, make, merchant, now):
    """As in a page of an import: one bad row is undone alone, and the others' facts stay in the chain."""
    with ctx.db.begin() as session:
        for word in ("before", "bad", "after"):
            with contextlib.suppress(IntegrityError), session.begin_nested():
                audit.append(session, merchant.id, Act.KEY_SET, by=PORTAL, at=now, kept=word)
                if word == "bad":
                    session.add(Customer(merchant_id=None, name="x"))
                    session.flush()
    assert [row.details["kept"] for row in rows_of(ctx, merchant.id)] == ["before", "after"]


def test_only_what_the_database_gives_back_unchanged_may_stand_in_a_row(ctx, merchant, now):
    with ctx.db.begin() as session:
        for bad in (1.5, (1,), {"deep": [now]}, {1: "x"}, b"x"):
            with pytest.raises(TypeError):
                audit.append(session, merchant.id, Act.KEY_SET, by=PORTAL, at=now, value=bad)
    assert rows_of(ctx, merchant.id) == []


def test_a_transaction_that_appends_costs_two_statements_more(ctx, merchant, now, chain):
    seen = []
    event.listen(ctx.db.engine, "before_cursor_execute", lambda *what: seen.append(what[2]))
    with ctx.db.begin() as session:
        for _ in range(20):
            audit.append(session, merchant.id, Act.KEY_SET, by=PORTAL, at=now)
    assert [statement.split()[0] for statement in seen] == ["SELECT", "WITH"]
    seen.clear()
    with ctx.db.begin() as session:
        session.scalar(select(1))
    assert len(seen) == 1


def test_however_many_rows_a_transaction_appends_they_are_one_chain(ctx, merchant, now):
    with ctx.db.begin() as session:
        for number in range(130):
            audit.append(session, merchant.id, Act.KEY_SET, by=PORTAL, at=now, number=number)
    rows = rows_of(ctx, merchant.id)
    assert [(row.number, row.details["number"]) for row in rows] == [(number + 1, number) for number in range(130)]
    assert audit_checks.check(ctx.db, merchant.id).is_whole


def test_a_fact_of_a_subscription_is_chained_once_and_without_what_people_wrote(ctx, make, merchant, now):
    subscription = make.subscription(merchant=merchant)
    staff = By(actor=Actor.STAFF, actor_id=merchant.id, channel="staff", name="Anne")
    for _ in range(2):
        with ctx.db.begin() as session:
            row = subscriptions.lock(session, merchant.id, subscription.id)
            timeline.note(
                session,
                row,
                TimelineKind.ENDED,
                key="once",
                at=now,
                by=staff,
                note="Claire called",
                reference="K7QM-4TXD",
                said="she wrote to us",
                address="claire@client.test",
                amount=1.5,
                parts=["EUR", 2, None],
            )
    (entry,) = rows_of(ctx, merchant.id)
    assert (entry.act, entry.actor, entry.actor_id) == ("subscription.ended", Actor.STAFF, staff.actor_id)
    assert (entry.subject_kind, entry.subject_id) == ("subscription", subscription.id)
    assert entry.details == {
        "reference": "K7QM-4TXD",
        "parts": ["EUR", 2, None],
        "withheld": ["address", "amount", "note", "said"],
    }


def test_a_request_to_end_stands_in_the_chain_with_who_asked(ctx, make, merchant, now):
    subscription = make.subscription(merchant=merchant)
    wish = wish_of(subscription, reason_text="too dear")
    end_requests.record(ctx, wish, now=now)
    (entry,) = rows_of(ctx, merchant.id)
    assert (entry.act, entry.actor_id, entry.channel) == (
        "subscription.end_requested",
        subscription.customer_id,
        "portal",
    )
    assert "too dear" not in json.dumps(entry.details)


def test_settings_are_told_by_value_and_texts_by_name(ctx, merchant):
    switched = [merchant.self_cancellation, not merchant.self_cancellation]
    wish = Cancellation(self_cancellation=switched[1], cancellation_text="Écrivez à Zoé")
    for _ in range(2):  # the second time nothing changes
        settings.save(ctx, merchant.id, wish, by=OPERATOR)
    (entry,) = rows_of(ctx, merchant.id)
    number, proof = entry.details.pop("edit")
    assert entry.details == {"self_cancellation": switched, "texts": ["cancellation_text"]}
    assert (entry.subject_kind, number, len(proof)) == ("settings.cancellation", 1, 64)


@pytest.mark.law("R-GD-5")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET act = 'x' WHERE number = 2",
        "UPDATE audit_entries SET hash = hash",
        "DELETE FROM audit_entries WHERE number = 6",
        "TRUNCATE audit_entries",
        "SET session_replication_role = replica; DELETE FROM audit_entries",
        "UPDATE audit_heads SET number = 5",
        "UPDATE audit_heads SET hash = 'x'",
        "UPDATE audit_heads SET number = 7, merchant_id = gen_random_uuid()",
        "DELETE FROM audit_heads",
        "TRUNCATE audit_heads",
    ],
)
def test_the_database_itself_refuses(ctx, chain, merchant, statement):
    with psycopg.connect(ctx.db.url) as connection, pytest.raises(psycopg.errors.IntegrityError):
        connection.execute(statement)
    assert len(chain()) == 6
    assert audit_checks.check(ctx.db, merchant.id).is_whole


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (['UPDATE audit_entries SET details = \'{"place": 9, "word": "é"}\' WHERE number = 3'], ("changed", 3)),
        (["UPDATE audit_entries SET at = at + interval '1 microsecond' WHERE number = 6"], ("changed", 6)),
        (["UPDATE audit_entries SET actor = 'staff' WHERE number = 1"], ("changed", 1)),
        (["UPDATE audit_entries SET hash = repeat('a', 64) WHERE number = 3"], ("changed", 3)),
        (["DELETE FROM audit_entries WHERE number = 4"], ("missing", 4)),
        (["DELETE FROM audit_entries WHERE number = 1"], ("missing", 1)),
        (["DELETE FROM audit_entries WHERE number > 4"], ("cut_off", 5)),
        (["DELETE FROM audit_entries"], ("cut_off", 1)),
        (
            [
                "UPDATE audit_entries SET number = -3 WHERE number = 3",
                "UPDATE audit_entries SET number = 3 WHERE number = 5",
                "UPDATE audit_entries SET number = 5 WHERE number = -3",
            ],
            ("moved", 3),
        ),
        (["UPDATE audit_heads SET number = 5"], ("other_end", 5)),
        (["UPDATE audit_heads SET number = 7"], ("cut_off", 7)),
        (["UPDATE audit_heads SET hash = repeat('b', 64)"], ("other_end", 6)),
        (["DELETE FROM audit_heads"], ("beyond_end", 1)),
        (["UPDATE audit_entries SET number = 0 WHERE number = 6", HEAD_BACK], ("beyond_end", 0)),
    ],
)
def test_a_check_finds_the_first_row_that_is_wrong(ctx, chain, merchant, statements, found):
    tamper(ctx, *statements)
    verdict = audit_checks.check(ctx.db, merchant.id)
    assert verdict.found == Found(Flaw(found[0]), found[1])
    assert not verdict.is_whole


def test_a_row_of_another_merchant_does_not_fit_in(ctx, make, chain, merchant, now):
    other = make.merchant(slug="other")
    for _ in range(7):
        with ctx.db.begin() as session:
            audit.append(session, other.id, Act.KEY_SET, by=PORTAL, at=now)
    theirs = "merchant_id = (SELECT id FROM merchants WHERE slug <> 'other')"
    tamper(
        ctx,
        f"UPDATE audit_entries SET {theirs} WHERE number = 7",  # noqa: S608 - a constant of this test
        f"UPDATE audit_heads SET number = 7 WHERE {theirs}",  # noqa: S608
    )
    assert audit_checks.check(ctx.db, merchant.id).found == Found(Flaw.MOVED, 7)
    assert audit_checks.check(ctx.db, other.id).found == Found(Flaw.CUT_OFF, 7)


def test_a_chain_written_anew_is_found_by_what_was_written_down(ctx, chain, merchant, now):
    before = audit_checks.check(ctx.db, merchant.id)
    assert audit_checks.check(ctx.db, merchant.id, expect=(before.last, before.last_hash)).is_whole
    tamper(ctx, "DELETE FROM audit_entries", "DELETE FROM audit_heads")
    for number in range(7):
        with ctx.db.begin() as session:
            audit.append(session, merchant.id, Act.KEY_SET, by=PORTAL, at=now, place=number)
    assert audit_checks.check(ctx.db, merchant.id).is_whole
    expected = audit_checks.check(ctx.db, merchant.id, expect=(before.last, before.last_hash))
    assert expected.found == Found(Flaw.NOT_EXPECTED, 6)
    assert audit_checks.check(ctx.db, merchant.id, expect=(9, "0" * 64)).found == Found(Flaw.CUT_OFF, 8)


def test_a_check_may_stop_on_the_way(ctx, chain, merchant):
    verdict = audit_checks.check(ctx.db, merchant.id, most=4)
    assert (verdict.checked, verdict.last, verdict.found, verdict.is_whole) == (4, 6, None, False)


def test_many_at_once_leave_no_gap_and_never_wait_for_each_other(ctx, make, merchant, now):
    """Each transaction locks two subscriptions after it appended, in a random order of its own merchants' too."""
    other = make.merchant(slug="other")
    held = [make.subscription(merchant=merchant) for _ in range(6)]
    troubles, kept = [], []

    def work(seed: int) -> None:
        dice = random.Random(seed)
        for turn in range(8):
            lost = dice.random() < 0.25
            try:
                with ctx.db.begin() as session:
                    for one in dice.sample([merchant, other], 2):
                        audit.append(session, one.id, Act.KEY_SET, by=PORTAL, at=now, seed=seed, turn=turn)
                    for one in sorted(dice.sample(held, 2), key=lambda row: row.id):
                        row = subscriptions.lock(session, merchant.id, one.id)
                        row.next_payment_at = now + timedelta(seconds=turn)
                    if lost:
                        raise ZeroDivisionError
                kept.append((seed, turn))
            except ZeroDivisionError:
                pass
            except Exception as error:  # a deadlock is told here
                troubles.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    for one in (merchant, other):
        rows = rows_of(ctx, one.id)
        assert [row.number for row in rows] == list(range(1, len(kept) + 1))
        assert {(row.details["seed"], row.details["turn"]) for row in rows} == set(kept)
        assert audit_checks.check(ctx.db, one.id).is_whole


def test_the_end_of_the_chain_is_locked_after_everything_else(ctx, make, merchant, now):
    """Even what the session writes only when it commits comes before."""
    subscription = make.subscription(merchant=merchant)
    seen = []
    event.listen(ctx.db.engine, "before_cursor_execute", lambda *what: seen.append(what[2]))
    with ctx.db.begin() as session:
        row = session.get_one(Subscription, subscription.id)
        audit.append(session, merchant.id, Act.KEY_SET, by=PORTAL, at=now)
        row.next_payment_at = now
    order = [next(word for word in ("UPDATE subscriptions", "audit_heads", "") if word in one) for one in seen]
    assert order.index("UPDATE subscriptions") < order.index("audit_heads")


def test_json_lines_can_be_checked_without_the_portal(ctx, chain, merchant, now, tmp_path, capsys, monkeypatch):
    text = "".join(audit_exports.export(ctx, merchant.id, Format.JSONL, by=OPERATOR, now=now))
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["number"] for line in lines] == [1, 2, 3, 4, 5, 6, 7]
    assert lines[-1]["act"] == "export.audit"
    guide = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    script = re.search(r"```python\n(.*?audit\.jsonl.*?)```", guide, re.DOTALL)[1]
    monkeypatch.chdir(tmp_path)
    Path("audit.jsonl").write_text(text, encoding="utf-8")
    exec(script, {})  # noqa: S102 - the documented check, word for word
    assert lines[-1]["hash"] in capsys.readouterr().out
    Path("audit.jsonl").write_text(text.replace('"place":3', '"place":4'), encoding="utf-8")
    with pytest.raises(SystemExit, match="4"):
        exec(script, {})  # noqa: S102


def test_a_span_of_days_is_exported_without_gaps(ctx, merchant, now):
    for hours in (-50, -2, -26, -1):
        with ctx.db.begin() as session:
            audit.append(session, merchant.id, Act.KEY_SET, by=PORTAL, at=now + timedelta(hours=hours), h=hours)
    text = "".join(
        audit_exports.export(ctx, merchant.id, Format.JSONL, by=OPERATOR, since=now - timedelta(hours=3), now=now)
    )
    assert [json.loads(line)["number"] for line in text.splitlines()] == [2, 3, 4, 5]


def test_a_csv_of_the_chain_is_no_program_for_a_spreadsheet(ctx, merchant, now):
    with ctx.db.begin() as session:
        audit.append(session, merchant.id, Act.KEY_SET, by=By(channel="=1+1"), at=now)
    text = "".join(audit_exports.export(ctx, merchant.id, Format.CSV, by=OPERATOR, now=now))
    assert ';"\'=1+1";' in text
    assert "paypal_key.set" in acts(ctx, merchant.id)
