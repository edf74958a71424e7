"""A merchant's states and what goes on in each, as the product's owner has said it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.merchants.merchants import (
    NOTICE,
    RESERVED,
    MerchantState,
    Work,
    WrongSlug,
    check_slug,
    goes_on,
    state_of,
)

DAY = datetime(2027, 3, 1, tzinfo=UTC)
TABLE = """
            look   carry_on   begin   return
open        yes    yes        yes     yes
suspended   yes    yes        no      no
leaving     yes    yes        no      no
"""


def test_the_table_says_what_the_owner_said():
    head, *lines = [line.split() for line in TABLE.strip().splitlines()]
    said = {(line[0], work): answer == "yes" for line in lines for work, answer in zip(head, line[1:], strict=True)}
    assert said == {(state.value, work.value): goes_on(state, work) for state in MerchantState for work in Work}


@pytest.mark.parametrize(
    ("suspended", "leaving", "state"),
    [(False, False, "open"), (True, False, "suspended"), (False, True, "leaving"), (True, True, "leaving")],
)
def test_leaving_outlasts_a_suspension(suspended, leaving, state):
    found = state_of(suspended_at=DAY if suspended else None, leaving_at=DAY if leaving else None)
    assert found.value == state


def test_a_month_lies_between_leaving_and_erasing():
    assert timedelta(days=30) == NOTICE


@pytest.mark.parametrize("slug", ["atelier", "a1", "9-lives", "a" * 63])
def test_names_in_addresses(slug):
    check_slug(slug)


@pytest.mark.parametrize("slug", ["", "a", "-a", "Atelier", "l’atelier", "a b", "a/b", "a_b", "a\n", "a" * 64, "é1"])
def test_what_cannot_stand_in_an_address(slug):
    with pytest.raises(WrongSlug) as refused:
        check_slug(slug)
    assert refused.value.why == "form"


def test_the_portals_own_names_are_kept():
    assert {"admin", "api", "account", "setup", "static", "webhooks"} <= RESERVED
    for slug in RESERVED:
        with pytest.raises(WrongSlug) as refused:
            check_slug(slug)
        assert refused.value.why in ("reserved", "form"), slug
