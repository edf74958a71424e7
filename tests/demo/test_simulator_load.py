"""The simulator under load: rate limits, faults by chance, delays, and very many subscriptions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.demo.simulator import Simulator, serve
from tests.demo.conftest import log_in


def test_a_limit_is_each_accounts_own_and_says_when_to_come_back(paypal):
    at = [datetime(2026, 5, 1, tzinfo=UTC)]
    moving = Simulator(clock=lambda: at[0])
    for name in ("a", "b"):
        moving.add_account(name, "s")
    with serve(moving) as handle:
        sessions = [log_in(handle.url, name, "s") for name in ("a", "b")]
        moving.limit(3, seconds=10)

        def status(http):
            return http.get(f"{handle.url}/v1/billing/plans", timeout=5)

        assert [status(sessions[0]).status_code for _ in range(4)] == [200, 200, 200, 429]
        assert status(sessions[1]).status_code == 200
        at[0] += timedelta(seconds=4)
        refused = status(sessions[0])
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "6")
        assert refused.json()["name"] == "RATE_LIMIT_REACHED"
        at[0] += timedelta(seconds=6)
        assert status(sessions[0]).status_code == 200
        moving.limit(None)
        assert [status(sessions[0]).status_code for _ in range(9)] == [200] * 9


@given(seed=st.integers(0, 1000), share=st.sampled_from([0.1, 0.5, 0.9]))
def test_faults_by_chance_are_the_same_in_each_run(seed, share):
    def hits():
        rule = Simulator().rule("show", "500", probability=share, seed=seed)
        return [rule.claims("show", "I-1") for _ in range(400)]

    first = hits()
    assert first == hits()
    assert abs(sum(first) / 400 - share) < 0.15


def test_a_delay_leaves_the_answer_as_it_is(paypal):
    paypal.rule("list_plans", "normal", latency=150)
    paypal.rule("list_plans", "503", times=1, latency=100)
    with log_in(paypal.url) as http:
        answers = [http.get(f"{paypal.url}/v1/billing/plans", timeout=5) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [503, 200]
    assert answers[0].elapsed >= timedelta(milliseconds=250)
    assert answers[1].elapsed >= timedelta(milliseconds=150)


@pytest.mark.parametrize(("name", "value"), [("probability", 0), ("probability", 1.5), ("latency", -1)])
def test_a_rule_that_cannot_be(paypal, name, value):
    with pytest.raises(ValueError, match="probability"):
        paypal.rule("show", "500", **{name: value})


def test_very_many_are_listed_once_each_and_bill_on(paypal):
    plan = paypal.add_plan(amount="10")
    ids = paypal.add_many(3000, plan_id=plan.id)
    assert Simulator().add_many(3000) == ids, "the same ones in each run"
    found = []
    with log_in(paypal.url) as http:
        for page in range(1, 151):
            body = http.get(f"{paypal.url}/v1/billing/subscriptions?page_size=20&page={page}", timeout=5).json()
            found += [row["id"] for row in body["subscriptions"]]
        assert "next" not in [link["rel"] for link in body["links"]]
    assert sorted(found) == sorted(ids)
    now = paypal.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    assert all(paypal.subscriptions[key].next_billing_time > now for key in ids)
    due = [key for key in ids if paypal.subscriptions[key].next_billing_time <= now[:10] + "T99"]
    paypal.advance(31)
    assert sum(bool(paypal.subscriptions[key].payments) for key in ids) >= len(due)
    later = paypal.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    assert all(paypal.subscriptions[key].next_billing_time > later for key in ids)


def test_a_large_state_is_written_now_and_then_and_whole_at_the_end(tmp_path):
    file = tmp_path / "paypal.json"
    simulator = Simulator(file)
    with serve(simulator):
        ids = simulator.add_many(4000)
        for key in ids[:50]:
            simulator.happen(key, "buyer-cancels")
        assert Simulator(file).state != simulator.state, "fifty times four thousand were written"
    assert Simulator(file).state == simulator.state


def test_a_change_between_two_pages_shows_on_the_next(paypal):
    ids = paypal.add_many(50)
    with log_in(paypal.url) as http:

        def page(number):
            query = f"statuses=ACTIVE&page_size=20&page={number}"
            body = http.get(f"{paypal.url}/v1/billing/subscriptions?{query}", timeout=5).json()
            return [row["id"] for row in body["subscriptions"]]

        first = page(1)
        paypal.happen(next(key for key in ids if key not in first), "buyer-cancels")
        rest = page(2) + page(3)
    assert len(first + rest) == 49
    assert {paypal.subscriptions[key].status for key in rest} == {"ACTIVE"}


def test_the_list_by_change_and_by_plan(paypal):
    plan, other = paypal.add_plan(), paypal.add_plan()
    old, changed = paypal.add_subscription(plan_id=plan.id), paypal.add_subscription(plan_id=plan.id)
    paypal.add_subscription(plan_id=other.id)
    paypal.advance(5)
    since = paypal.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    paypal.happen(changed.id, "buyer-cancels")
    with log_in(paypal.url) as http:

        def ids(**query):
            body = http.get(f"{paypal.url}/v1/billing/subscriptions", params=query, timeout=5).json()
            return {row["id"] for row in body["subscriptions"]}

        assert ids(status_updated_after=since) == {changed.id}
        assert changed.id not in ids(status_updated_before="2020-01-01T00:00:00Z")
        assert ids(plan_ids=f"{plan.id},P-X") == {old.id, changed.id}
        assert ids(plan_ids=plan.id, statuses="ACTIVE,SUSPENDED") == {old.id}
