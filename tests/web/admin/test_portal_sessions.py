"""The desk's list of portal sessions: for whom, to do what, when, and what became of each."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.integrations.task_links import TaskKind
from portal.models import TaskLink
from portal.services import portal_sessions
from portal.services.portal_sessions import Flow

HERE = "/admin/integrations/sessions"


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="en", return_addresses=["https://shop.example"])


def rows(page):
    return [[cell.get_text(" ", strip=True) for cell in row.select("th, td")] for row in page.select("tbody tr")]


def test_it_lists_the_newest_first_with_their_state_and_nobody_else_s(reader, ctx, make, merchant, link_of):
    assert "No session yet." in reader.get(HERE).text
    other = make.merchant(return_addresses=["https://shop.example"])
    held = make.subscription(merchant=merchant, customer=make.customer(merchant, name="Zoé"))
    link_of(make.subscription(merchant=other), TaskKind.NONE)
    states = [
        ("Finished", {"used_at": utc_now(), "done_at": utc_now()}),
        ("Opened", {"used_at": utc_now()}),
        ("Never opened", {"expires_at": utc_now() - timedelta(minutes=1)}),
        ("Withdrawn", {"withdrawn_at": utc_now()}),
        ("Not opened yet", {}),
    ]
    for age, (_state, columns) in enumerate(states):
        made = link_of(held, TaskKind.CANCEL if age else TaskKind.NONE)
        with ctx.db.begin() as session:
            at = {"created_at": utc_now() - timedelta(seconds=len(states) - age)}
            session.execute(update(TaskLink).where(TaskLink.id == made.id).values(**at, **columns))
    page = reader.get(HERE)
    found = rows(page)
    assert [row[4] for row in found] == [state for state, _columns in reversed(states)]
    assert {row[0] for row in found} == {"Zoé"}
    assert found[0][1] == "Cancel a subscription Cours de piano"
    assert found[-1][1] == "The whole account"
    assert found[0][2].endswith("Course site")
    assert page.select("main form[method=post]") == []


@pytest.fixture
def link_of(ctx):
    def make(held, kind):
        flow = Flow(type=kind, subscription_id=held.id if kind is TaskKind.CANCEL else None)
        how = {"return_url": "https://shop.example", "flow": flow, "by": By(name="Course site"), "now": utc_now()}
        return portal_sessions.create(ctx, held.merchant_id, held.customer_id, **how)[0]

    return make
