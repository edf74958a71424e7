"""What PayPal's word means for a settlement, told as a list of cases and as what must never be."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from portal.domain.money.money import Money
from portal.domain.money.settlements import (
    CALL_FOR,
    GIVE_UP,
    MOVES,
    OPEN,
    IllegalSettlementMove,
    Own,
    SettlementRefusal,
    SettlementState,
    Verdict,
    judge,
    move,
)

ASKED = Money(Decimal("29.90"), "EUR")
CLICK = datetime(2027, 3, 1, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
WORDS = ("ACTIVE", "SUSPENDED", "CANCELLED", "EXPIRED", "APPROVED", "NAPPING", None)
NOTHING = Money(Decimal("0.00"), "EUR")
SUMS = (ASKED, Money(Decimal("59.80"), "EUR"), Money(Decimal("29.90"), "USD"), None)


def judged(*, outstanding=ASKED, own=Own.NONE, word="ACTIVE", age=HOUR, is_sent=False, is_accepted=False):
    return judge(
        ASKED,
        outstanding=outstanding,
        own=own,
        word=word,
        asked_at=CLICK,
        is_sent=is_sent,
        is_accepted=is_accepted,
        now=CLICK + age,
    )


def test_the_diagram_never_goes_back_and_ends_only_when_paypal_has_said_it():
    assert {state for state, following in MOVES.items() if not following} == set(SettlementState) - OPEN
    assert all(SettlementState.RECORDED not in following for following in MOVES.values())
    assert all({SettlementState.DONE, SettlementState.FAILED} <= MOVES[state] for state in OPEN)
    with pytest.raises(IllegalSettlementMove):
        move(SettlementState.FAILED, SettlementState.CALLING)


@pytest.mark.parametrize(
    ("shown", "verdict", "why"),
    [
        ({}, "call", None),
        ({"word": "SUSPENDED"}, "call", None),
        ({"outstanding": Money(Decimal("0.0"), "EUR")}, "done", None),
        ({"own": Own.CAME}, "done", None),
        ({"own": Own.CAME, "word": "CANCELLED"}, "done", None),
        ({"own": Own.PENDING, "is_sent": True}, "wait", None),
        ({"own": Own.PENDING, "is_sent": True, "age": 2 * GIVE_UP}, "wait", None),  # an eCheck takes its time
        # Nothing is unpaid while it is on its way: only the bank can say that it came.
        ({"own": Own.PENDING, "is_sent": True, "outstanding": NOTHING}, "wait", None),
        ({"own": Own.DECLINED, "is_sent": True}, "failed", "declined"),
        ({"own": Own.DECLINED, "is_sent": True, "outstanding": NOTHING}, "done", None),  # it came another way
        ({"outstanding": Money(Decimal("59.80"), "EUR")}, "failed", "sum_changed"),
        ({"outstanding": Money(Decimal("29.90"), "USD")}, "failed", "sum_changed"),
        ({"outstanding": None}, "wait", None),
        ({"word": "CANCELLED"}, "failed", "ending"),
        ({"word": "EXPIRED"}, "failed", "ending"),
        # PayPal asks for nothing any more where it has ended: that is no payment.
        ({"word": "CANCELLED", "outstanding": NOTHING}, "failed", "ending"),
        ({"word": "CANCELLED", "outstanding": NOTHING, "is_sent": True}, "wait", None),
        ({"word": "CANCELLED", "outstanding": NOTHING, "is_sent": True, "age": GIVE_UP}, "failed", "not_taken"),
        ({"word": "NAPPING"}, "failed", "status"),
        ({"age": CALL_FOR}, "failed", "no_answer"),
        ({"is_sent": True}, "call", None),  # the same call: PayPal knows it by its id
        ({"is_sent": True, "is_accepted": True}, "wait", None),
        ({"is_sent": True, "outstanding": Money(Decimal("59.80"), "EUR")}, "wait", None),
        ({"is_sent": True, "word": "CANCELLED"}, "wait", None),
        ({"is_sent": True, "age": CALL_FOR}, "wait", None),
        ({"is_sent": True, "age": GIVE_UP}, "failed", "not_taken"),
    ],
)
def test_each_word_of_paypals(shown, verdict, why):
    assert judged(**shown) == (verdict, why)


def test_what_may_have_left_is_never_called_lost_before_its_time_and_only_the_same_sum_is_asked_for():
    ages = (timedelta(0), HOUR, CALL_FOR, GIVE_UP - HOUR, GIVE_UP, 2 * GIVE_UP)
    for word, outstanding, age, own, sent in itertools.product(WORDS, SUMS, ages, Own, (False, True)):
        verdict, why = judged(word=word, outstanding=outstanding, age=age, own=own, is_sent=sent)
        assert (verdict is Verdict.FAILED) == (why is not None)
        if verdict is Verdict.CALL:
            assert (outstanding, own, age < timedelta(days=1)) == (ASKED, Own.NONE, True)
            assert word in ("ACTIVE", "SUSPENDED")
        if sent and why not in (None, SettlementRefusal.DECLINED):
            assert why is SettlementRefusal.NOT_TAKEN
            assert age >= timedelta(days=3)
        if own in (Own.CAME, Own.PENDING):
            assert why is None
