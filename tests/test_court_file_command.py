"""flask audit court-file: an end with all that proves it, from the command line."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import func, select

from portal import create_app
from portal.models import AuditEntry
from tests.services.carrying.carried import ask, carry
from tests.web.conftest import config  # noqa: F401 - an application's


@pytest.fixture
def flask(config, ctx):  # noqa: F811
    app = create_app(config, ctx, pages=False)

    def run(*arguments):
        result = app.test_cli_runner().invoke(args=["audit", "court-file", *map(str, arguments)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.output, result.exit_code

    return run


@pytest.fixture
def ended(ctx, make):
    return carry(ctx, ask(ctx, make, make.subscription(merchant=make.merchant(slug="atelier"))))


def taken(ctx) -> int:
    with ctx.db.read() as session:
        return session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.act == "export.proof"))


def test_it_is_written_into_the_folder_that_is_named(ctx, ended, flask, tmp_path):
    said, code = flask("atelier", ended.reference, "--occasion", "court", "--to", tmp_path)
    (path,) = tmp_path.glob("*.zip")
    assert (said, code, taken(ctx)) == (f"Written: {path}\n", 0, 1)


def test_a_folder_that_cannot_be_written_is_said_before_the_chain_has_its_row(ctx, ended, flask, tmp_path, monkeypatch):
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode, **more: mode != os.W_OK and access(path, mode, **more))
    said, code = flask("atelier", ended.reference, "--occasion", "court", "--to", tmp_path)
    assert "is not writable" in said
    assert (code, taken(ctx)) == (2, 0)


def test_a_file_that_cannot_be_written_is_no_traceback(ended, flask, tmp_path):
    (tmp_path / f"{ended.reference}.zip").mkdir()
    said, code = flask("atelier", ended.reference, "--occasion", "court", "--to", tmp_path)
    assert "was not written: Is a directory." in said
    assert code == 1
