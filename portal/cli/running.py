"""flask migrate, flask work."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from portal import migrating, queue
from portal.cli.context import context


@click.command()
@with_appcontext
def migrate() -> None:
    """Bring the database to the newest schema."""
    migrating.upgrade(context().db.url)
    click.echo("The database is up to date.")


@click.command()
@click.option("--concurrency", default=queue.CONCURRENCY, show_default=True, help="How many jobs at once.")
@with_appcontext
def work(concurrency: int) -> None:
    """Run jobs until stopped: ends, mails, imports, housekeeping."""
    from portal.jobs import run_worker

    run_worker(context(), concurrency=concurrency)
