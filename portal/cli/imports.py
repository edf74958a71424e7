"""flask import-subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from flask.cli import with_appcontext

from portal.cli.context import context, merchant_called
from portal.domain.audit import OPERATOR

if TYPE_CHECKING:
    from portal.models import ImportRun


@click.command("import-subscriptions")
@click.argument("slug", metavar="MERCHANT")
@with_appcontext
def import_subscriptions(slug: str) -> None:
    """Read plans and subscriptions from PayPal; may be run again, and resumes where it was interrupted."""
    from portal.services.imports import imports

    ctx = context()
    merchant_id = merchant_called(slug)

    def show(run: ImportRun) -> None:
        click.echo(
            f"\rpage {run.next_page - 1}: {run.seen} seen, {run.created} new, {run.updated} known, "
            f"{run.unreadable} unreadable",
            nl=False,
        )

    run = imports.start_or_resume(ctx, merchant_id, by=OPERATOR)
    done = imports.run_import(ctx, run.id, on_progress=show)
    click.echo(f"\n{done.state}" + (f": {done.error}" if done.error else ""))
    if done.error:
        raise click.ClickException("The import stopped; run the same command again to go on from there.")
