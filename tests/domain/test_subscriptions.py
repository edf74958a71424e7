"""A subscription's life, against domain.md's tables written out as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.errors import DomainError
from portal.domain.subscriptions import (
    ENDED,
    LIVE,
    PROVIDER_NOT_STARTED,
    PROVIDER_OVER,
    Action,
    IllegalTransition,
    ProviderStatus,
    Status,
    actions_from,
    can_resume,
    follow_provider,
    may_invite_back,
    status_from_provider,
    transition,
)

# domain.md, Transitions. A dash is a refusal. "PayPal says" lists what a read at PayPal may turn it into; a + marks
# what domain.md leaves out because it needs a missed event in between.
LIFE = """
from       cancel     complete   abandon    pause   resume  PayPal says
pending    cancelled  -          abandoned  -       -       active +past_due +paused +cancelled +completed
active     cancelled  completed  abandoned  paused  -       past_due paused cancelled completed
past_due   cancelled  completed  abandoned  -       -       active paused cancelled completed
paused     cancelled  completed  abandoned  -       active  active cancelled completed +past_due
completed  -          -          -          -       -       ignored
cancelled  -          -          abandoned  -       -       ignored
abandoned  -          -          -          -       -       ignored
"""

ROWS = [line.split() for line in LIFE.strip().splitlines()]
ACTIONS, LINES = ROWS[0][1:6], {row[0]: row[1:6] for row in ROWS[1:]}
PAYPAL_SAYS = {row[0]: {word.lstrip("+") for word in row[6:]} - {"ignored"} for row in ROWS[1:]}
PAIRS = [(state, action, to) for state, cells in LINES.items() for action, to in zip(ACTIONS, cells, strict=True)]


def test_the_table_is_complete():
    assert set(LINES) == {status.value for status in Status}
    assert set(ACTIONS) == {action.value for action in Action}
    assert len(PAIRS) == 7 * 5


@pytest.mark.parametrize(("state", "action", "to"), PAIRS)
def test_every_action_from_every_state(state, action, to):
    if to == "-":
        with pytest.raises(IllegalTransition) as refusal:
            transition(Status(state), Action(action))
        assert isinstance(refusal.value, DomainError)
        assert (refusal.value.status, refusal.value.action) == (state, action)
        assert action not in actions_from(Status(state))
    else:
        assert transition(Status(state), Action(action)) is Status(to)
        assert action in actions_from(Status(state))


def test_live_and_ended_part_the_states():
    assert {status.value for status in LIVE} == {"pending", "active", "past_due", "paused"}
    assert {status.value for status in ENDED} == {"completed", "cancelled", "abandoned"}


@pytest.mark.parametrize("state", LINES)
@pytest.mark.parametrize("seen", LINES)
def test_what_paypal_shows(state, seen):
    expected = seen if seen in PAYPAL_SAYS[state] else state
    assert follow_provider(Status(state), Status(seen)) is Status(expected)


@given(first=st.sampled_from(Status), seen=st.lists(st.sampled_from(Status), max_size=12))
def test_nothing_seen_at_paypal_revives_or_renames_an_ended_subscription(first, seen):
    ending, status = None, first
    for word in seen:
        if ending is None and status.value in ("completed", "cancelled", "abandoned"):
            ending = status
        status = follow_provider(status, word)
        assert ending is None or status is ending


@given(first=st.sampled_from([Status.PENDING, Status.ACTIVE]), seen=st.lists(st.sampled_from(Status), max_size=12))
def test_paypal_never_makes_a_subscription_abandoned_or_pending_again(first, seen):
    status = first
    for word in seen:
        status = follow_provider(status, word)
        assert status is not Status.ABANDONED
        assert status is not Status.PENDING or first is Status.PENDING


WORDS = """
APPROVAL_PENDING  pending    pending
APPROVED          pending    pending
ACTIVE            active     past_due
PENDING           pending    pending
SUSPENDED         paused     past_due
CANCELLED         cancelled  cancelled
EXPIRED           completed  completed
"""
MEANINGS = [line.split() for line in WORDS.strip().splitlines()]


@pytest.mark.parametrize(("word", "all_paid", "payments_failed"), MEANINGS)
def test_paypals_words(word, all_paid, payments_failed):
    assert status_from_provider(word, failed_payments=0) is Status(all_paid)
    for failures in (1, 2, 999):
        assert status_from_provider(word, failed_payments=failures) is Status(payments_failed)


def test_every_word_of_paypal_has_a_meaning():
    assert {word for word, _, _ in MEANINGS} == {word.value for word in ProviderStatus}
    assert {word.value for word in PROVIDER_OVER} == {"CANCELLED", "EXPIRED"}
    assert {word.value for word in PROVIDER_NOT_STARTED} == {"APPROVAL_PENDING", "APPROVED"}


@pytest.mark.parametrize("word", ["", "CANCELED", "cancelled", "Active", " ACTIVE", "CREATED", "HELD"])
@pytest.mark.parametrize("failures", [0, 3])
def test_a_word_nobody_has_seen_means_nothing(word, failures):
    assert status_from_provider(word, failed_payments=failures) is None


@pytest.mark.parametrize(
    ("failed", "threshold", "possible"),
    [
        (0, 0, True),
        (0, 3, True),
        (2, 3, True),
        (3, 3, False),  # deciding test 8: PayPal would refuse
        (4, 3, False),
        (1, 1, False),
        (9, 0, True),  # a threshold of 0 means that failures never suspend
    ],
)
def test_a_paused_subscription_resumes_until_the_threshold(failed, threshold, possible):
    assert can_resume(Status.PAUSED, failed_payments=failed, failure_threshold=threshold) is possible


@pytest.mark.parametrize("status", [status for status in Status if status != "paused"])
def test_only_a_paused_subscription_resumes(status):
    assert can_resume(status, failed_payments=0, failure_threshold=0) is False


@given(failed=st.integers(1, 999), threshold=st.integers(0, 999))
def test_suspended_by_failures_never_offers_resume(failed, threshold):
    status = status_from_provider("SUSPENDED", failed_payments=failed)
    assert can_resume(status, failed_payments=failed, failure_threshold=threshold) is False


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("allowed", [True, False])
def test_only_a_cancelled_customer_who_allows_it_is_invited_back(status, allowed):
    assert may_invite_back(status, relaunch_allowed=allowed) is ((status.value, allowed) == ("cancelled", True))
