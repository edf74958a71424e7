"""Access: domain.md's table drawn on a calendar, and what cannot be invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.access.access import Content, End, Facts, Grant, Rule, access, windows
from portal.domain.subscriptions import Status

START = datetime(2026, 1, 31, 10, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
CONTENTS = (
    Content(key="a", title="Welcome"),
    Content(key="b", title="Lesson", unlock_after_days=20),
    Content(key="c", title="Workshop", unlock_after_days=40),
)


def day(number: str | float) -> datetime | None:
    """Return that day after the start; None for a dash."""
    return None if number == "-" else START + timedelta(days=float(number))


def letters(opened) -> str:
    return "".join(window.key for window in opened) or "-"


# a opens on day 0, b on day 20, c on day 40; grace is 7 days. Days: paid until, late since, ended. Cells: what is open
# on the day above. cancelled rows hold for abandoned too.
CALENDAR = """
status     switches                              paid late ended |  0 10  25  30  36  37  45  200
pending    -                                     30   -    -     |  - -   -   -   -   -   -   -
active     -                                     30   -    -     |  a a   ab  ab  ab  ab  abc abc
active     -                                     -    -    -     |  a a   ab  ab  ab  ab  abc abc
active     stops_at_once                         30   -    -     |  a a   ab  ab  ab  ab  abc abc
past_due   -                                     30   30   -     |  a a   ab  ab  ab  -   -   -
past_due   -                                     30   -    -     |  a a   ab  ab  ab  -   -   -
past_due   -                                     10   30   -     |  a a   ab  ab  ab  -   -   -
past_due   kept_while_paused                     30   38   -     |  a a   ab  ab  ab  ab  -   -
past_due   -                                     -    -    -     |  a a   ab  ab  ab  ab  abc abc
paused     -                                     30   -    -     |  a a   ab  -   -   -   -   -
paused     kept_while_paused                     30   -    -     |  a a   ab  ab  ab  ab  abc abc
paused     keep_after_completion                 30   -    -     |  a a   ab  -   -   -   -   -
completed  -                                     30   -    30    |  a a   ab  -   -   -   -   -
completed  keep_after_cancellation               30   -    30    |  a a   ab  -   -   -   -   -
completed  stops_at_once                         30   -    30    |  a a   ab  -   -   -   -   -
completed  keep_after_completion                 30   -    30    |  a a   ab  ab  ab  ab  abc abc
cancelled  -                                     30   -    30    |  a a   ab  -   -   -   -   -
cancelled  -                                     30   -    10    |  a a   a   -   -   -   -   -
cancelled  keep_after_completion                 30   -    30    |  a a   ab  -   -   -   -   -
cancelled  kept_while_paused                     30   -    30    |  a a   ab  -   -   -   -   -
cancelled  keep_after_cancellation               30   -    30    |  a a   ab  ab  ab  ab  ab  ab
cancelled  keep_after_cancellation               30   -    20    |  a a   ab  ab  ab  ab  ab  ab
cancelled  keep_after_cancellation               30   -    19.9  |  a a   a   a   a   a   a   a
cancelled  keep_after_cancellation               -    -    10    |  a a   a   a   a   a   a   a
cancelled  stops_at_once                         30   -    10    |  a -   -   -   -   -   -   -
cancelled  stops_at_once                         -    -    10    |  a -   -   -   -   -   -   -
cancelled  stops_at_once,keep_after_cancellation 30   -    25    |  a a   ab  ab  ab  ab  ab  ab
cancelled  stops_at_once,keep_after_cancellation 30   -    10    |  a a   a   a   a   a   a   a
"""
HEAD, *LINES = CALENDAR.strip().splitlines()
LINES += [line.replace("cancelled", "abandoned", 1) for line in LINES if line.startswith("cancelled")]
DAYS = HEAD.partition("|")[2].split()


def read(line: str) -> tuple[Facts, Rule, list[str]]:
    left, _, cells = line.partition("|")
    status, switches, paid, late, ended = left.split()
    on = {} if switches == "-" else dict.fromkeys(switches.split(","), True)
    facts = Facts(
        status=Status(status), started_at=START, paid_until=day(paid), past_due_since=day(late), ended_at=day(ended)
    )
    return facts, Rule(contents=CONTENTS, grace_days=7, **on), cells.split()


@pytest.mark.parametrize("line", LINES)
def test_the_calendar(line):
    facts, rule, cells = read(line)
    assert [letters(access(facts, rule, day(number))) for number in DAYS] == cells


def test_every_status_is_on_the_calendar():
    assert {line.split()[0] for line in LINES} == {status.value for status in Status}


@pytest.mark.parametrize("status", ["paused", "completed", "cancelled", "abandoned"])
def test_an_unknown_end_is_said_to_be_unknown(status):
    ended = None if status == "paused" else day(10)
    facts = Facts(status=Status(status), started_at=START, paid_until=None, ended_at=ended)
    opened = access(facts, Rule(contents=CONTENTS), day(11))
    assert letters(opened) == "a"
    assert [(window.end, window.until) for window in opened] == [(End.UNKNOWN, None)]


@pytest.mark.parametrize(
    ("status", "switch", "end"),
    [
        ("active", "keep_after_completion", End.RUNNING),
        ("paused", "kept_while_paused", End.RUNNING),
        ("completed", "keep_after_completion", End.KEPT),
        ("cancelled", "keep_after_cancellation", End.KEPT),
        ("abandoned", "keep_after_cancellation", End.KEPT),
    ],
)
def test_without_a_date_the_window_says_why(status, switch, end):
    ended = day(30) if end is End.KEPT else None
    facts = Facts(status=Status(status), started_at=START, paid_until=day(30), ended_at=ended)
    opened = access(facts, Rule(contents=CONTENTS, **{switch: True}), day(25))
    assert {(window.end, window.until) for window in opened} == {(end, None)}


def test_no_grace_means_closed_at_the_hour_it_became_late():
    facts = Facts(status=Status.PAST_DUE, started_at=START, paid_until=day(30), past_due_since=day(30))
    rule = Rule(contents=CONTENTS, grace_days=0)
    assert letters(access(facts, rule, day(30) - TICK)) == "ab"
    assert access(facts, rule, day(30)) == ()


def test_a_payment_that_fails_early_takes_away_no_paid_day():
    facts = Facts(status=Status.PAST_DUE, started_at=START, paid_until=day(60), past_due_since=day(30))
    rule = Rule(contents=CONTENTS, grace_days=15)
    assert access(facts, rule, day(60) - TICK)
    assert access(facts, rule, day(60)) == ()


@pytest.mark.parametrize("status", Status)
def test_what_never_started_opens_nothing(status):
    facts = Facts(status=status, started_at=None, paid_until=day(30), ended_at=day(30))
    everything = Rule(contents=CONTENTS, keep_after_completion=True, keep_after_cancellation=True)
    assert windows(facts, everything) == ()


MOMENTS = st.integers(-60, 400).map(day)
MAYBE = st.none() | MOMENTS
RULES = st.builds(
    Rule,
    contents=st.just(CONTENTS),
    keep_after_completion=st.booleans(),
    keep_after_cancellation=st.booleans(),
    stops_at_once=st.booleans(),
    kept_while_paused=st.booleans(),
    grace_days=st.integers(0, 30),
)
FACTS = st.builds(
    Facts,
    status=st.sampled_from(Status),
    started_at=MAYBE,
    paid_until=MAYBE,
    past_due_since=MAYBE,
    ended_at=MAYBE,
    withdrawn_at=MAYBE,
)
GRANTS = st.lists(
    st.builds(Grant, key=st.sampled_from(["a", "z"]), title=st.just("Gift"), since=MOMENTS, until=MAYBE), max_size=3
).map(tuple)


@given(facts=FACTS, rule=RULES, grants=GRANTS)
def test_a_date_is_given_exactly_when_the_window_has_one(facts, rule, grants):
    for window in windows(facts, rule, grants):
        assert (window.until is not None) is (window.end is End.DATED)


@given(facts=FACTS, rule=RULES, withdrawn=st.integers(0, 400))
def test_nothing_of_a_withdrawn_contract_is_open_from_the_declaration_on(facts, rule, withdrawn):
    over = day(withdrawn)
    facts = facts._replace(withdrawn_at=over)
    assert access(facts, rule, over) == ()
    assert access(facts, rule, over + timedelta(days=4_000)) == ()


@given(facts=FACTS, rule=RULES)
def test_no_date_is_made_up(facts, rule):
    dates = {facts.paid_until, facts.ended_at, facts.withdrawn_at}
    for late in (facts.past_due_since, facts.paid_until):
        dates |= {late + timedelta(days=rule.grace_days)} if late else set()
    for window in windows(facts, rule):
        assert window.until is None or window.until in dates
        assert window.until is None or window.since < window.until


@given(facts=FACTS, rule=RULES, grants=GRANTS)
def test_every_window_opens_at_some_time(facts, rule, grants):
    for window in windows(facts, rule, grants):
        assert window.is_open(window.since)


@given(facts=FACTS, rule=RULES, grants=GRANTS, at=MOMENTS)
def test_grants_only_add_and_say_where_they_come_from(facts, rule, grants, at):
    own, both = access(facts, rule, at), access(facts, rule, at, grants)
    assert tuple(window for window in both if not window.granted) == own
    running = [grant.key for grant in grants if grant.since <= at and (grant.until is None or at < grant.until)]
    assert [window.key for window in both if window.granted] == running


def test_a_grant_opens_on_its_first_moment_and_is_closed_on_its_last():
    facts = Facts(status=Status.PENDING, started_at=None, paid_until=None)
    gift = Grant(key="z", title="Gift", since=day(3), until=day(5))
    for moment, opened in ((day(3) - TICK, "-"), (day(3), "z"), (day(5) - TICK, "z"), (day(5), "-")):
        assert letters(access(facts, Rule(contents=CONTENTS), moment, (gift,))) == opened
