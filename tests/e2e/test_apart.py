"""Pages that the demo's world never comes to: an installation without a merchant, a message that came back, an end
whose paid time nobody knows, files that could not be made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select

from config import Config
from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.desk.list_exports import Format
from portal.domain.desk.list_views import FILTERS, List
from portal.domain.ends.end_requests import Channel
from portal.domain.policies import Actor
from portal.models import Customer, EndRequest, Merchant, Staff
from portal.queries.desk.subscription_filters import Whose
from portal.services import list_exports
from portal.services.context import Context
from portal.services.merchants import merchant_archives
from portal.services.own_data import erasing
from tests.browser_client import Browser
from tests.e2e.conftest import NewVisitor
from tests.e2e.looks import APART_LOOKS, Look, complaints
from tests.e2e.serving import served
from tests.web.admin.conftest import enter, merchant, owner, support, undated  # noqa: F401 - the desk's fixtures serve here
from tests.web.admin.test_archive import ended  # noqa: F401
from tests.web.admin.test_customer_record import confirmed, zoe  # noqa: F401
from tests.web.admin.test_returned_mails import returned  # noqa: F401
from tests.web.conftest import app, applications, config, hire, seat_staff  # noqa: F401

See = Callable[[str, str], None]
pytestmark = pytest.mark.parametrize("look", APART_LOOKS, ids=str)


@pytest.fixture
def ctx(ctx: Context) -> Context:
    return dataclasses.replace(ctx, bounce_address="rebond@portal.test")


@pytest.fixture
def address(config: Config, ctx: Context) -> Iterator[str]:  # noqa: F811
    """Where the portal answers; asked for before any visitor, so that it closes when they have gone."""
    with served(config, ctx) as there:
        yield there


@pytest.fixture
def see(request: pytest.FixtureRequest, address: str, new_visitor: NewVisitor, look: Look) -> See:
    """Open a page as whoever the test has seated at the desk, on one screen, and find nothing wrong with it."""

    def open_page(name: str, path: str) -> None:
        visitor = new_visitor(name, locale=look.locale, size=look.size, scripts=True)  # axe is one
        for who in {"support", "owner"} & set(request.fixturenames):
            desk: Browser = request.getfixturevalue(who)
            token = desk.cookie("portal_staff") or ""
            visitor.page.context.add_cookies([{"name": "portal_staff", "value": token, "url": address}])
        visitor.page.emulate_media(color_scheme=look.scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        visitor.open(address + path)
        assert visitor.path == path
        visitor.keep(f"{name}-{look}")
        assert complaints(visitor.page) == []
        assert visitor.problems == []

    return open_page


@pytest.mark.usefixtures("owner")
def test_the_file_for_a_court(see: See, ended: EndRequest) -> None:  # noqa: F811
    see("court-file", f"/admin/requests/{ended.id}/court-file")


@pytest.mark.usefixtures("owner", "ended")
def test_the_archive_of_an_erased_customer(see: See, ctx: Context) -> None:
    with ctx.db.begin() as session:
        (customer,) = session.scalars(select(Customer)).all()
        erasing.erase(session, customer, now=utc_now())
    see("archive", f"/admin/customers/{customer.id}/archive")


def test_files_that_could_not_be_made(see: See, ctx: Context, owner: Browser, merchant: Merchant) -> None:  # noqa: F811
    now, whose = utc_now(), Whose(merchant_id=merchant.id, time_zone="Europe/Paris", now=utc_now())
    with ctx.db.read() as session:
        member = session.scalars(select(Staff)).one()
    by = By(actor=Actor.STAFF, actor_id=member.id, channel=Channel.STAFF)
    wanted = FILTERS[List.SUBSCRIPTIONS].parse([]).filter
    exported = list_exports.start(ctx, whose, member.id, List.SUBSCRIPTIONS, wanted, Format.CSV, by=by)
    list_exports.give_up(ctx, exported, now=now)
    see("desk list that could not be made", f"/admin/exports/{exported}")
    merchant_archives.give_up(ctx, merchant_archives.start(ctx, merchant.id, by=by, now=now), now=now)
    see("desk archive that could not be made", "/admin/data/archive")


def test_the_first_merchant(see: See) -> None:
    see("set-up", "/setup")


def test_a_message_that_came_back(see: See, support, returned, confirmed, zoe) -> None:  # noqa: F811
    returned(confirmed, status="5.2.2", diagnostic="smtp; 552 5.2.2 Over quota")
    see("desk inbox, a message came back", "/admin/")
    see("desk customer, whose messages come back", f"/admin/customers/{zoe.id}")


def test_an_end_whose_paid_time_nobody_knows(see: See, support, undated) -> None:  # noqa: F811
    subscription, _request = undated
    see("desk paid until", f"/admin/subscriptions/{subscription.id}/paid-until")
