"""flask merchant: what an operator types and reads."""

from __future__ import annotations

import re
import stat
import zipfile
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.audit import OPERATOR
from portal.domain.subscriptions import Status
from portal.models import Merchant
from portal.services.merchants import departures, standings
from tests.web.conftest import app, applications, config  # noqa: F401 - the application that has the commands

CREATE = ("create", "atelier", "--name", "L’Atelier", "--owner-email", "anne@atelier.test", "--owner-name", "Anne")


@pytest.fixture
def flask(app):  # noqa: F811
    """Run `flask merchant …`; return what it printed, and whether it went well."""

    def run(*arguments, typed=None):
        result = app.test_cli_runner().invoke(args=["merchant", *map(str, arguments)], input=typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.output, result.exit_code

    return run


@pytest.fixture
def sold(make):
    """A merchant with two live subscriptions and one that is over."""
    merchant = make.merchant(slug="atelier", name="L’Atelier")
    for status in (Status.ACTIVE, Status.PAUSED, Status.CANCELLED):
        make.subscription(merchant=merchant, status=status)
    return merchant


def row(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(Merchant)).one()


def test_a_merchant_is_made_and_its_owner_invited_by_a_link(flask):
    said, code = flask(*CREATE)
    assert code == 0
    assert re.search(r"^http://portal\.test/admin/invitation/\S{43}$", said, re.MULTILINE)
    again, code = flask(*CREATE)
    assert (code, "nothing was changed" in again) == (0, True)
    assert again.splitlines()[-1] != said.splitlines()[-1]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({1: "admin"}, "kept for the portal itself"),
        ({1: "L’Atelier"}, "small letters, digits and hyphens"),
        ({3: "Another"}, "is in use by “L’Atelier”"),
    ],
)
def test_a_name_that_cannot_be_used_is_said_clearly(flask, ctx, changed, said):
    flask(*CREATE)
    told, code = flask(*(changed.get(place, word) for place, word in enumerate(CREATE)))
    assert code == 1
    assert said in told
    assert row(ctx).name == "L’Atelier"


@pytest.mark.parametrize(
    "more",
    [
        ("--owner-email", "anne"),
        ("--time-zone", "Europe/Nowhere"),
        ("--locale", "de"),
        ("--name", " "),
        ("--owner-name", ""),
    ],
)
def test_a_slip_of_the_hand_makes_nothing(flask, ctx, more):
    assert flask(*CREATE, *more)[1] == 2
    with ctx.db.read() as session:
        assert session.scalars(select(Merchant)).all() == []


def test_one_that_is_gone_is_listed_and_not_kept(flask, ctx, sold, now):
    last = standings.leave(ctx, sold.id, leave_live=True, by=OPERATOR, now=now - timedelta(days=40))
    assert flask("list")[0].endswith("; what is open is finished first\n")
    departures.run(ctx, now=last)
    assert flask("list")[0].endswith("; its data is being erased\n")
    assert flask("keep", "atelier") == ("Error: atelier is gone: its data is being erased, or was.\n", 1)
    departures.run(ctx, now=last + timedelta(days=1))
    assert re.search(r"; erased on 20\d\d-\d\d-\d\d, its proofs are kept$", flask("list")[0])
    said, code = flask(*CREATE)
    assert (code, "is in use by “L’Atelier”" in said) == (1, True), "nobody else gets its address"


def test_a_suspension_and_its_end(flask, ctx, sold):
    assert flask("suspend", "atelier")[1] == 2, "the reason is required"
    assert flask("suspend", "atelier", "--why", "  ")[1] == 2
    assert flask("suspend", "atelier", "--why", "unpaid")[1] == 0
    assert flask("suspend", "atelier", "--why", "unpaid") == (
        "Error: It is suspended already: `flask merchant resume` lifts that.\n",
        1,
    )
    assert re.search(r"^atelier\tL’Atelier\tsuspended since 20\d\d-\d\d-\d\d: unpaid$", flask("list")[0], re.MULTILINE)
    assert flask("resume", "atelier")[1] == 0
    assert flask("resume", "atelier")[1] == 1
    assert flask("list")[0] == "atelier\tL’Atelier\topen\n"
    assert flask("resume", "nobody")[1] == 1


def test_delete_shows_what_is_live_and_asks_for_what_it_costs(flask, ctx, sold, tmp_path):
    said, code = flask("delete", "atelier", "--without-export", "--yes")
    assert code == 1
    assert "2 live subscriptions (1 active, 1 paused)" in said
    assert "3 customers" in said
    assert "PayPal goes on charging 2 live subscriptions" in said
    assert row(ctx).state == "open"


@pytest.mark.parametrize("given", [(), ("--without-export", "--export", "x.zip")])
def test_delete_wants_either_an_archive_or_none(flask, ctx, sold, given):
    assert flask("delete", "atelier", "--yes", "--leave-live-subscriptions", *given)[1] == 2
    assert row(ctx).state == "open"


def test_delete_exports_first_and_can_be_taken_back(flask, ctx, sold, tmp_path):
    path = tmp_path / "atelier.zip"
    said, code = flask("delete", "atelier", "--export", path, "--leave-live-subscriptions", typed="atelier\n")
    assert code == 0, said
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with zipfile.ZipFile(path) as archive:
        assert len(archive.read("jsonl/subscriptions.jsonl").splitlines()) == 3
    assert row(ctx).state == "leaving"
    assert "leaves on 20" in flask("list")[0]
    assert flask("delete", "atelier", "--without-export", "--leave-live-subscriptions", "--yes")[1] == 1
    assert flask("keep", "atelier")[1] == 0
    assert flask("keep", "atelier")[1] == 1
    assert row(ctx).state == "open"


def test_another_name_typed_or_a_file_that_is_there_changes_nothing(flask, ctx, sold, tmp_path):
    path = tmp_path / "atelier.zip"
    given = ("--leave-live-subscriptions", "--export", path)
    assert flask("delete", "atelier", *given, typed="studio\n")[1] == 1
    assert not path.exists()
    path.write_text("mine")
    said, code = flask("delete", "atelier", "--yes", *given)
    assert (code, "Nothing was changed" in said) == (1, True)
    assert path.read_text() == "mine"
    assert row(ctx).state == "open"


def test_an_archive_that_cannot_be_written_whole_is_taken_away(app, ctx, sold, tmp_path, monkeypatch):  # noqa: F811
    from portal.services.merchants import exports

    monkeypatch.setattr(exports, "plain", lambda _value: 1 / 0)
    path = tmp_path / "atelier.zip"
    asked = ["merchant", "delete", "atelier", "--export", str(path), "--leave-live-subscriptions", "--yes"]
    assert isinstance(app.test_cli_runner().invoke(args=asked).exception, ZeroDivisionError)
    assert not path.exists()
    assert row(ctx).state == "open"


def test_a_set_up_code_is_printed_until_there_is_a_merchant(flask, make):
    said, code = flask("setup-code")
    assert code == 0
    assert re.search(r"^Set-up code: ([A-Z2-9]{4}-){5}[A-Z2-9]{4}$", said, re.MULTILINE)
    make.merchant(key=False)
    assert flask("setup-code")[1] == 1
