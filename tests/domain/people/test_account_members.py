"""Who of an account's people may do what, and how far an invitation is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.errors import Denial
from portal.domain.people.account_members import MemberRole, MemberState, Part, refusal, state_of, stricter

# part: whether the address on file, an owner, a reader may look; and whether each may act.
TABLE = """
seen     yes yes yes   yes yes no
owners   yes yes no    yes yes no
on_file  yes no  no    yes no  no
own      yes yes yes   yes yes yes
"""
WHO = (None, MemberRole.OWNER, MemberRole.READER)


@pytest.mark.parametrize("line", TABLE.split("\n")[1:-1])
def test_who_looks_and_who_acts(line):
    part, *answers = line.split()
    told = [refusal(who, Part(part), is_safe=looks) for looks in (True, False) for who in WHO]
    assert [one is None for one in told] == [answer == "yes" for answer in answers]


def test_a_refusal_says_whom_one_has_to_ask():
    assert refusal(MemberRole.READER, Part.SEEN, is_safe=False) is Denial.OWNERS_ONLY
    assert refusal(MemberRole.OWNER, Part.ON_FILE, is_safe=True) is Denial.ON_FILE_ONLY
    assert refusal(MemberRole.READER, Part.ON_FILE, is_safe=True) is Denial.ON_FILE_ONLY


def test_of_two_roles_the_one_that_allows_less_stands():
    roles = {(one, other): stricter(one, other) for one in MemberRole for other in MemberRole}
    assert [pair for pair, role in roles.items() if role is MemberRole.OWNER] == [(MemberRole.OWNER, MemberRole.OWNER)]


def test_an_invitation_ends_at_its_time_and_a_removal_outlives_everything():
    end = datetime(2026, 11, 29, tzinfo=UTC)
    before = end - timedelta(microseconds=1)
    none = {"accepted_at": None, "removed_at": None, "expires_at": end}
    assert state_of(**none, now=before) is MemberState.INVITED
    assert state_of(**none, now=end) is MemberState.EXPIRED
    assert state_of(**none | {"accepted_at": before}, now=end) is MemberState.ACTIVE
    assert state_of(**none | {"accepted_at": before, "removed_at": end}, now=end) is MemberState.REMOVED
