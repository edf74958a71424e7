"""Who may ask for what, as a text table of product.md's decisions 6 and 7."""

from __future__ import annotations

import itertools

import pytest

from portal.domain.errors import Denial, DomainError, NotAllowed
from portal.domain.policies import Actor, Override, Role, Settings, check, check_switch_on, may
from portal.domain.subscriptions import Action

OPEN = Settings(self_cancellation=True)

WHO = """
actor     role     cancel  complete        abandon         pause           resume
customer  -        yes     staff_only      staff_only      pause_not_offered pause_not_offered
staff     -        role_too_low role_too_low role_too_low  role_too_low    role_too_low
staff     reader   role_too_low role_too_low role_too_low  role_too_low    role_too_low
staff     support  yes     yes             yes             yes             yes
staff     manager  yes     yes             yes             yes             yes
staff     owner    yes     yes             yes             yes             yes
system    -        yes     yes             yes             yes             yes
provider  -        yes     yes             yes             yes             yes
"""
HEAD, *LINES = [line.split() for line in WHO.strip().splitlines()]
CASES = [(row[0], row[1], act, cell) for row in LINES for act, cell in zip(HEAD[2:], row[2:], strict=True)]


def test_the_table_is_complete():
    assert {actor for actor, *_ in CASES} == {actor.value for actor in Actor}
    assert set(HEAD[2:]) == {action.value for action in Action}
    assert {role for _, role, *_ in CASES} - {"-"} == {role.value for role in Role}


@pytest.mark.parametrize(("actor", "role", "action", "answer"), CASES)
def test_who_may_ask(actor, role, action, answer):
    asked = (Actor(actor), Action(action), OPEN)
    rank = None if role == "-" else Role(role)
    assert may(*asked, role=rank) is (answer == "yes")
    if answer == "yes":
        check(*asked, role=rank)
        return
    with pytest.raises(NotAllowed) as refusal:
        check(*asked, role=rank)
    assert isinstance(refusal.value, DomainError)
    assert refusal.value.denial == answer


SWITCHES = """
merchant  product  shown
on        inherit  yes
off       inherit  no
on        on       yes
off       on       yes
on        off      no
off       off      no
"""
SWITCH_ROWS = [line.split() for line in SWITCHES.strip().splitlines()[1:]]


def test_every_switch_is_in_the_table():
    assert {(merchant, product) for merchant, product, _ in SWITCH_ROWS} == set(
        itertools.product(("on", "off"), (override.value for override in Override))
    )


@pytest.mark.parametrize(("merchant", "product", "shown"), SWITCH_ROWS)
def test_the_products_word_goes_before_the_merchants(merchant, product, shown):
    # The key is not asked: one that breaks later takes the button away from nobody (decision 6).
    settings = Settings(self_cancellation=merchant == "on", override=Override(product))
    assert settings.customers_may_cancel is (shown == "yes")
    assert may(Actor.CUSTOMER, Action.CANCEL, settings) is (shown == "yes")
    assert may(Actor.STAFF, Action.CANCEL, settings, role=Role.SUPPORT) is True
    if shown == "no":
        with pytest.raises(NotAllowed) as refusal:
            check(Actor.CUSTOMER, Action.CANCEL, settings)
        assert refusal.value.denial is Denial.SELF_CANCELLATION_OFF


def test_a_role_gives_a_customer_nothing():
    assert may(Actor.CUSTOMER, Action.ABANDON, OPEN, role=Role.OWNER) is False


def test_the_switch_waits_for_a_tested_key():
    check_switch_on(key_passed_its_test=True)
    with pytest.raises(NotAllowed) as refusal:
        check_switch_on(key_passed_its_test=False)
    assert refusal.value.denial is Denial.KEY_NOT_TESTED


PAUSES = """
offered  commitment  customer           staff
no       no          pause_not_offered  yes
no       runs        pause_not_offered  yes
yes      no          yes                yes
yes      runs        pause_not_offered  yes
"""
PAUSE_ROWS = [line.split() for line in PAUSES.strip().splitlines()[1:]]


@pytest.mark.parametrize("action", [Action.PAUSE, Action.RESUME])
@pytest.mark.parametrize(("offered", "commitment", "customer", "staff"), PAUSE_ROWS)
def test_customers_pause_where_it_is_offered_and_nothing_is_owed(action, offered, commitment, customer, staff):
    settings = Settings(self_cancellation=False, pause_offered=offered == "yes", commitment_runs=commitment == "runs")
    assert may(Actor.STAFF, action, settings, role=Role.SUPPORT) is (staff == "yes")
    assert may(Actor.CUSTOMER, action, settings) is (customer == "yes")
    if customer != "yes":
        with pytest.raises(NotAllowed) as refusal:
            check(Actor.CUSTOMER, action, settings)
        assert refusal.value.denial == customer


@pytest.mark.parametrize("action", Action)
def test_who_asked_for_the_end_is_answered_by_cancelled_alone(action):
    settings = Settings(self_cancellation=False, notified=True)
    refused = action in (Action.COMPLETE, Action.ABANDON)
    assert may(Actor.STAFF, action, settings, role=Role.OWNER) is not refused
