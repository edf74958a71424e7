"""Files that a merchant brings, at the edges: what lines say twice, what changes between parts, who may no longer."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select, text, update

from portal.domain.audit import OPERATOR
from portal.domain.desk.file_imports import Brought, FileImportState
from portal.domain.policies import Role
from portal.models import AddressChange, AuditEntry, Customer, FileImport, FileImportPart, Grant, Mail, Merchant
from portal.queries.people import merchants
from portal.services.handing_over import CutOff
from portal.services.imports import file_import_reports, file_import_running, file_imports
from portal.services.imports.file_imports import TooManyFiles
from portal.services.merchants import standings
from portal.services.people import staff_logins
from tests.services.imports.bringing import bring, check, counts, found, go, run, who, whole, why
from tests.web.conftest import PASSWORD


@pytest.mark.parametrize("records", [2, 500])
def test_a_line_that_repeats_a_refused_one_is_refused_for_the_same_reason(
    ctx, make, merchant, staff, monkeypatch, now, records
):
    """Nothing of it is known already: the line before did nothing."""
    monkeypatch.setattr("portal.services.imports.file_import_reading.RECORDS", records)
    make.product(merchant, name="Club")
    lines = "email;product\nthem@client.test;Club\nus@client.test;Club\nthem@client.test;Club\nthem@client.test;Club\n"
    held = whole(ctx, staff, lines, Brought.GRANTS, now=now)
    assert (counts(held), why(ctx, held.id)) == ((0, 0, 0, 4), dict.fromkeys((2, 3, 4, 5), "unknown_customer"))
    lines = "external_id;name\nA7;Zoé\nA8;Ian\nA7;Zoé\n"
    held = whole(ctx, staff, lines, now=now)
    assert (counts(held), why(ctx, held.id)) == ((0, 0, 0, 3), dict.fromkeys((2, 3, 4), "needs_email"))


def test_an_address_whose_link_ran_out_is_asked_anew(ctx, make, merchant, staff, now):
    make.customer(merchant, email=None, name="Nobody", external_id="N1")
    line = "external_id;email\nN1;new@client.test\n"
    assert counts(whole(ctx, staff, line, now=now)) == (0, 1, 0, 0)
    with ctx.db.read() as session:
        over = session.scalars(select(AddressChange.expires_at)).one()
    for moment, expected in ((over - timedelta(minutes=1), (0, 0, 1, 0)), (over, (0, 1, 0, 0))):
        with time_machine.travel(moment):
            assert counts(whole(ctx, staff, line, now=moment)) == expected, "as at the desk"


@pytest.mark.parametrize("zone", ["America/Havana", "Africa/Cairo", "Asia/Beirut", "America/Asuncion"])
def test_a_gift_on_the_day_whose_midnight_there_is_not_or_twice_is_known_again(ctx, make, merchant, staff, now, zone):
    with ctx.db.begin() as session:
        session.execute(update(Merchant).where(Merchant.id == merchant.id).values(time_zone=zone))
    make.product(merchant, name="Club")
    days = [f"2127-{month:02}-{day:02}" for month in (3, 4, 10, 11) for day in range(1, 31)]
    for n, _day in enumerate(days):
        make.customer(merchant, email=f"p{n}@client.test")
    lines = "".join(f"p{n}@client.test;Club;{day};{day}\n" for n, day in enumerate(days))
    content = "email;product;since;until\n" + lines
    assert counts(whole(ctx, staff, content, Brought.GRANTS, now=now)) == (120, 0, 0, 0)
    assert counts(whole(ctx, staff, content, Brought.GRANTS, now=now)) == (0, 0, 120, 0)


@pytest.mark.parametrize("never", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+02:00", "9999-12-31", "0001-01-01"])
def test_never_as_programs_write_it_is_no_date_and_the_lines_around_it_are_checked(
    ctx, make, merchant, staff, now, never
):
    make.product(merchant, name="Club")
    make.customer(merchant, email="zoe@client.test")
    content = f"email;product;until\nzoe@client.test;Club;{never}\nzoe@client.test;Club;2127-04-03\n"
    made = bring(ctx, staff, content, Brought.GRANTS, now=now)
    held = check(ctx, staff, made, now=now)
    assert (held.state, counts(held)) == (FileImportState.CHECKED, (1, 0, 0, 1))
    assert why(ctx, made) == {2: "bad_date"}


GIFTS = [
    "email;external_id;product;since;until",
    "zoe@client.test;;Club;2126-01-01;2126-01-31",
    "zoe@client.test;;Club;2126-03-01;2126-03-31",
    "ian@client.test;;Club;2126-01-01;",
    "zoe@client.test;;Cours;2126-01-15;2126-02-15",
    "zoe@client.test;;Club;2126-01-31;2126-02-15",  # meets line 2
    ";A7;Club;2126-03-01;2126-03-31",  # is line 3, said otherwise
    ";A7;Club;2126-02-01;2126-02-28",  # between the two
    "zoe@client.test;;Club;2126-02-10;2126-02-11",  # meets line 8
    "ian@client.test;;Club;2127-01-01;",  # line 4 is for good
    "zoe@client.test;;Club;2126-04-01;",
]


@pytest.mark.parametrize("records", [1, 2, 3, 500])
def test_a_check_foresees_gifts_that_meet_in_two_parts_of_the_file(
    ctx, make, merchant, staff, monkeypatch, now, records
):
    monkeypatch.setattr("portal.services.imports.file_import_reading.RECORDS", records)
    make.product(merchant, name="Club")
    make.product(merchant, name="Cours")
    make.customer(merchant, email="zoe@client.test", external_id="A7")
    make.customer(merchant, email="ian@client.test")
    made = bring(ctx, staff, "\n".join(GIFTS), Brought.GRANTS, now=now)
    expected = {6: "overlaps", 9: "overlaps", 10: "overlaps"}
    assert (counts(check(ctx, staff, made, now=now)), why(ctx, made)) == ((6, 0, 1, 3), expected)
    assert (counts(run(ctx, staff, made, now=now)), why(ctx, made)) == ((6, 0, 1, 3), expected)


def test_a_product_without_an_id_of_the_merchants_is_not_called_none(ctx, make, merchant, staff, now):
    make.product(merchant, name="Club", external_id=None)
    make.customer(merchant, email="zoe@client.test")
    held = whole(ctx, staff, "email;product\nzoe@client.test;None\n", Brought.GRANTS, now=now)
    assert (counts(held), why(ctx, held.id)) == ((0, 0, 0, 1), {2: "unknown_product"})
    with ctx.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Grant)) == 0


def report(ctx, staff, made, now):
    def words(place, why_, _other):
        return f"c{place}", why_.value

    head = ("Line", "Column", "What is wrong")
    return "".join(file_import_reports.refused(ctx, staff.merchant_id, made, head, words, by=who(staff), now=now))


def test_the_report_of_a_corrected_report_can_be_brought_again(ctx, staff, now):
    made = bring(ctx, staff, "email;name\nwrong;A\n", now=now)
    check(ctx, staff, made, now=now)
    again = bring(ctx, staff, report(ctx, staff, made, now).replace('"A"', '"B"'), now=now)
    check(ctx, staff, again, ["", "", "", "email", "name"], now=now)
    told = report(ctx, staff, again, now)
    assert told.removeprefix("\ufeff").splitlines() == [
        '"Line";"Column";"What is wrong";"email";"name"',
        '"2";"c3";"bad_email";"wrong";"B"',
    ]
    assert found(ctx, bring(ctx, staff, told, now=now)).header == ["Line", "Column", "What is wrong", "email", "name"]


@pytest.mark.parametrize("own", ["Line", "line", "COLUMN"])
def test_a_column_of_the_merchants_that_is_called_as_one_of_ours_stays_in_every_report(ctx, staff, now, own):
    made = bring(ctx, staff, f"email;{own};name\nwrong;77;A\n", now=now)
    check(ctx, staff, made, ["email", "", "name"], now=now)
    told = report(ctx, staff, made, now)
    first, line = (row.split(";") for row in told.removeprefix("\ufeff").splitlines())
    assert (first[3:], line[3:]) == (['"email"', f'"{own}"', '"name"'], ['"wrong"', '"77"', '"A"'])
    again = bring(ctx, staff, told, now=now)
    check(ctx, staff, again, ["", "", "", "email", "", "name"], now=now)
    assert report(ctx, staff, again, now) == told.replace('"2";"c0"', '"2";"c3"')


FIVE = "email\n" + "".join(f"p{n}@client.test\n" for n in range(5))


def test_nobody_waits_for_the_merchant_while_a_file_is_stored(ctx, merchant, staff, small, monkeypatch, now):
    store, seen = file_imports._store, []

    def storing(*given):
        with ctx.db.begin() as session:
            session.execute(text("SET LOCAL lock_timeout = '200ms'"))
            seen.append(merchants.lock(session, merchant.id).id)
        store(*given)

    monkeypatch.setattr(file_imports, "_store", storing)
    bring(ctx, staff, FIVE, now=now)
    assert seen == [merchant.id] * 3, "two lines a part"


def test_of_two_files_that_come_at_once_one_is_too_many_and_nothing_of_it_is_kept(ctx, staff, monkeypatch, now):
    for _number in range(4):
        bring(ctx, staff, FIVE, now=now)
    store = file_imports._store

    def storing(*given):
        monkeypatch.setattr(file_imports, "_store", store)
        bring(ctx, staff, FIVE, now=now)
        store(*given)

    monkeypatch.setattr(file_imports, "_store", storing)
    with pytest.raises(TooManyFiles):
        bring(ctx, staff, FIVE, now=now)
    with ctx.db.read() as session:
        assert [session.scalar(select(func.count()).select_from(row)) for row in (FileImport, FileImportPart)] == [5, 5]


def begun(ctx, staff, now):
    """A run whose first part is done."""
    made = bring(ctx, staff, FIVE, now=now)
    check(ctx, staff, made, now=now)
    file_imports.run(ctx, staff.merchant_id, made, by=who(staff), now=now)
    file_import_running.do_part(ctx, made, found(ctx, made).attempt, now=now)
    return made


@pytest.mark.parametrize("lost", ["role = 'support'", "disabled_at = now()"])
def test_a_run_stops_when_who_started_it_may_import_no_more(ctx, staff, small, now, lost):
    made = begun(ctx, staff, now)
    with ctx.db.begin() as session:
        session.execute(text(f"UPDATE memberships SET {lost}"))  # noqa: S608
    held = go(ctx, made)
    assert (held.state, held.done) == (FileImportState.STOPPED, 2)
    with ctx.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Customer)) == 2
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.number.desc())).first()
    assert (last.act, last.actor, last.details["done"]) == ("file_import.stopped", "system", 2)


def test_a_run_of_a_suspended_merchant_stops_and_goes_on_once_it_is_lifted(ctx, merchant, staff, small, now):
    made = begun(ctx, staff, now)
    standings.suspend(ctx, merchant.id, why="The invoice of May is unpaid.", by=OPERATOR, now=now)
    assert go(ctx, made).state is FileImportState.STOPPED
    standings.resume(ctx, merchant.id, by=OPERATOR, now=now)
    held = run(ctx, staff, made, now=now)
    assert (held.state, counts(held)) == (FileImportState.DONE, (5, 0, 0, 0))


def test_a_product_that_goes_while_a_file_runs_is_unknown_from_then_on(ctx, make, merchant, staff, small, now):
    product = make.product(merchant, name="Club")
    for n in range(4):
        make.customer(merchant, email=f"p{n}@client.test")
    content = "email;product\n" + "".join(f"p{n}@client.test;Club\n" for n in range(4))
    made = bring(ctx, staff, content, Brought.GRANTS, now=now)
    assert counts(check(ctx, staff, made, now=now)) == (4, 0, 0, 0)
    file_imports.run(ctx, staff.merchant_id, made, by=who(staff), now=now)
    file_import_running.do_part(ctx, made, found(ctx, made).attempt, now=now)
    with ctx.db.begin() as session:
        session.execute(text("UPDATE products SET name = 'Cercle'"))
    held = go(ctx, made)
    assert (counts(held), why(ctx, made)) == ((2, 0, 0, 2), {4: "unknown_product", 5: "unknown_product"})
    assert product


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("zoe@client.test", "ZOE@Client.Test"),
        ("é@client.test", "e\u0301@client.test"),
        ("z@bücher.test", "z@xn--bcher-kva.test"),
    ],
)
def test_two_spellings_of_one_address_are_one_customer(ctx, staff, now, first, second):
    held = whole(ctx, staff, f"email;name\n{first};A\n{second};A\n{second};B\n", now=now)
    assert (counts(held), why(ctx, held.id)) == ((1, 0, 1, 1), {4: "said_otherwise"})


def test_the_same_file_twice_at_once_does_everything_once(ctx, staff, small, now):
    both = [bring(ctx, staff, FIVE, now=now) for _time in range(2)]
    for made in both:
        check(ctx, staff, made, now=now)
        file_imports.run(ctx, staff.merchant_id, made, by=who(staff), now=now)
    turns = [(made, found(ctx, made).attempt) for made in both]
    for _part in range(4):
        for made, attempt in turns:
            file_import_running.do_part(ctx, made, attempt, now=now)
    assert [counts(found(ctx, made)) for made in both] == [(5, 0, 0, 0), (0, 0, 5, 0)]


def told(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(Mail).where(Mail.kind == "staff_import_finished").order_by(Mail.key)).all()


def test_who_had_a_file_imported_is_written_to_when_it_is_done(ctx, merchant, staff, now):
    """And who had a long one checked: a short check is over before its page is left."""
    whose = {"merchant_id": merchant.id, "email": "robin@atelier.test", "name": "Robin", "role": Role.MANAGER}
    with ctx.db.begin() as session:
        robin = staff_logins.create_staff(ctx, session, password=PASSWORD, **whose).staff
    made = bring(ctx, staff, FIVE, now=now)
    check(ctx, staff, made, now=now)
    assert told(ctx) == []
    run(ctx, robin, made, now=now)
    (mail,) = told(ctx)
    assert mail.recipient == "robin@atelier.test"


@pytest.mark.parametrize("lost", ["role = 'owner'", "role = 'support'", "disabled_at = now()"])
def test_a_long_check_is_told_to_who_asked_unless_they_may_import_no_more(ctx, staff, monkeypatch, now, lost):
    monkeypatch.setattr(file_import_running, "AT_ONCE", 4)
    made = bring(ctx, staff, FIVE, now=now)
    match = file_imports.match_of(found(ctx, made))
    file_imports.check(ctx, staff.merchant_id, made, match, by=who(staff), now=now)
    with ctx.db.begin() as session:
        session.execute(text(f"UPDATE memberships SET {lost}"))  # noqa: S608
    assert go(ctx, made).state is FileImportState.CHECKED
    assert len(told(ctx)) == ("owner" in lost)


@pytest.mark.parametrize("batch", [1, 1000])
def test_a_report_whose_file_is_deleted_meanwhile_breaks_off(ctx, staff, small, monkeypatch, now, batch):
    monkeypatch.setattr(file_import_reports, "BATCH", batch)
    made = bring(ctx, staff, "email\n" + "wrong\n" * 5, now=now)
    check(ctx, staff, made, now=now)
    whose = (ctx, staff.merchant_id, made, ("line", "column", "why"), lambda *_given: ("", ""))
    assert len(list(file_import_reports.refused(*whose, by=who(staff), now=now))) == 6
    pieces = file_import_reports.refused(*whose, by=who(staff), now=now)
    assert [next(pieces), next(pieces)]
    file_imports.remove(ctx, staff.merchant_id, made, by=who(staff), now=now)
    with pytest.raises(CutOff):
        list(pieces)
