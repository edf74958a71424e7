"""A finished instalment plan: whatever anybody asks and PayPal shows, it stays finished and invites nobody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.ends.comebacks import Standing, check
from portal.domain.errors import NotAllowed
from portal.domain.subscriptions import (
    ENDED,
    PROVIDER_MOVES,
    TRANSITIONS,
    Action,
    IllegalTransition,
    ProviderStatus,
    Status,
    can_resume,
    follow_provider,
    may_invite_back,
    status_from_provider,
    transition,
)

HAPPENINGS = st.lists(st.sampled_from(list(Action)) | st.sampled_from(list(ProviderStatus)), max_size=40)


def lived(status: Status, happenings) -> list[Status]:
    """Every status that it has, one after another: what a person asks for is tried, what PayPal shows is followed."""
    had = [status]
    for one in happenings:
        if isinstance(one, Action):
            try:
                status = transition(status, one)
            except IllegalTransition:
                continue
        else:
            seen = status_from_provider(one, failed_payments=len(had) % 2)
            status = follow_provider(status, seen) if seen is not None else status
        had.append(status)
    return had


@pytest.mark.law("R-FR-61")
@given(start=st.sampled_from(list(Status)), happenings=HAPPENINGS, more=HAPPENINGS)
def test_once_finished_it_is_finished_for_good(start, happenings, more):
    had = lived(start, happenings)
    if Status.COMPLETED in had:
        after = had[had.index(Status.COMPLETED) :]
        assert set(after) == {Status.COMPLETED}
        assert set(lived(Status.COMPLETED, more)) == {Status.COMPLETED}


@pytest.mark.law("R-FR-61")
def test_no_row_of_the_tables_leads_out_of_it_nor_lets_it_charge():
    assert TRANSITIONS[Status.COMPLETED] == {}
    assert PROVIDER_MOVES[Status.COMPLETED] == frozenset()
    assert Status.COMPLETED in ENDED
    assert not can_resume(Status.COMPLETED, failed_payments=0, failure_threshold=0)


@pytest.mark.law("R-FR-61")
@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("allowed", [True, False])
def test_nobody_is_invited_back_to_instalments_whichever_way_they_ended(status, allowed):
    assert not may_invite_back(status, relaunch_allowed=allowed, is_schedule=True)


@pytest.mark.law("R-FR-61")
def test_a_finished_one_cannot_be_taken_up_again_whatever_else_speaks_for_it():
    best = Standing(
        status=Status.COMPLETED, relaunch_allowed=True, contact_allowed=True,
        is_sold_by_rest=True, is_stopped=True, is_paid_time_known=True,
    )  # fmt: skip
    with pytest.raises(NotAllowed):
        check(best)
