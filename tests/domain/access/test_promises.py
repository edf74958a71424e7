"""What was promised outlives the rule that it came from."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given

from portal.domain.access.access import Content, Rule, windows
from portal.domain.access.promises import kept, of_rule
from portal.domain.subscriptions import ENDED
from tests.domain.access.test_access import FACTS, RULES

LESSON = Content(key="a", title="Lesson 1", unlock_after_days=3, link="https://atelier.test/1")
BONUS = Content(key="b", title="Bonus")
TOLD = Rule(contents=(LESSON,), keep_after_cancellation=True)


def stored(rule):
    return json.loads(json.dumps(of_rule(rule)))


@given(facts=FACTS, told=RULES, today=RULES)
def test_after_an_end_nothing_but_the_promise_counts(facts, told, today):
    if facts.status in ENDED:
        assert windows(facts, kept(today, stored(told), is_over=True)) == windows(facts, told)


@given(facts=FACTS, told=RULES)
def test_a_rule_that_did_not_change_is_its_own_promise(facts, told):
    assert kept(told, None, is_over=True) == kept(told, stored(told), is_over=True) == told


def test_a_lesson_is_found_under_its_new_name_and_opens_on_the_day_that_was_told():
    renamed = replace(LESSON, title="Leçon 1", link="https://atelier.test/un", unlock_after_days=90)
    (seen,) = kept(Rule(contents=(renamed,)), stored(TOLD), is_over=True).contents
    assert (seen.title, seen.link, seen.unlock_after_days) == ("Leçon 1", "https://atelier.test/un", 3)


def test_a_lesson_that_is_gone_keeps_the_name_and_address_that_were_told():
    assert kept(Rule(contents=(BONUS,)), stored(TOLD), is_over=True).contents == (LESSON,)


def test_what_still_runs_has_what_the_product_opens_by_now_too():
    today = Rule(contents=(BONUS,), grace_days=1, kept_while_paused=True)
    seen = kept(today, stored(TOLD), is_over=False)
    assert seen.contents == (LESSON, BONUS)
    assert (seen.keep_after_cancellation, seen.grace_days, seen.kept_while_paused) == (True, 1, True)
