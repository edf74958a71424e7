"""Deciding test 9: what the recap promises is what access does, before, at and long after the end."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.access.access import Content, End, EndPreview, Facts, Grant, Rule, access, end_facts, preview_end
from portal.domain.subscriptions import ENDINGS, TRANSITIONS, Status

ASKED = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LONG_AFTER = ASKED + timedelta(days=365 * 60)
TICK = timedelta(microseconds=1)
ALLOWED = [(state, to) for state in Status for act, to in ENDINGS.items() if act in TRANSITIONS[state]]


def days(number: int | None) -> datetime | None:
    """Return that many days after the request; None for None."""
    return None if number is None else ASKED + timedelta(days=number)


def keys(opened) -> set[str]:
    return {window.key for window in opened}


def check_promises(preview: EndPreview, facts: Facts, rule: Rule, grants: tuple[Grant, ...] = ()) -> None:
    """Hold the recap against access computed at every moment at which something may change."""
    after = preview.after

    def then(at: datetime) -> set[str]:
        return keys(access(after, rule, at, grants))

    now = keys(access(facts, rule, ASKED, grants))
    unknown = {window.key for window in preview.stops if window.end is End.UNKNOWN}
    for_good = {window.key for window in preview.stays if window.until is None}
    assert for_good == then(LONG_AFTER) - (unknown - for_good)

    edges = [after.started_at or ASKED, after.paid_until, after.ended_at, ASKED]
    edges += [moment for grant in grants for moment in (grant.since, grant.until)]
    edges += [edges[0] + timedelta(days=content.unlock_after_days) for content in rule.contents]
    moments = {edge + step for edge in edges if edge for step in (-TICK, timedelta(0), TICK)}
    later = set().union(*(then(moment) for moment in moments if moment >= ASKED))
    assert keys(preview.stops) | keys(preview.stays) == now | later, "each content of now or later is in the recap"
    assert (now | later) - then(LONG_AFTER) <= keys(preview.stops) | {g.key for g in grants}

    assert len(keys(preview.stops)) == len(preview.stops), "nothing stops twice"
    for window in preview.stops:
        if window.until is None:
            assert window.end is End.UNKNOWN
            assert after.paid_until is None
            assert window.key in then(LONG_AFTER)
            continue
        just_before = now if window.until == ASKED else then(window.until - TICK)
        assert window.key in just_before
        assert window.key not in then(window.until)
    for window in preview.stays:
        assert window.until is None or window.granted, "only a grant with its own end stays until a date"


def check_without_grants(facts: Facts, rule: Rule, outcome: Status) -> None:
    preview = preview_end(facts, rule, outcome, ASKED)
    check_promises(preview, facts, rule)
    assert not keys(preview.stops) & keys(preview.stays)
    dates = [window.until for window in preview.stops if window.until is not None]
    assert preview.access_until == (max(dates) if dates else None)
    assert preview.is_date_unknown is any(window.end is End.UNKNOWN for window in preview.stops)


SWITCHES = [
    dict(
        zip(("keep_after_completion", "keep_after_cancellation", "stops_at_once", "kept_while_paused"), on, strict=True)
    )
    for on in itertools.product((False, True), repeat=4)
]
# Started 100 days ago: unlocked long ago, at the very moment of asking, within the paid time, at its end, after it.
CONTENTS = tuple(Content(key=f"c{n}", title="Lesson", unlock_after_days=n) for n in (0, 90, 100, 110, 120, 500))


@pytest.mark.parametrize(("status", "outcome"), ALLOWED)
@pytest.mark.parametrize("switches", SWITCHES, ids=lambda on: "+".join(name for name in on if on[name]) or "none")
def test_9_the_recap_is_true_for_every_combination(status, outcome, switches):
    rule = Rule(contents=CONTENTS, grace_days=7, **switches)
    for started, paid, late in itertools.product((-100, None), (None, -5, 0, 20), (None, -30, -3)):
        ended = days(-5) if status.value == "cancelled" else None
        facts = Facts(
            status=status, started_at=days(started), paid_until=days(paid), past_due_since=days(late), ended_at=ended
        )
        check_without_grants(facts, rule, outcome)


NUMBERS = st.none() | st.integers(-60, 120)
RULES = st.builds(
    Rule,
    contents=st.lists(st.integers(0, 150), max_size=5, unique=True).map(
        lambda unlocks: tuple(Content(key=f"c{n}", title="Lesson", unlock_after_days=n) for n in unlocks)
    ),
    keep_after_completion=st.booleans(),
    keep_after_cancellation=st.booleans(),
    stops_at_once=st.booleans(),
    kept_while_paused=st.booleans(),
    grace_days=st.integers(0, 30),
)


@st.composite
def endings(draw) -> tuple[Facts, Status]:
    status, outcome = draw(st.sampled_from(ALLOWED))
    ended = draw(st.integers(-60, 120)) if status.value == "cancelled" else None
    dates = [days(draw(NUMBERS)) for _ in range(3)]
    started, paid, late = dates
    facts = Facts(status=status, started_at=started, paid_until=paid, past_due_since=late, ended_at=days(ended))
    return facts, outcome


@given(ending=endings(), rule=RULES)
def test_the_recap_is_true_on_any_dates(ending, rule):
    facts, outcome = ending
    check_without_grants(facts, rule, outcome)


@given(ending=endings(), rule=RULES, data=st.data())
def test_the_recap_is_true_with_grants_of_the_same_and_of_other_contents(ending, rule, data):
    facts, outcome = ending
    names = st.sampled_from([content.key for content in rule.contents] + ["gift"])
    one = st.builds(
        Grant, key=names, title=st.just("Gift"), since=NUMBERS.map(lambda n: days(n or 0)), until=NUMBERS.map(days)
    )
    grants = tuple(data.draw(st.lists(one, max_size=2)))
    check_promises(preview_end(facts, rule, outcome, ASKED, grants), facts, rule, grants)


# paid until (days from now), at once, from, outcome → when it is over, days from now.
OVER = """
20   paid     active     cancelled   20
20   paid     active     completed   20
20   paid     past_due   abandoned   20
20   at_once  active     cancelled   0
20   at_once  active     abandoned   0
20   at_once  active     completed   20
-3   paid     active     cancelled   0
0    paid     active     cancelled   0
-    paid     active     cancelled   0
-    paid     paused     completed   0
20   paid     pending    cancelled   0
"""


@pytest.mark.parametrize("line", OVER.strip().splitlines())
def test_when_the_contract_is_over(line):
    paid, how, status, outcome, over = line.split()
    rule = Rule(contents=CONTENTS, stops_at_once=how == "at_once")
    facts = Facts(status=Status(status), started_at=days(-100), paid_until=None if paid == "-" else days(int(paid)))
    after = end_facts(facts, rule, Status(outcome), ASKED)
    assert (after.status, after.ended_at) == (Status(outcome), days(int(over)))
    assert after.paid_until == facts.paid_until


@pytest.mark.parametrize("switches", SWITCHES, ids=lambda on: "+".join(name for name in on if on[name]) or "none")
@pytest.mark.parametrize("outcome", [Status.CANCELLED, Status.ABANDONED])
@pytest.mark.parametrize("paid", [None, -5, 20])
def test_ending_what_never_began_opens_nothing(switches, outcome, paid):
    # PayPal gives a start time to a subscription that nobody has approved yet (FACTS.md 1.3).
    facts = Facts(status=Status.PENDING, started_at=days(-1), paid_until=days(paid))
    preview = preview_end(facts, Rule(contents=CONTENTS, **switches), outcome, ASKED)
    assert (preview.stops, preview.stays) == ((), ())


def test_abandoning_a_cancelled_one_is_only_a_word():
    rule = Rule(contents=CONTENTS, keep_after_cancellation=True)
    ended = Facts(status=Status.CANCELLED, started_at=days(-100), paid_until=days(-15), ended_at=days(-15))
    preview = preview_end(ended, rule, Status.ABANDONED, ASKED)
    # c90 unlocked ten days ago, after the end: it was never opened and must not open now.
    assert keys(preview.stays) == keys(access(ended, rule, ASKED)) == {"c0"}
    assert preview.stops == ()
    assert preview.after.ended_at == days(-15)


def test_the_recap_of_an_ordinary_cancel():
    rule = Rule(contents=CONTENTS, keep_after_cancellation=True)
    facts = Facts(status=Status.ACTIVE, started_at=days(-100), paid_until=days(15))
    preview = preview_end(facts, rule, Status.CANCELLED, ASKED)
    assert [window.key for window in preview.stays] == ["c0", "c90", "c100", "c110"]
    assert preview.stops == ()
    plain = preview_end(facts, Rule(contents=CONTENTS), Status.CANCELLED, ASKED)
    assert [window.key for window in plain.stops] == ["c0", "c90", "c100", "c110"]
    assert plain.access_until == days(15)
    assert plain.stays == ()


def test_the_recap_when_access_stops_at_once():
    facts = Facts(status=Status.ACTIVE, started_at=days(-100), paid_until=days(15))
    preview = preview_end(facts, Rule(contents=CONTENTS, stops_at_once=True), Status.CANCELLED, ASKED)
    assert {window.key: window.until for window in preview.stops} == dict.fromkeys(("c0", "c90", "c100"), ASKED)


def test_a_gift_of_the_same_content_takes_over_when_access_stops():
    rule = Rule(contents=CONTENTS[:2], stops_at_once=True)
    facts = Facts(status=Status.ACTIVE, started_at=days(-100), paid_until=days(15))
    now = Grant(key="c0", title="Gift", since=days(-1), until=days(40))
    next_month = Grant(key="c90", title="Gift", since=days(30), until=None)
    preview = preview_end(facts, rule, Status.CANCELLED, ASKED, (now, next_month))
    assert [(window.key, window.until) for window in preview.stops] == [("c90", ASKED)]
    assert [(window.key, window.granted) for window in preview.stays] == [("c0", True), ("c90", True)]


def test_what_was_to_open_after_the_end_is_said_not_to_open():
    started = datetime(2027, 1, 1, 10, tzinfo=UTC)
    rule = Rule(
        contents=(
            Content(key="1", title="first"),
            Content(key="2", title="second", unlock_after_days=20),
            Content(key="9", title="ninth", unlock_after_days=200),
        ),
        keep_after_cancellation=True,
    )
    facts = Facts(status=Status.ACTIVE, started_at=started, paid_until=started + timedelta(days=31))
    seen = preview_end(facts, rule, Status.CANCELLED, started + timedelta(days=10))
    assert [window.title for window in seen.stays] == ["first", "second"]
    assert seen.stops == ()
    assert [window.title for window in seen.never] == ["ninth"]
