"""Requests to pause and resume, as text tables: which state leads where, and what each of PayPal's words means."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.access.access import Content, End, Facts, Grant, Rule, access, preview_pause
from portal.domain.ends.end_requests import IllegalMove
from portal.domain.ends.pauses import (
    OPEN,
    PauseKind,
    PauseRefusal,
    PauseState,
    Verdict,
    can_withdraw,
    earliest_resume,
    is_left_suspended,
    judge,
    latest_resume,
    move,
)
from portal.domain.subscriptions import ProviderStatus, Status

NOW = datetime(2027, 3, 27, 23, 30, tzinfo=UTC)

TABLE = """
from            calling verifying retrying needs_merchant done refused withdrawn
recorded        x       -         -        -              x    x       x
calling         x       x         x        x              x    x       x
verifying       x       -         -        -              x    x       x
retrying        x       -         -        -              x    x       x
needs_merchant  x       -         -        -              x    x       x
done            -       -         -        -              -    -       -
refused         -       -         -        -              -    -       -
withdrawn       -       -         -        -              -    -       -
"""
HEAD, *LINES = [line.split() for line in TABLE.strip().splitlines()]
ARROWS = {(row[0], to) for row in LINES for to, cell in zip(HEAD[1:], row[1:], strict=True) if cell == "x"}


@pytest.mark.parametrize(("state", "to"), list(itertools.product(PauseState, PauseState)))
def test_each_pair_of_states(state, to):
    if (state.value, to.value) in ARROWS:
        assert move(state, to) is to
    else:
        with pytest.raises(IllegalMove):
            move(state, to)


def test_open_is_what_leads_somewhere():
    assert {state.value for state in OPEN} == {row[0] for row in LINES if "x" in row}


@pytest.mark.parametrize("state", PauseState)
def test_nothing_is_taken_back_once_a_call_may_have_left(state):
    assert not can_withdraw(state, sent_at=NOW)
    assert can_withdraw(state, sent_at=None) is (state.value in ["recorded", "verifying", "retrying", "needs_merchant"])


# A threshold of 3: PayPal suspends by itself after three failures, and then refuses to activate (FACTS.md 1.4).
MEANINGS = """
word              failed  pause                resume
APPROVAL_PENDING  0       refused/not_started  refused/not_started
APPROVED          0       refused/not_started  refused/not_started
PENDING           0       refused/not_started  refused/not_started
ACTIVE            0       call                 done
ACTIVE            1       refused/late         done
SUSPENDED         0       done                 call
SUSPENDED         1       refused/late         refused/threshold
SUSPENDED         3       refused/late         refused/threshold
CANCELLED         0       refused/over         refused/over
EXPIRED           0       refused/over         refused/over
HIBERNATING       0       unknown              unknown
"""
WORDS = [line.split() for line in MEANINGS.strip().splitlines()[1:]]


def test_every_word_of_paypal_has_its_line():
    assert {row[0] for row in WORDS} - {"HIBERNATING"} == {word.value for word in ProviderStatus}


@pytest.mark.parametrize(("word", "failed", "pause", "resume"), WORDS)
def test_what_paypals_word_means(word, failed, pause, resume):
    for kind, expected in ((PauseKind.PAUSE, pause), (PauseKind.RESUME, resume)):
        verdict, _, refusal = expected.partition("/")
        assert judge(kind, word, failed_payments=int(failed), failure_threshold=3) == (
            Verdict(verdict),
            PauseRefusal(refusal) if refusal else None,
        )


def test_days_are_the_merchants_own():
    """23:30 UTC is the 28th in Paris, whose clocks change that night: tomorrow there is the 29th, at 00:00 +02:00."""
    first = earliest_resume(NOW, zone="Europe/Paris")
    assert first.isoformat() == "2027-03-29T00:00:00+02:00"
    last = latest_resume(NOW, longest_days=1, zone="Europe/Paris")
    assert last == first
    assert latest_resume(NOW, longest_days=365, zone="Pacific/Noumea").isoformat() == "2028-03-27T00:00:00+11:00"


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("paid", [timedelta(days=9), timedelta(days=-1), None])
def test_what_the_recap_of_a_pause_promises_is_what_is_open_then(kept, paid):
    rule = Rule(
        contents=(Content(key="a", title="A"), Content(key="b", title="B", unlock_after_days=20)),
        kept_while_paused=kept,
    )
    facts = Facts(status=Status.ACTIVE, started_at=NOW - timedelta(days=18), paid_until=NOW + paid if paid else None)
    seen = preview_pause(facts, rule, NOW)
    during = Facts(status=Status.PAUSED, started_at=facts.started_at, paid_until=facts.paid_until)
    for at in (NOW, NOW + timedelta(days=3), NOW + timedelta(days=20)):
        promised = {w.key for w in (*seen.stops, *seen.stays) if w.is_open(at)}
        assert promised == {w.key for w in access(during, rule, at)}
    assert all(w.end is End.RUNNING for w in seen.stays)
    assert bool(seen.stays) is kept


@pytest.mark.parametrize("kept_after", [True, False])
@pytest.mark.parametrize("kept_while", [True, False])
def test_what_a_cancellation_would_keep_and_a_pause_closes_is_named(kept_after, kept_while):
    contents = (Content(key="old", title="Old"), Content(key="new", title="New", unlock_after_days=90))
    rule = Rule(contents=contents, keep_after_cancellation=kept_after, kept_while_paused=kept_while)
    facts = Facts(status=Status.ACTIVE, started_at=NOW - timedelta(days=40), paid_until=NOW + timedelta(days=5))
    seen = preview_pause(facts, rule, NOW)
    assert [window.key for window in seen.kept_by_cancelling] == (["old"] if kept_after and not kept_while else [])
    gift = Grant(key="old", title="Old", since=NOW - timedelta(days=1), until=None)
    assert preview_pause(facts, rule, NOW, (gift,)).kept_by_cancelling == (), "by the gift it stays open all the same"


HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("status", "word", "paid_after", "last_done", "is_left"),
    [
        ("paused", "SUSPENDED", DAY, None, True),
        ("paused", "SUSPENDED", DAY, "resume", True),  # a pause of long ago, which was over
        ("paused", "SUSPENDED", -HOUR / 2, None, True),  # PayPal dates the state anew when the money comes
        ("paused", "SUSPENDED", DAY, "pause", False),  # somebody paused it
        ("paused", "SUSPENDED", -DAY, None, False),  # nothing came since: the merchant suspended it at PayPal
        ("paused", "SUSPENDED", None, None, False),
        ("past_due", "SUSPENDED", DAY, None, False),  # more is unpaid
        ("active", "ACTIVE", DAY, None, False),
    ],
)
def test_left_suspended_is_what_nobody_paused_and_is_paid_since(status, word, paid_after, last_done, is_left):
    paid_at = NOW + paid_after if paid_after is not None else None
    kind = PauseKind(last_done) if last_done else None
    facts = {"suspended_at": NOW, "last_payment_at": paid_at, "last_done": kind}
    assert is_left_suspended(Status(status), word, **facts) is is_left
    assert not is_left_suspended(Status(status), word, **facts | {"suspended_at": None})
