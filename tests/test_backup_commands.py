"""flask backup, open-backup, recover: what an operator types after a night that went wrong."""

from __future__ import annotations

import os
import re
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import update

from portal import clock, create_app, make_context, releases, sealed_files
from portal.domain.ends.end_requests import RequestState
from portal.extensions import WORK
from portal.journal import segments
from portal.models import Merchant
from portal.providers.gates import GatedGateways, GatedMailer
from portal.secrets import Vault
from portal.services import recovering
from tests.conftest import MASTER_KEYS
from tests.services.carrying.carried import ask
from tests.services.recovering.backups import Backup
from tests.services.recovering.conftest import ctx, journal  # noqa: F401 - an installation with a journal
from tests.services.recovering.stories import found
from tests.web.conftest import config  # noqa: F401 - an application's


@pytest.fixture
def flask(config, ctx):  # noqa: F811
    app = create_app(config, ctx, pages=False)

    def call(*arguments, fails=False):
        result = app.test_cli_runner().invoke(args=[str(one) for one in arguments])
        assert (result.exit_code != 0) is fails, result.output
        return result.output

    return call


def test_a_backup_is_one_sealed_file_that_brings_everything_back(
    ctx,  # noqa: F811
    make,
    flask,
    tmp_path,
    database_url,
):
    subscription = make.subscription(merchant=make.merchant())
    before = ask(ctx, make, subscription)
    said = flask("backup", tmp_path)
    assert re.search(r"^By \S+pg_dump of PostgreSQL \d+: an older pg_restore does not take it\.$", said, re.MULTILINE)
    (path,) = tmp_path.glob("portal-*.dump.sealed")
    assert path.stat().st_mode & 0o077 == 0
    assert b"PGDMP" not in path.read_bytes()
    since = ask(ctx, make, make.subscription())

    flask("open-backup", path, tmp_path / "portal.dump")
    assert flask("open-backup", path, tmp_path / "portal.dump", fails=True).endswith("was not written: File exists.\n")
    Backup.of(ctx.db, database_url, tmp_path / "portal.dump").restore()
    said = flask("recover", "--dry-run")
    assert "end_requests: 1" in said
    assert "Nothing was changed." in said
    said = flask("recover")
    assert "end_requests: 1" in said
    assert "it had reached" in said
    assert [found(ctx, one).state for one in (before, since)] == [RequestState.RECORDED] * 2


def test_a_backup_opens_beside_the_empty_database_that_it_is_for(flask, tmp_path, monkeypatch):
    """The first step of a restore comes before any table; and whoever upgrades may still keep what there was."""
    empty = releases.Schema(revision="", least_code="", is_replica=False, is_read_only=False)
    monkeypatch.setattr(releases, "look", lambda _session: empty)
    assert "has no tables yet" in flask("merchant", "list", fails=True)
    flask("backup", tmp_path)
    (path,) = tmp_path.glob("portal-*.dump.sealed")
    flask("open-backup", path, tmp_path / "portal.dump")
    assert (tmp_path / "portal.dump").read_bytes().startswith(b"PGDMP")


def test_a_backup_that_was_cut_short_or_changed_does_not_open(tmp_path, flask):
    vault = Vault(MASTER_KEYS)
    plain, path, target = tmp_path / "plain", tmp_path / "sealed", tmp_path / "opened"
    plain.write_bytes(bytes(range(256)) * 10_000)
    with plain.open("rb") as file:
        sealed_files.write_whole(path, sealed_files.sealing(vault, file))
    whole = path.read_bytes()
    flask("open-backup", path, target)
    assert target.read_bytes() == plain.read_bytes()
    target.unlink()
    pieces = [whole[:40], whole[:-1], whole[: len(whole) // 2], whole[:-400_000], b"x" + whole, whole[:-1] + b"x"]
    for bad in (b"", *pieces):
        path.write_bytes(bad)
        assert "does not open" in flask("open-backup", path, target, fails=True)
        assert not target.exists()


def test_whoever_is_ended_as_the_file_is_opened_leaves_none_and_takes_nobody_elses(tmp_path, monkeypatch):
    path, plain_open = tmp_path / "sealed", os.open

    def ended(*args, **more):
        os.close(plain_open(*args, **more))
        raise SystemExit(143)  # as SIGTERM between two steps

    monkeypatch.setattr(sealed_files.os, "open", ended)
    with pytest.raises(SystemExit):
        sealed_files.write_whole(path, iter([b"piece"]))
    assert not path.exists()
    path.write_bytes(b"somebody's")
    with pytest.raises(FileExistsError):
        sealed_files.write_whole(path, iter([b"piece"]))
    assert path.read_bytes() == b"somebody's"


def test_a_piece_cannot_be_left_out_at_its_seam(tmp_path):
    vault = Vault(MASTER_KEYS)
    plain, path = tmp_path / "plain", tmp_path / "sealed"
    plain.write_bytes(b"a" * (2 * sealed_files.PIECE + 5))
    with plain.open("rb") as file:
        pieces = list(sealed_files.sealing(vault, file))
    assert len(pieces) == 4
    for kept in ([0, 1, 2], [0, 2, 3], [0, 1, 3], [0, 2, 1, 3]):
        path.write_bytes(b"".join(pieces[place] for place in kept))
        with path.open("rb") as file, pytest.raises(sealed_files.CannotOpen):
            list(sealed_files.opened(vault, file))


def test_a_failed_dump_leaves_no_file_behind(ctx, flask, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr("portal.cli.backups._pg_dump", lambda _ctx: ("/bin/false", 18))
    assert "pg_dump failed" in flask("backup", tmp_path, fails=True)
    assert list(tmp_path.glob("portal-*")) == []


def test_recover_says_why_it_does_nothing(ctx, flask, database_url, db, journal):  # noqa: F811
    with psycopg.connect(database_url) as other:
        other.execute(f"SELECT pg_advisory_lock({recovering.ONE_AT_A_TIME})")
        assert "Another recovery is running." in flask("recover", fails=True)
    journal.folder.path.rename(journal.folder.path.with_name("away"))
    assert "cannot be read" in flask("recover", fails=True)
    db.journal = None
    assert "PORTAL_JOURNAL is not set" in flask("recover", fails=True)
    assert "database alone" in flask("stop-journal")


def test_the_settings_alone_make_an_installation_that_keeps_a_journal(config, database_url, tmp_path, make):  # noqa: F811
    folder = tmp_path / "kept"
    folder.mkdir()
    merchant = make.merchant()
    here = make_context(replace(config, journal_folder=folder, journal_days=40))
    patient = here.db.with_patience(WORK)
    try:
        for number, db in enumerate((here.db, patient)):
            with db.begin() as session:
                session.execute(update(Merchant).where(Merchant.id == merchant.id).values(name=f"Name {number}"))
        (path,) = folder.iterdir()
        found = segments.read(path, here.vault).entries
        assert [one.image["name"] for one in found if one.of_table == "merchants"] == ["Name 0", "Name 1"]
        assert not here.is_restored
        assert isinstance(here.gateways, GatedGateways)
        assert isinstance(here.mailer, GatedMailer)
    finally:
        for db in (here.db, patient):
            db.dispose()
        clock.follow(None)
