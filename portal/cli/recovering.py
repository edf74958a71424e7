"""flask recover: after a restored backup, what people were told since is put back from the journal."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import click
from flask.cli import with_appcontext

from portal.cli.context import context
from portal.clock import utc_now

if TYPE_CHECKING:
    from portal.services.replaying import Report


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what is missing, and change nothing.")
@click.option("--adopt", type=click.UUID, multiple=True, help="The journal of an installation that this database is.")
@with_appcontext
def recover(dry_run: bool, adopt: tuple[uuid.UUID, ...]) -> None:
    """Put back from the journal what the restored database does not know; then PayPal and mail are served again."""
    from portal.services import recovering

    try:
        report = recovering.recover(context(), now=utc_now(), dry_run=dry_run, adopt=[one.hex for one in adopt])
    except recovering.NoJournal:
        raise click.ClickException("PORTAL_JOURNAL is not set: there is no journal to recover from.") from None
    except recovering.RecoveryRuns:
        raise click.ClickException("Another recovery is running. Nothing was done.") from None
    except recovering.OtherInstallation as other:
        raise click.ClickException(
            f"The folder holds the journal of another installation: {other}. If this database is a backup of that one, "
            "made before it had a journal, add --adopt and its name; otherwise take those files away. Nothing was done."
        ) from None
    except OSError as error:
        raise click.ClickException(f"The journal cannot be read: {error.strerror}. Nothing was done.") from None
    _show(report, is_dry=dry_run)
    if report.unplaced:
        raise click.ClickException(f"{len(report.unplaced)} entries had no place: look at each. All else is done.")


@click.command("stop-journal")
@with_appcontext
def stop_journal() -> None:
    """Note nothing for the journal any more, once PORTAL_JOURNAL is taken out of every process's settings."""
    from portal.services import restores

    if context().db.journal is not None:
        raise click.ClickException("PORTAL_JOURNAL is still set: take it out of the settings first.")
    restores.switch_off(context().db)
    click.echo("What people are told is kept in the database alone.")


def _show(report: Report, *, is_dry: bool) -> None:
    click.echo(
        f"{report.segments} segments, {report.entries} entries; {report.unknown} that the database did not know."
    )
    for table, count in sorted(report.put.items()):
        click.echo(f"  {table}: {count}")
    if is_dry:
        click.echo("Nothing was changed.")
    if report.kept:
        click.echo(f"{report.kept} rows were changed since: those are kept.")
    if report.erased:
        click.echo(f"{report.erased} customers were erased again.")
    for merchant_id, (end, former) in report.cut.items():
        if former > end:
            click.echo(f"Audit chain of merchant {merchant_id}: it had reached {former}, and goes on after {end}.")
    for reference in report.asked_again:
        click.echo(f"Request {reference} was asked for again after the restore: the earlier one counts.")
    for act_id in report.stopped:
        click.echo(f"The act on many subscriptions {act_id} ran: it is stopped, until somebody resumes it at the desk.")
    for name in report.torn:
        click.echo(f"The last line of {name} was not whole: the process died over it, or the disk was full.")
    for said in (*report.flaws, *(f"{name}: not a segment of ours" for name in report.strange)):
        click.echo(f"Not trusted: {said}", err=True)
    for said in report.unplaced:
        click.echo(f"No place for: {said}", err=True)
