"""What `flask check` takes for well, at the edges of each limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portal.domain import installation
from portal.domain.installation import State, are_well, left, mend, ok

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "state", "says"),
    [
        (NOW + timedelta(days=90), State.OK, "2027-02-27"),
        (NOW + timedelta(days=14), State.OK, "2026-12-13"),
        (NOW + timedelta(days=13, hours=23), State.MEND, "runs out"),
        (NOW, State.MEND, "ran out"),
        (NOW - timedelta(days=400), State.MEND, "ran out on 2025-10-25"),
    ],
)
def test_a_certificate_is_judged_by_its_last_day(last, state, says):
    found = installation.certificate("certificate", last=last, now=NOW)
    assert (found.state, says in found.said) == (state, True)


@pytest.mark.parametrize(("seconds", "state"), [(0, "ok"), (60, "ok"), (-60, "ok"), (61, "to mend"), (-61, "to mend")])
def test_clocks_may_differ_by_a_minute(seconds, state):
    found = installation.clocks("clock", "The database's", timedelta(seconds=seconds))
    assert found.state == state
    assert ("ahead" in found.said) == (seconds > 60)


@pytest.mark.parametrize(
    ("addresses", "state"),
    [
        (("93.184.215.14",), "ok"),
        (("10.0.0.7", "2606:2800:21f:cb07::1"), "ok"),
        (("10.0.0.7",), "to mend"),
        (("127.0.0.1", "::1"), "to mend"),
        (("fe80::1",), "to mend"),
        ((), "to mend"),
    ],
)
def test_a_public_name_leads_to_where_strangers_come_from(addresses, state):
    assert installation.public_addresses("name", "portal.test", addresses).state == state


@pytest.mark.parametrize(
    ("trusted", "seen", "remedy"),
    [(1, 1, ""), (0, 0, ""), (1, 0, "PORTAL_TRUSTED_PROXIES=0"), (0, 1, "PORTAL_TRUSTED_PROXIES=1"), (1, 2, "=2")],
)
def test_as_many_proxies_are_believed_as_tell_who_asks(trusted, seen, remedy):
    found = installation.proxies("proxies", trusted=trusted, seen=seen)
    assert (found.state is State.OK) == (remedy == "")
    assert remedy in found.remedy


def test_what_nobody_looked_at_is_nothing_to_mend():
    assert are_well([ok("a", "b"), left("mail", "not sent")])
    assert not are_well([ok("a", "b"), mend("c", "d", "e")])
    assert are_well([])
