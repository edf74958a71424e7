"""Files that a merchant brings: what each line does, that a check does none of it, how a killed run ends."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import NoResultFound

from portal.domain.desk.file_imports import Brought, DateOrder, FileImportState
from portal.domain.integrations.public_ids import Kind, public
from portal.domain.people.address_changes import AddressOutcome
from portal.models import (
    AddressChange,
    AuditEntry,
    Customer,
    FileImport,
    FileImportFault,
    FileImportKey,
    FileImportPart,
    Grant,
    Subscription,
)
from portal.services.imports import file_import_reading, file_import_reports, file_import_running, file_imports
from portal.services.imports.file_imports import KEPT, LOST, BadMatches, NotNow, TooManyFiles
from tests.services.imports.bringing import bring, check, counts, found, go, run, said, state, who, whole, why


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="fr")


def customers(ctx):
    with ctx.db.read() as session:
        return {one.email: one for one in session.scalars(select(Customer))}


PEOPLE = "email;name;external_id;language\nzoe@client.test;Zoé Durand;A7;fr\nian@client.test;Ian;;en-GB\n"


def test_new_customers_come_in_and_those_who_are_known_are_changed(ctx, make, merchant, staff, now):
    make.customer(merchant, email="ian@client.test", name="I.")
    made = bring(ctx, staff, PEOPLE, now=now)
    assert counts(check(ctx, staff, made, now=now)) == (1, 1, 0, 0)
    assert set(customers(ctx)) == {"ian@client.test"}
    assert counts(run(ctx, staff, made, now=now)) == (1, 1, 0, 0)
    there = customers(ctx)
    zoe, ian = there["zoe@client.test"], there["ian@client.test"]
    assert (zoe.name, zoe.external_id, zoe.locale, zoe.merchant_id) == ("Zoé Durand", "A7", "fr", merchant.id)
    assert (ian.name, ian.locale) == ("Ian", "en")
    with ctx.db.read() as session:
        acts = session.scalars(select(AuditEntry.act).where(AuditEntry.subject_kind == "customer")).all()
    assert sorted(acts) == ["customer.changed", "customer.made"]
    assert counts(whole(ctx, staff, PEOPLE, now=now)) == (0, 0, 2, 0), "brought again it changes nothing"


def test_a_check_writes_nothing_of_anybody(ctx, make, merchant, staff, now):
    product = make.product(merchant, name="Club")
    known = make.customer(merchant, email="ian@client.test", name="I.")
    make.customer(merchant, email=None, name="Nobody", external_id="N1")
    subscription = make.subscription(merchant=merchant, customer=known, at_paypal=False)
    before = state(ctx)
    files = {
        Brought.CUSTOMERS: PEOPLE + "new@client.test;;N1;\n",
        Brought.GRANTS: f"email;product\nian@client.test;{product.name}\n",
        Brought.SUBSCRIPTIONS: f"id;reference;color\n{subscription.provider_id};R1;red\n",
    }
    for brought, content in files.items():
        columns = ["subscription_id", "reference", "extra"] if brought is Brought.SUBSCRIPTIONS else None
        held = check(ctx, staff, bring(ctx, staff, content, brought, now=now), columns, now=now)
        assert held.state is FileImportState.CHECKED
        assert (held.made + held.changed, held.refused) == (held.lines, 0)
    assert state(ctx) == before


def test_a_line_of_somebody_without_an_address_asks_it_to_confirm_itself_once(ctx, make, merchant, staff, now):
    nobody = make.customer(merchant, email=None, name="Nobody", external_id="N1")
    line = "external_id;email\nN1;new@client.test\n"
    assert counts(whole(ctx, staff, line, now=now)) == (0, 1, 0, 0)
    assert counts(whole(ctx, staff, line, now=now)) == (0, 0, 1, 0)
    with ctx.db.read() as session:
        (waiting,) = session.scalars(select(AddressChange).where(AddressChange.customer_id == nobody.id))
        assert (waiting.email, waiting.outcome) == ("new@client.test", None)
        assert session.get_one(Customer, nobody.id).email is None


@pytest.mark.parametrize("how", ["logged_in", "by_mail", "never"])
def test_no_address_is_replaced_and_one_that_was_confirmed_is_said_to_be(ctx, make, merchant, staff, now, how):
    known = make.customer(merchant, email="old@client.test", name="Zoé", external_id="A7")
    with ctx.db.begin() as session:
        if how == "logged_in":
            session.execute(update(Customer).where(Customer.id == known.id).values(seen_at=now))
        elif how == "by_mail":
            asked = {"asked_by": "", "mails": 1, "link_hash": "x", "mailed_at": now, "expires_at": now}
            whose = {"merchant_id": merchant.id, "customer_id": known.id, "email": "old@client.test"}
            change = AddressChange(**whose, **asked)
            change.close(AddressOutcome.CONFIRMED, at=now)
            session.add(change)
    made = bring(ctx, staff, "external_id;email;name\nA7;other@client.test;Somebody\n", now=now)
    expected = {2: "address_stands" if how == "never" else "address_confirmed"}
    check(ctx, staff, made, now=now)
    assert why(ctx, made) == expected
    run(ctx, staff, made, now=now)
    assert why(ctx, made) == expected
    with ctx.db.read() as session:
        row = session.get_one(Customer, known.id)
    assert (row.email, row.name) == ("old@client.test", "Zoé"), "a refused line changes nothing at all"


def test_what_customers_have_set_by_themselves_stays(ctx, make, merchant, staff, now):
    known = make.customer(merchant, email="zoe@client.test", name="Zoé D.", locale="en", own_answers=["name", "locale"])
    assert counts(whole(ctx, staff, PEOPLE, now=now)) == (1, 1, 0, 0), "her id is written, and nothing else of hers"
    row = customers(ctx)["zoe@client.test"]
    assert (row.id, row.name, row.locale, row.external_id) == (known.id, "Zoé D.", "en", "A7")


def test_why_lines_of_customers_are_refused(ctx, make, merchant, staff, now):
    other = make.merchant(name="Another")
    theirs = make.customer(other, email="them@client.test", external_id="X1")
    make.customer(merchant, email="zoe@client.test", external_id="A7")
    ian = make.customer(merchant, email="ian@client.test")
    bea = make.customer(merchant, email="bea@client.test")
    gone = make.customer(merchant, email=None, erased_at=now)
    lines = [
        ("customer_id", "external_id", "email", "name"),
        (public(Kind.CUSTOMER, theirs.id), "", "", "x"),
        ("", "X1", "", "x"),
        (public(Kind.CUSTOMER, ian.id), "A7", "", "x"),
        ("", "B1", "zoe@client.test", ""),
        (str(bea.id), "", "ian@client.test", ""),
        (str(gone.id), "", "", "x"),
        ("", "", "", "x"),
        ("", "", "no address", "x"),
        ("cus_7", "", "", "x"),
        ("", "A  7", "a@client.test", ""),
        ("", "", "b@client.test", "y" * 301),
        ("", "", "c@client.test"),
        ("", "", "d@client.test", "D\u200bE"),
    ]
    held = whole(ctx, staff, "\n".join(";".join(line) for line in lines) + "\n", now=now)
    assert why(ctx, held.id) == {
        2: "unknown_customer",  # another merchant's is nobody
        3: "needs_email",
        4: "two_customers",
        5: "other_id",
        6: "address_taken",
        7: "erased",
        8: "no_customer",
        9: "bad_email",
        10: "bad_id",
        11: "bad_external_id",
        12: "too_long",
        13: "cells",
        14: "bad_text",
    }
    assert counts(held) == (0, 0, 0, 13)


def test_a_line_twice_does_nothing_and_one_that_says_something_else_is_refused(ctx, staff, small, now):
    lines = [
        "email;name",
        "a@client.test;A",
        "A@Client.test ;A",
        "b@client.test;B",
        "c@client.test;C",
        "b@client.test;Z",
    ]
    held = whole(ctx, staff, "\n".join(lines), now=now)
    assert counts(held) == (3, 0, 1, 1)
    with ctx.db.read() as session:
        (fault,) = session.scalars(select(FileImportFault).where(FileImportFault.attempt == held.attempt))
        assert (fault.line, fault.why.value, fault.other, fault.place) == (6, "said_otherwise", 4, None)
        assert session.scalar(select(func.count()).select_from(FileImportKey)) == 0, "they are needed no more"


def test_gifts_are_given_by_the_rules_of_the_desk(ctx, make, merchant, staff, now):
    club, make_two = make.product(merchant, name="Club"), make.product(merchant, name="Cours")
    make.product(merchant, name="cours")
    zoe = make.customer(merchant, email="zoe@client.test", external_id="A7")
    lines = [
        "email;external_id;product;since;until;note",
        "zoe@client.test;;Club;01/02/2126;03/04/2127;=1+1",
        ";A7;club;2126-02-01;2127-04-03;=1+1",
        "zoe@client.test;;Club;2127-01-01;;",
        "zoe@client.test;;cours;;;",
        f"zoe@client.test;;{public(Kind.PRODUCT, make_two.id)};2126-01-02;2126-01-01;",
        f"zoe@client.test;;{make_two.id};2020-01-01;2020-02-01;",
        "them@client.test;;Club;;;",
        "zoe@client.test;;Tout;;;",
        "zoe@client.test;;Club;31/02/2126;;",
    ]
    held = whole(ctx, staff, "\n".join(lines), Brought.GRANTS, DateOrder.DAY_FIRST, now=now)
    assert why(ctx, held.id) == {
        4: "overlaps",
        5: "several_products",
        6: "ends_before_start",
        7: "over_already",
        8: "unknown_customer",
        9: "unknown_product",
        10: "bad_date",
    }
    with ctx.db.read() as session:
        (given,) = session.scalars(select(Grant))
        act = session.scalars(select(AuditEntry).where(AuditEntry.act == "grant.given")).one()
    assert (given.customer_id, given.product_id, given.note, given.actor_name) == (zoe.id, club.id, "=1+1", "Léa")
    assert given.since == datetime(2126, 1, 31, 23, tzinfo=UTC), "the day begins in Paris"
    assert given.until == datetime(2127, 4, 3, 22, tzinfo=UTC), "the last day is whole, and it is summer by then"
    assert act.actor_id == staff.id
    assert held.same == 1


@pytest.mark.parametrize(
    ("order", "until"), [(DateOrder.DAY_FIRST, (2127, 4, 3)), (DateOrder.MONTH_FIRST, (2127, 3, 4)), (None, None)]
)
def test_how_days_are_written_is_asked_and_never_guessed(ctx, make, merchant, staff, now, order, until):
    make.product(merchant, name="Club")
    make.customer(merchant, email="zoe@client.test")
    made = bring(ctx, staff, "email;product;until\nzoe@client.test;Club;03/04/2127\n", Brought.GRANTS, now=now)
    if order is None:
        with pytest.raises(BadMatches) as refused:
            check(ctx, staff, made, now=now)
        assert [one.why.value for one in refused.value.found] == ["date_order"]
        return
    check(ctx, staff, made, order=order, now=now)
    run(ctx, staff, made, now=now)
    with ctx.db.read() as session:
        (given,) = session.scalars(select(Grant))
    assert (given.until - timedelta(hours=12)).timetuple()[:3] == until


def test_access_from_today_on_is_given_once_however_often_it_is_brought(ctx, make, merchant, staff, now):
    make.product(merchant, name="Club")
    make.customer(merchant, email="zoe@client.test")
    lines = "email;product\nzoe@client.test;Club\n"
    assert counts(whole(ctx, staff, lines, Brought.GRANTS, now=now)) == (1, 0, 0, 0)
    assert counts(whole(ctx, staff, lines, Brought.GRANTS, now=now + timedelta(days=3))) == (0, 0, 1, 0)


def test_subscriptions_get_a_reference_and_columns_by_their_names(ctx, make, merchant, staff, now):
    one = make.subscription(merchant=merchant, at_paypal=False)
    two = make.subscription(merchant=merchant, at_paypal=False)
    theirs = make.subscription(merchant=make.merchant(name="Another"), at_paypal=False)
    lines = [
        "paypal id;Ref;Source;Note",
        f"{one.provider_id};R-1;=HYPERLINK(1);x",
        f"{public(Kind.SUBSCRIPTION, two.id)};;Salon;",
        f"{theirs.provider_id};R-2;;",
        ";R-3;;",
    ]
    columns = ["subscription_id", "reference", "extra", "extra"]
    made = bring(ctx, staff, "\n".join(lines), Brought.SUBSCRIPTIONS, now=now)
    check(ctx, staff, made, columns, now=now)
    held = run(ctx, staff, made, now=now)
    assert (counts(held), why(ctx, made)) == ((0, 2, 0, 2), {4: "unknown_subscription", 5: "no_subscription"})
    with ctx.db.read() as session:
        rows = {row.id: (row.reference, row.extra) for row in session.scalars(select(Subscription))}
    assert rows[one.id] == ("R-1", {"Source": "=HYPERLINK(1)", "Note": "x"})
    assert rows[two.id] == (None, {"Source": "Salon"})
    assert rows[theirs.id] == (None, {})


@pytest.mark.parametrize("is_checked_before", [False, True])
def test_nothing_is_written_to_a_subscription_whose_customer_was_erased(
    ctx, make, merchant, staff, now, is_checked_before
):
    """An erasure has taken their own words away, and no second one would."""
    customer = make.customer(merchant)
    sub = make.subscription(merchant=merchant, customer=customer, at_paypal=False)
    erased = update(Customer).where(Customer.id == customer.id).values(erased_at=now, email=None, name="")
    if not is_checked_before:
        with ctx.db.begin() as session:
            session.execute(erased)
    made = bring(ctx, staff, f"paypal id;Ref;Phone\n{sub.provider_id};R-1;0601\n", Brought.SUBSCRIPTIONS, now=now)
    check(ctx, staff, made, ["subscription_id", "reference", "extra"], now=now)
    if is_checked_before:
        with ctx.db.begin() as session:
            session.execute(erased)
    held = run(ctx, staff, made, now=now)
    assert (counts(held), why(ctx, made)) == ((0, 0, 0, 1), {2: "erased"})
    with ctx.db.read() as session:
        row = session.get_one(Subscription, sub.id)
        assert (row.reference, row.extra) == (None, {})


def kill_after(monkeypatch, number: int):
    """Let the worker die right before it commits its `number`-th part, once."""
    count = file_import_running._count
    left = [number]

    def dying(*given):
        count(*given)
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(file_import_running, "_count", dying)


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_any_line_it_ends_as_if_it_had_not_been(ctx, make, merchant, staff, monkeypatch, now, seed):
    """Some lines a part, some of them wrong or twice; killed in any part, of the check and of the run."""
    luck = random.Random(seed)
    monkeypatch.setattr(file_import_reading, "RECORDS", luck.randint(1, 4))
    names = [f"p{luck.randint(1, 9)}@client.test;N{luck.randint(1, 2)}" for _line in range(luck.randint(5, 14))]
    content = "email;name\n" + "\n".join(name if luck.random() < 0.8 else "nobody;x" for name in names) + "\n"
    with ctx.db.begin() as session:
        session.add(Customer(merchant_id=merchant.id, email="p1@client.test", name="N1"))
    made = bring(ctx, staff, content, now=now)
    parts = found(ctx, made).parts
    kill_after(monkeypatch, luck.randint(1, parts))
    with pytest.raises(KeyboardInterrupt):
        check(ctx, staff, made, now=now)
    checked = go(ctx, made)
    assert checked.state is FileImportState.CHECKED
    kill_after(monkeypatch, luck.randint(1, parts))
    with pytest.raises(KeyboardInterrupt):
        run(ctx, staff, made, now=now)
    done = go(ctx, made)
    assert (done.state, done.done) == (FileImportState.DONE, done.lines)
    refused, broken, there = why(ctx, made), counts(done), said(ctx)
    with ctx.db.begin() as session:
        session.execute(text("DELETE FROM customers WHERE email <> 'p1@client.test'"))
        session.execute(text("UPDATE customers SET name = 'N1'"))
    monkeypatch.undo()
    again = whole(ctx, staff, content, now=now)
    assert (why(ctx, again.id), counts(again)) == (refused, broken)
    assert said(ctx)[0] == there[0]


def test_two_workers_at_once_do_each_line_once(ctx, staff, small, now):
    made = bring(ctx, staff, "email\n" + "".join(f"p{n}@client.test\n" for n in range(5)), now=now)
    check(ctx, staff, made, now=now)
    file_imports.run(ctx, staff.merchant_id, made, by=who(staff), now=now)
    attempt = found(ctx, made).attempt
    for _worker in range(5):
        file_import_running.run_share(ctx, made, attempt, most=1)
    file_import_running.run_share(ctx, made, attempt - 1)  # of the check: overtaken
    assert counts(found(ctx, made)) == (5, 0, 0, 0)


def test_a_run_is_stopped_between_two_lines_and_goes_on(ctx, staff, small, now):
    made = bring(ctx, staff, "email\n" + "".join(f"p{n}@client.test\n" for n in range(5)), now=now)
    check(ctx, staff, made, now=now)
    file_imports.run(ctx, staff.merchant_id, made, by=who(staff), now=now)
    file_import_running.do_part(ctx, made, found(ctx, made).attempt, now=now)
    file_imports.stop(ctx, staff.merchant_id, made, by=who(staff), now=now)
    assert not file_import_running.do_part(ctx, made, found(ctx, made).attempt, now=now)
    assert len(customers(ctx)) == 2
    held = run(ctx, staff, made, now=now)
    assert (held.state, counts(held), len(customers(ctx))) == (FileImportState.DONE, (5, 0, 0, 0), 5)
    with pytest.raises(NotNow):
        file_imports.run(ctx, staff.merchant_id, made, by=who(staff), now=now)


def test_nobody_carries_out_columns_that_they_have_not_seen_checked(ctx, staff, now):
    """A colleague has matched them anew since the page was opened, and there is no way back."""
    made = bring(ctx, staff, "email;name;external_id\nzoe@client.test;Zoe;A7\n", now=now)
    seen = check(ctx, staff, made, ["email", "name", "external_id"], now=now).attempt
    last = check(ctx, staff, made, ["email", "external_id", "name"], now=now).attempt
    with pytest.raises(NotNow):
        file_imports.run(ctx, staff.merchant_id, made, seen=seen, by=who(staff), now=now)
    assert found(ctx, made).state is FileImportState.CHECKED
    file_imports.run(ctx, staff.merchant_id, made, seen=last, by=who(staff), now=now)
    go(ctx, made)
    assert customers(ctx)["zoe@client.test"].name == "A7"


def test_what_is_lost_goes_on_and_a_file_goes_after_a_week(ctx, staff, now):
    made = bring(ctx, staff, PEOPLE, now=now)
    file_imports.check(ctx, staff.merchant_id, made, file_imports.match_of(found(ctx, made)), by=who(staff), now=now)
    assert file_imports.sweep(ctx, now=now) == 0
    assert file_imports.sweep(ctx, now=now + LOST + timedelta(seconds=1)) == 1
    later = now + LOST + timedelta(seconds=1)
    assert file_imports.purge(ctx, before=later + KEPT, now=later) == 0, "somebody works on it"
    go(ctx, made)
    assert file_imports.purge(ctx, before=now - KEPT, now=now) == 0
    assert file_imports.purge(ctx, before=later + KEPT, now=later) == 1
    with ctx.db.read() as session:
        for row in (FileImportPart, FileImportKey, FileImportFault):
            assert session.scalar(select(func.count()).select_from(row)) == 0
        held = session.get_one(FileImport, made)
        assert (held.file_name, held.header, held.lines) == ("", [], 2)
    with pytest.raises(NotNow):
        file_imports.run(ctx, staff.merchant_id, made, by=who(staff), now=now)


def test_what_is_stored_of_a_file_is_sealed(ctx, staff, now):
    bring(ctx, staff, PEOPLE, now=now)
    with ctx.db.read() as session:
        dumped = session.scalars(text("SELECT to_jsonb(t)::text || encode(content, 'escape') FROM file_import_parts t"))
        rows = session.scalars(text("SELECT to_jsonb(t)::text FROM file_imports t"))
        assert not any("zoe" in row.lower() for row in [*dumped, *rows])


def test_five_files_at_once_are_enough(ctx, staff, now):
    for _number in range(5):
        bring(ctx, staff, PEOPLE, now=now)
    with pytest.raises(TooManyFiles):
        bring(ctx, staff, PEOPLE, now=now)


def test_anothers_file_is_nobodys(ctx, make, staff, now):
    made, other = bring(ctx, staff, PEOPLE, now=now), make.merchant(name="Another")
    for act in (file_imports.run, file_imports.stop, file_imports.remove):
        with pytest.raises(NoResultFound):
            act(ctx, other.id, made, by=who(staff), now=now)


def test_the_report_has_each_refused_line_as_it_came_and_can_be_brought_again(ctx, staff, small, now):
    lines = ["email;name", "a@client.test;A", "wrong;=1+1", "b@client.test;B", "c@client.test;C", 'worse;"x;y\nz"']
    made = bring(ctx, staff, "\n".join(lines), now=now)
    check(ctx, staff, made, now=now)

    def words(place, why, _other):
        return f"c{place}", why.value

    head = ("line", "column", "why")
    told = "".join(file_import_reports.refused(ctx, staff.merchant_id, made, head, words, by=who(staff), now=now))
    assert told.removeprefix("\ufeff").splitlines()[:2] == [
        '"line";"column";"why";"email";"name"',
        '"3";"c0";"bad_email";"wrong";"\'=1+1"',
    ]
    corrected = told.replace('"wrong"', '"d@client.test"').replace('"worse"', '"e@client.test"')
    again = bring(ctx, staff, corrected, now=now)
    held = check(ctx, staff, again, ["", "", "", "email", "name"], now=now)
    assert counts(held) == (1, 0, 0, 1), "a name has no two lines"
    run(ctx, staff, again, now=now)
    assert customers(ctx)["d@client.test"].name == "=1+1", "plain text, as it was"
