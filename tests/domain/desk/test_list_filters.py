"""What an address says of a list: read, checked, written back."""

from __future__ import annotations

import uuid
from datetime import date

import pytest

from portal.domain.desk.customer_filters import CustomerFilter
from portal.domain.desk.list_filters import MOST_VALUES, Days, Order, Why
from portal.domain.desk.subscription_filters import Answer, Email, KeyKind, SubscriptionFilter
from portal.domain.ends.ended_by import EndedBy, kind_of
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status

PIANO = uuid.UUID(int=7)


def parse(text):
    from urllib.parse import parse_qsl

    return SubscriptionFilter.parse(parse_qsl(text, keep_blank_values=True))


def test_every_filter_is_read():
    text = (
        f"state=paused&state=active&product={PIANO}&plan={PIANO}&key=classic&planned=no&late=yes&failed=yes&email=none"
        "&reason=too_expensive&ended_by=staff&needs_you=yes&started_from=2026-01-01&started_to=2026-01-31"
        "&ended_from=2026-02-01&next_to=2026-03-01&sort=-ended&q=  Anne   Martin "
    )
    found = parse(text)
    assert found.faults == ()
    assert found.filter == SubscriptionFilter(
        search="Anne Martin",
        states=(Status.ACTIVE, Status.PAUSED),
        products=(PIANO,),
        plans=(PIANO,),
        keys=(KeyKind.CLASSIC,),
        planned=Answer.NO,
        late=True,
        failed=True,
        email=Email.NONE,
        reasons=("too_expensive",),
        ended_by=(EndedBy.STAFF,),
        needs_you=True,
        started=Days(date(2026, 1, 1), date(2026, 1, 31)),
        ended=Days(date(2026, 2, 1), None),
        next=Days(None, date(2026, 3, 1)),
        order=Order("ended", is_descending=True),
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("stat=active", Why.UNKNOWN),
        ("state=nonsense", Why.NO_VALUE),
        ("product=12", Why.NO_VALUE),
        ("late=no", Why.NO_VALUE),
        ("reason=<script>", Why.NO_VALUE),
        ("sort=amount", Why.NO_VALUE),
        ("started_from=03/04/2027", Why.NO_DAY),
        ("started_from=2027-02-30", Why.NO_DAY),
        ("started_from=2027-W05-1", Why.NO_DAY),
        ("ended_from=2027-02-02&ended_to=2027-02-01", Why.BACKWARDS),
        ("planned=yes&planned=no", Why.TWICE),
    ],
)
def test_what_makes_no_sense_is_left_out_and_told(text, why):
    found = parse(text + "&state=active")
    assert [fault.why for fault in found.faults] == [why]
    kept = found.filter.query()
    assert ("state", "active") in kept
    assert len(kept) == (2 if why is Why.TWICE else 1), "the first answer stands, and nothing else"


def test_of_a_period_that_ends_before_it_begins_both_days_are_told():
    (fault,) = parse("ended_from=2027-02-02&ended_to=2027-02-01").faults
    assert (fault.name, fault.begins, fault.value) == ("ended_to", "2027-02-02", "2027-02-01")


def test_too_many_values_of_one_filter_are_told():
    text = "&".join(f"product={uuid.UUID(int=number)}" for number in range(MOST_VALUES + 2))
    found = parse(text)
    assert [fault.why for fault in found.faults] == [Why.TOO_MANY] * 2
    assert len(found.filter.products) == MOST_VALUES


def test_a_form_that_is_sent_with_empty_answers_narrows_nothing():
    found = parse("q=&state=&product=&planned=&started_from=&sort=")
    assert found.faults == ()
    assert not found.filter.is_narrowed
    assert found.filter.query() == []


def test_the_place_and_the_view_are_no_filters():
    assert parse("after=1&before=2&view=3").faults == ()


def test_bookmarks_of_before_stay_good():
    assert parse("status=active").filter == parse("state=active").filter


def test_an_address_is_always_written_the_same_way_and_read_back():
    one, other = parse("state=paused&late=yes&state=active"), parse("late=yes&state=active&state=paused&state=active")
    assert one.filter.query() == other.filter.query()
    assert SubscriptionFilter.parse(one.filter.query()) == one


def test_one_value_is_taken_away():
    found = parse("state=paused&state=active&started_from=2026-01-01&sort=next").filter
    assert found.without("state", "paused").query() == [
        ("state", "active"), ("started_from", "2026-01-01"), ("sort", "next"),
    ]  # fmt: skip
    assert found.without("started_from", "2026-01-01").started == Days()


def test_an_order_narrows_nothing_and_a_search_does():
    assert not parse("sort=next").filter.is_narrowed
    assert parse("q=anne").filter.is_narrowed
    assert parse("q=anne").filter.narrowing() == []


@pytest.mark.parametrize(
    ("asked", "sorted_by"),
    [
        ("", "-created"),
        ("state=active&late=yes", "-created"),
        ("next_from=2026-12-01", "next"),
        ("ended_to=2026-12-01&state=cancelled", "-ended"),
        ("started_from=2026-01-01", "-started"),
        ("started_from=2026-01-01&ended_from=2026-02-01", "-ended"),
        ("next_from=2026-12-01&sort=-created", "-created"),
        ("next_from=2026-12-01&sort=customer", "customer"),
        ("planned=yes", "planned"),
        ("planned=yes&state=active", "planned"),
        ("planned=yes&next_from=2026-12-01", "next"),
        ("planned=yes&sort=-created", "-created"),
        ("planned=no", "-created"),
        ("email=none", "-known"),
        ("email=none&sort=customer", "customer"),
        ("email=none&state=active", "-created"),
        ("email=none&started_from=2026-01-01", "-started"),
    ],
)
def test_unasked_a_list_is_sorted_by_the_days_it_is_narrowed_to(asked, sorted_by):
    assert str(parse(asked).filter.sort) == sorted_by


@pytest.mark.parametrize("order", ["planned", "-planned", "known", "-known"])
def test_what_some_lists_are_sorted_by_unasked_is_no_order_of_another(order):
    found = parse(f"sort={order}")
    assert (str(found.filter.sort), [fault.why for fault in found.faults]) == ("-created", [Why.NO_VALUE])


def test_a_nul_is_no_letter():
    assert parse("q=an%00ne").filter.search == "anne"


def test_customers_have_filters_of_their_own():
    read = CustomerFilter.parse([("erased", "no"), ("known_from", "2026-01-01"), ("sort", "-known"), ("late", "yes")])
    assert [fault.name for fault in read.faults] == ["late"]
    assert read.filter.query() == [("erased", "no"), ("known_from", "2026-01-01"), ("sort", "-known")]


ENDS = """
    cancelled customer paid   -> customer
    cancelled customer unpaid -> customer
    cancelled staff    paid   -> staff
    cancelled provider paid   -> paypal
    cancelled provider unpaid -> failed
    completed provider unpaid -> completed
    completed staff    paid   -> completed
    abandoned staff    paid   -> abandoned
    abandoned customer paid   -> abandoned
"""


@pytest.mark.parametrize("line", ENDS.strip().splitlines())
def test_each_end_is_of_one_kind(line):
    outcome, actor, paid, _arrow, kind = line.split()
    assert kind_of(Status(outcome), asked_by=Actor(actor), is_unpaid=paid == "unpaid") is EndedBy(kind)


@pytest.mark.parametrize("before", list(EndedBy))
def test_what_ends_again_stays_what_it_was_until_it_is_abandoned(before):
    again = {"is_unpaid": False, "before": before}
    assert kind_of(Status.CANCELLED, asked_by=Actor.SYSTEM, **again) is before
    assert kind_of(Status.ABANDONED, asked_by=Actor.SYSTEM, **again) is EndedBy.ABANDONED
