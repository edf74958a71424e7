"""flask migrate, flask work."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext

from config import Config
from portal import arenas, queue, releases
from portal.cli.context import context


@click.command()
@click.option("--back-to", metavar="NUMBER", help="Undo what came after this migration, before an older release.")
@click.option("--drop-audit-chain", is_flag=True, help="Allow --back-to to drop an audit chain that has rows.")
@with_appcontext
def migrate(back_to: str | None, drop_audit_chain: bool) -> None:
    """Bring the database to the newest schema, and see that it is what the code expects."""
    from portal import migrating
    from portal.models import Base
    from portal.services.keys import secret_rotation

    url = context(any_schema=True).db.url
    try:
        if back_to is not None:
            migrating.downgrade(url, back_to, drop_audit_chain=drop_audit_chain)
            click.echo(f"The database is as migration {back_to} leaves it.")
            return
        migrating.upgrade(url)
    except migrating.ChainWouldBeLost as lost:
        raise click.ClickException(f"{lost}. Export it first (flask audit export); then --drop-audit-chain.") from lost
    except releases.Refused as refused:
        raise click.ClickException(str(refused)) from refused
    found = migrating.differences(url, Base.metadata)
    if found:
        raise click.ClickException(
            "The database is not what the code expects:\n" + "\n".join(f"  {one}" for one in found)
        )
    taken = migrating.taken_names(url)
    if taken:
        raise click.ClickException(
            f"These merchants bear a name that the portal needs for itself: {', '.join(taken)}. Give each another one "
            "in the column slug of the table merchants, tell its customers the new addresses, and migrate again."
        )
    secret_rotation.bind(context())
    click.echo("The database is up to date.")


def _lanes(_context: click.Context, _option: click.Parameter, value: str) -> tuple[str, ...]:
    """Read the lanes that a worker is to have; raise BadParameter for one that does not exist."""
    wanted = tuple(filter(None, (name.strip() for name in value.split(","))))
    unknown = [name for name in wanted if name not in queue.LANES]
    if unknown or not wanted:
        raise click.BadParameter(f"{', '.join(unknown) or 'nothing'}: choose among {', '.join(queue.LANES)}")
    return wanted


@click.command()
@click.option("--concurrency", default=queue.CONCURRENCY, show_default=True, help="How many jobs at once.")
@click.option(
    "--lanes",
    metavar="NAME,...",
    default=",".join(queue.LANES),
    show_default=True,
    callback=_lanes,
    help="Which of the work: of every lane there must be a worker somewhere.",
)
@with_appcontext
def work(concurrency: int, lanes: tuple[str, ...]) -> None:
    """Run jobs until stopped: ends, mails, imports, housekeeping."""
    arenas.keep_small()
    from portal import first_use
    from portal.jobs import metrics, run_worker

    config: Config = current_app.extensions["portal_config"]
    ctx, at = context(), config.metrics_worker
    try:
        told = metrics.telling(ctx, at, config.metrics_tokens, config.data_folder)
    except OSError as error:
        raise click.ClickException(f"PORTAL_METRICS_WORKER: {error.strerror}") from error
    first_use.begin()
    try:
        with told:
            run_worker(ctx, concurrency=concurrency, lanes=lanes)
    except releases.Refused as refused:
        raise click.ClickException(str(refused)) from refused
