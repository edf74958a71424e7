"""flask secrets: which master keys are in use, and sealing everything again with the newest one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click
from flask.cli import with_appcontext

from portal.cli.context import context
from portal.clock import utc_now

if TYPE_CHECKING:
    from portal.services.keys.secret_rotation import Use

KEPT_FOR: Final = (
    "Leave it in the settings for PORTAL_JOURNAL_DAYS after the rotation, and keep it for as long as any backup from"
    " before: both open with it alone."
)


@click.group()
def secrets() -> None:
    """What is encrypted in the database, and the master keys (PORTAL_MASTER_KEYS)."""


@secrets.command("check")
@with_appcontext
def check() -> None:
    """List the key ids in use with the number of rows each; fails when one of them is not configured."""
    from portal.services.keys import secret_rotation

    ctx = context()
    click.echo(f"Configured, newest first: {', '.join(ctx.vault.key_ids)}")
    found = secret_rotation.uses(ctx)
    for use in found:
        state = "newest" if use.key_id == ctx.vault.newest_id else ("older" if use.is_known else "NOT CONFIGURED")
        click.echo(f"{use.column}: {use.count} sealed with {use.key_id or '(no key id)'} ({state})")
    unneeded = set(ctx.vault.key_ids) - {ctx.vault.newest_id} - {use.key_id for use in found}
    if unneeded:
        click.echo(f"Sealed nothing in the database any more: {', '.join(sorted(unneeded))}. {KEPT_FOR}")
    _stop_at([use for use in found if not use.is_known])


@secrets.command("replace-signing-keys")
@with_appcontext
def replace_signing_keys() -> None:
    """Sign access tokens with a new key at once, and forget the others: for a key that somebody may have read."""
    from portal.services import access_tokens

    access_tokens.replace(context(), now=utc_now())
    click.echo("A new key signs. Whoever verifies tokens reads it within five minutes; until then they are refused.")


@secrets.command("rotate")
@click.option("--batch", default=200, show_default=True, type=click.IntRange(1, 10_000), help="Rows a transaction.")
@click.option("--leave-lost", is_flag=True, help="Go on although some rows were sealed with keys that are gone.")
@with_appcontext
def rotate(batch: int, leave_lost: bool) -> None:
    """Seal everything again with the newest key. The portal may run; may be interrupted and run again."""
    from portal.services.keys import secret_rotation
    from portal.services.keys.secret_rotation import MissingKeys

    ctx = context()

    def show(column: str, count: int) -> None:
        click.echo(f"{column}: {count} sealed again with {ctx.vault.newest_id}")

    try:
        done = secret_rotation.rotate(ctx, batch=batch, leave_lost=leave_lost, on_progress=show)
    except MissingKeys as missing:
        _stop_at(missing.lost)
        raise
    click.echo(f"{done.sealed} sealed again.")
    for column, row_id in done.unreadable:
        click.echo(f"{column} of row {row_id} does not open: it was changed, or moved from another place.", err=True)
    if done.in_use or done.unreadable:
        raise click.ClickException(
            f"{done.in_use} in use, {len(done.unreadable)} unreadable. Run it again for those in use."
        )


def _stop_at(lost: list[Use]) -> None:
    """Name the rows that cannot be opened without the missing keys, and fail."""
    if not lost:
        return
    for use in lost:
        click.echo(f"{use.column}: {use.count} sealed with {use.key_id or '(no key id)'}, which is missing:", err=True)
        for row_id in use.rows:
            click.echo(f"  {row_id}", err=True)
        if use.count > len(use.rows):
            click.echo(f"  … and {use.count - len(use.rows)} more", err=True)
    raise click.ClickException("Nothing was changed. Put the missing keys back into PORTAL_MASTER_KEYS, at the end.")
