"""An installation that keeps a journal, and a backup of it that is really restored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from portal.journal.gathering import Journal
from portal.providers.gates import GatedGateways, GatedMailer
from portal.services.restores import Gate
from tests.services.recovering.backups import Backup


@pytest.fixture
def journal(tmp_path, vault):
    folder = tmp_path / "journal"
    folder.mkdir()
    return Journal(folder, vault)


@pytest.fixture
def ctx(ctx, db, journal):
    """As tests/conftest.py makes it, with a journal, and a gate before PayPal and the mail server."""
    db.keep_journal(journal)
    return gated(ctx)


def gated(ctx):
    """The same in another process: it has not looked at anything yet."""
    gate = Gate(ctx.db)
    reached = getattr(ctx.gateways, "_gateways", ctx.gateways), getattr(ctx.mailer, "_mailer", ctx.mailer)
    return replace(
        ctx,
        gate=gate,
        gateways=GatedGateways(reached[0], gate.is_shut),
        mailer=GatedMailer(reached[1], gate.is_shut),
    )


@pytest.fixture
def backup(ctx, database_url, tmp_path):
    """Dump the database now; `restore` puts it back as it was then."""

    def dump():
        return Backup(ctx.db, database_url, tmp_path / "backup.dump")

    return dump


@pytest.fixture
def restarted(ctx):
    """A process that is started after the restore."""
    return lambda: gated(ctx)
