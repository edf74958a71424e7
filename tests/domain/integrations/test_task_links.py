"""What a link to one task is, and which pages are its own."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.integrations.task_links import TASKS, Door, TaskKind, door, is_part_of, page_of

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
THIS, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


def test_every_kind_has_its_line_and_only_cancelling_acts():
    assert set(TASKS) == set(TaskKind)
    assert [kind for kind in TaskKind if TASKS[kind].acts] == [TaskKind.CANCEL]
    assert page_of(TaskKind.CANCEL, THIS) == f"subscriptions/{THIS}/cancellation"
    assert page_of(TaskKind.ACCESS, None) == "access"


@pytest.mark.parametrize(
    ("path", "is_own"),
    [
        (f"subscriptions/{THIS}/late", True),
        (f"subscriptions/{THIS}/late/more", True),
        (f"subscriptions/{THIS}/later", False),
        (f"subscriptions/{THIS}", False),
        (f"subscriptions/{OTHER}/late", False),
        (f"subscriptions/{THIS}/cancellation", False),
        ("", False),
    ],
)
def test_the_pages_of_a_task_are_its_own_and_what_lies_below(path, is_own):
    assert is_part_of(path, TaskKind.LATE, THIS) is is_own


@pytest.mark.parametrize(
    ("more", "leads_to"),
    [
        ({}, Door.OPEN),
        ({"expires_at": NOW}, Door.OLD),
        ({"used_at": NOW}, Door.USED),
        ({"used_at": NOW, "expires_at": NOW}, Door.USED),
        ({"used_at": NOW, "withdrawn_at": NOW}, Door.WITHDRAWN),
    ],
)
def test_a_link_is_good_once_and_until_a_moment(more, leads_to):
    link = {"expires_at": NOW + timedelta(seconds=1), "used_at": None, "withdrawn_at": None} | more
    assert door(**link, now=NOW) is leads_to
