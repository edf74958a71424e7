"""flask mail bounce: what a mail server's pipe is answered, and a mailbox read by cron."""

from __future__ import annotations

import dataclasses
import mailbox

import pytest
from sqlalchemy import select

from portal import create_app
from portal.extensions import WEB, Database
from portal.models import Mail, MailState
from portal.services.notices import leaving
from tests.fakes.delivery_reports import report, vacation
from tests.services.notices.test_bounces import confirmed, ctx, zoe  # noqa: F401 - a message that may come back
from tests.web.conftest import config  # noqa: F401

AWAY = "postgresql://portal@127.0.0.1:1/portal"


@pytest.fixture
def run(config, ctx):  # noqa: F811
    """Run the command; as a mail server would, with a message on standard input."""

    def invoke(*arguments, raw=b"", within=ctx):
        app = create_app(config, within, pages=False)
        return app.test_cli_runner().invoke(args=["mail", "bounce", *arguments], input=raw)

    return invoke


@pytest.fixture
def to(ctx, confirmed, mailer, make):  # noqa: F811
    """The address that a report about a sent confirmation comes to."""
    assert leaving.send(ctx, confirmed.id, now=make.now()) is MailState.SENT
    return mailer.sent[-1].envelope_sender


def states(ctx):  # noqa: F811
    with ctx.db.read() as session:
        return session.scalars(select(Mail.state).where(Mail.kind == "end_confirmed")).all()


def test_a_pipe_is_answered_with_nothing_and_the_mail_is_returned(run, ctx, to):  # noqa: F811
    done = run("--recipient", to, raw=report("someone@else.test"))
    assert (done.exit_code, done.output) == (0, "")
    assert states(ctx) == [MailState.RETURNED]


@pytest.mark.parametrize(
    "raw", [vacation("nobody@client.test"), b"", report("forged@client.test"), b"\xff" * 3_000_000]
)
def test_what_says_nothing_is_taken_and_not_sent_back(run, ctx, to, raw):  # noqa: F811
    """A refusal would make the server write to whoever the forger named."""
    assert run(raw=raw).exit_code == 0
    assert states(ctx) == [MailState.SENT]


def test_while_the_database_is_away_the_server_is_asked_to_call_again(run, ctx, to):  # noqa: F811
    away = dataclasses.replace(ctx, db=Database(AWAY, patience=WEB))
    done = run("--recipient", to, raw=report(to), within=away)
    assert done.exit_code == 75
    assert "client.test" not in done.output
    assert run("--recipient", to, raw=report(to)).exit_code == 0


def test_a_mailbox_is_read_once_and_says_what_it_held(run, ctx, to, tmp_path):  # noqa: F811
    box = mailbox.Maildir(tmp_path / "bounces")
    for raw in (report(to), vacation(to), b"Subject: spam\n\nbuy\n"):
        box.add(raw)
    done = run("--mailbox", str(tmp_path / "bounces"))
    assert (done.exit_code, done.output) == (0, "counted: 1, no_report: 1, refused: 1\n")
    assert states(ctx) == [MailState.RETURNED]
    assert run("--mailbox", str(tmp_path / "bounces")).output == "nothing new\n"


def test_a_mailbox_keeps_what_could_not_be_counted(run, ctx, to, tmp_path):  # noqa: F811
    box = mailbox.mbox(tmp_path / "bounces")
    box.add(report(to))
    box.close()
    away = dataclasses.replace(ctx, db=Database(AWAY, patience=WEB))
    assert run("--mailbox", str(tmp_path / "bounces"), within=away).exit_code == 75
    assert run("--mailbox", str(tmp_path / "bounces")).output == "counted: 1\n"


def test_a_mailbox_that_is_none_is_an_operator_s_mistake(run, tmp_path):
    done = run("--mailbox", str(tmp_path / "nothing"))
    assert done.exit_code == 1
    assert "neither a Maildir nor an mbox" in done.output
