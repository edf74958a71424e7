"""flask audit: check a merchant's audit chain, give it as a file."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import click
from flask.cli import with_appcontext

from portal.cli.context import context, merchant_called
from portal.clock import utc_now
from portal.domain.audit import OPERATOR, Flaw
from portal.domain.law.court_files import Occasion
from portal.models import Merchant
from portal.queries import audit as queries

if TYPE_CHECKING:
    from portal.services.audit.audit_checks import Verdict
    from portal.services.time_stamps import Checked

WORDS: Final = {
    Flaw.CHANGED: "row {} was changed: its content does not give its hash",
    Flaw.MISSING: "row {} is missing, later rows are there",
    Flaw.MOVED: "row {} does not follow the row before it: it was moved here, or that row was replaced with its hash",
    Flaw.CUT_OFF: "row {} and what came after it are missing at the end",
    Flaw.BEYOND_END: "row {} stands behind the recorded end of the chain: it was put there by hand",
    Flaw.OTHER_END: "row {} is not the row that the recorded end of the chain names",
    Flaw.NOT_EXPECTED: "row {} has another hash than expected: rows up to there were written anew",
}
DATE: Final = click.DateTime(["%Y-%m-%d"])
FOLDER: Final = click.Path(exists=True, file_okay=False, writable=True, path_type=Path)


class Mark(click.ParamType[tuple[int, str]]):
    """NUMBER:HASH, as `flask audit verify` prints it."""

    name = "NUMBER:HASH"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, str]:
        """Return number and hash; fail for anything else."""
        found = re.fullmatch(r"([1-9]\d{0,17}):([0-9a-f]{64})", str(value))
        if found is None:
            self.fail("write the number, a colon and the 64 digits of the hash", param, ctx)
        return int(found[1]), found[2]


@click.group()
def audit() -> None:
    """The audit chain: what was done, each row with the hash of the one before."""


@audit.command()
@click.argument("slug", metavar="[MERCHANT]", required=False)
@click.option("--expect", type=Mark(), help="A number and hash written down earlier: the chain must still hold it.")
@with_appcontext
def verify(slug: str | None, expect: tuple[int, str] | None) -> None:
    """Walk one merchant's chain, or every merchant's; fails at the first changed, missing or moved row.

    Outside time stamps are checked too: against the chain's rows and the proofs as they are now.
    """
    from portal.services import time_stamps
    from portal.services.audit import audit_checks

    if expect is not None and slug is None:
        raise click.UsageError("--expect concerns one merchant: name it.")
    ctx = context()
    with ctx.db.read() as session:
        merchants = queries.merchants(session)
    if slug is not None:
        merchants = [(merchant_called(slug), slug)]
    verdicts = [(name, audit_checks.check(ctx.db, merchant_id, expect=expect)) for merchant_id, name in merchants]
    wrong = [name for name, verdict in verdicts if not _show(name, verdict)]
    wrong += [name for merchant_id, name in merchants if not _show_stamps(name, time_stamps.check(ctx, merchant_id))]
    if wrong:
        raise click.ClickException(f"The audit chain does not hold: {', '.join(dict.fromkeys(wrong))}.")


def _show(slug: str, verdict: Verdict) -> bool:
    if verdict.found is None:
        click.echo(f"{slug}: {verdict.last} rows, whole. End: {verdict.last}:{verdict.last_hash}")
        return True
    click.echo(f"{slug}: {WORDS[verdict.found.flaw].format(verdict.found.number)}.", err=True)
    click.echo(f"{slug}: the {verdict.checked} rows before are whole. Recorded end: {verdict.last}:{verdict.last_hash}")
    return False


def _show_stamps(slug: str, found: Checked) -> bool:
    if found.unchecked:
        click.echo(f"{slug}: {found.unchecked} time stamps not checked: PORTAL_TIMESTAMP_TRUST is not set.")
    elif found.whole or found.wrong:
        click.echo(f"{slug}: {found.whole} time stamps hold.")
    if found.wrong:
        click.echo(f"{slug}: these time stamps do not: {', '.join(found.wrong)}.", err=True)
    return not found.wrong


@audit.command()
@click.argument("slug", metavar="MERCHANT")
@click.option("--format", "wanted", type=click.Choice(["csv", "jsonl"]), required=True)
@click.option("--since", type=DATE, help="The first day, in the merchant's time zone.")
@click.option("--until", type=DATE, help="The last day.")
@with_appcontext
def export(slug: str, wanted: str, since: datetime | None, until: datetime | None) -> None:
    """Write a merchant's chain to the standard output; this too is appended to it."""
    from portal.services.audit import audit_exports

    ctx, merchant_id = context(), merchant_called(slug)
    with ctx.db.read() as session:
        zone = ZoneInfo(session.get_one(Merchant, merchant_id).time_zone)
    pieces = audit_exports.export(
        ctx,
        merchant_id,
        audit_exports.Format(wanted),
        by=OPERATOR,
        since=since.replace(tzinfo=zone) if since else None,
        until=(until + timedelta(days=1)).replace(tzinfo=zone) if until else None,
        now=utc_now(),
    )
    for piece in pieces:
        click.echo(piece, nl=False)


@audit.command("court-file")
@click.argument("slug", metavar="MERCHANT")
@click.argument("reference")
@click.option("--occasion", type=click.Choice([one.value for one in Occasion]), required=True, help="Why it is taken.")
@click.option("--to", "folder", type=FOLDER, default=".", help="The folder that it is written into.")
@with_appcontext
def court_file(slug: str, reference: str, occasion: str, folder: Path) -> None:
    """Write one end with all that proves it as a ZIP (docs/proofs.md), also of a merchant who is gone."""
    from portal.queries.law import proofs
    from portal.services import court_files

    ctx, merchant_id = context(), merchant_called(slug)
    with ctx.db.read() as session:
        proof = proofs.by_reference(session, reference.upper())
    if proof is None or proof.merchant_id != merchant_id:
        raise click.ClickException(f"{slug} has no proof of an end {reference}.")
    wanted = Occasion(occasion)
    file = court_files.export(ctx, merchant_id, proof.end_request_id, wanted, by=OPERATOR, now=utc_now())
    try:
        (folder / file.name).write_bytes(file.content)
    except OSError as error:  # the chain has it already: the row is in the file
        raise click.ClickException(f"{folder / file.name} was not written: {error.strerror}.") from None
    click.echo(f"Written: {folder / file.name}")
