"""flask backup, flask open-backup: the database as one sealed file, by PostgreSQL's own pg_dump (docs/backup.md)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import click
from flask.cli import with_appcontext
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from portal import postgres, sealed_files
from portal.cli.context import context
from portal.clock import utc_now
from portal.secrets import CannotOpen

if TYPE_CHECKING:
    from portal.services.context import Context

FOLDER = click.Path(exists=True, file_okay=False, writable=True, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=FOLDER)
@with_appcontext
def backup(folder: Path) -> None:
    """Write the whole database into FOLDER, as one file that only the master keys open."""
    ctx = context(any_schema=True)  # of any release: what is to be kept is there before it is migrated
    path = folder / f"portal-{utc_now():%Y%m%dT%H%M%SZ}.dump.sealed"
    half = path.with_suffix(".half")  # whoever copies finished files away never takes it
    dump, version = _pg_dump(ctx)
    try:
        _dump(ctx, dump, half)
        half.rename(path)
    except OSError as error:
        raise click.ClickException(f"The backup was not written: {error.strerror}.") from None
    click.echo(f"Written: {path}, {path.stat().st_size} bytes. The master keys of today open it; keep them elsewhere.")
    click.echo(f"By {dump} of PostgreSQL {version}: an older pg_restore does not take it.")


@click.command("open-backup")
@click.argument("path", type=FILE, metavar="FILE")
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@with_appcontext
def open_backup(path: Path, target: Path) -> None:
    """Open a FILE that `flask backup` wrote into TARGET, which pg_restore takes; no database is needed."""
    try:
        with path.open("rb") as file:
            sealed_files.write_whole(target, sealed_files.opened(context(any_schema=True).vault, file))
    except CannotOpen as error:
        raise click.ClickException(f"{path} does not open: {error}. Nothing was written.") from None
    except OSError as error:
        raise click.ClickException(f"{target} was not written: {error.strerror}.") from None
    click.echo(f"Written: {target}")


def _dump(ctx: Context, dump: str, path: Path) -> None:
    """Seal what pg_dump says, as it says it: nothing of it ever lies open on a disk."""
    parts = {name: str(value) for name, value in conninfo_to_dict(ctx.db.url).items() if value is not None}
    password = parts.pop("password", "")  # a command line is everybody's to read
    environment = os.environ | ({"PGPASSWORD": password} if password else {})
    call = [dump, "--format=custom", "--no-owner", "--no-privileges", f"--dbname={make_conninfo(**parts)}"]
    with subprocess.Popen(call, stdout=subprocess.PIPE, env=environment) as running:  # noqa: S603 - a program of ours
        try:
            sealed_files.write_whole(path, sealed_files.sealing(ctx.vault, cast(IO[bytes], running.stdout)))
        except BaseException:
            running.kill()
            raise
    if running.returncode:
        path.unlink()
        raise click.ClickException(f"pg_dump failed ({running.returncode}): no backup was written.")


def _pg_dump(ctx: Context) -> tuple[str, int]:
    """Return a pg_dump that is not older than the server, and its version: the system's, or the embedded one's."""
    with ctx.db.read() as session:
        server = int(session.connection().exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
    for path in (shutil.which("pg_dump"), *postgres.tools("pg_dump")):
        if path is None:
            continue
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
        found = re.search(r"(\d+)\.", said.stdout)
        if found is not None and int(found[1]) >= server:
            return str(path), int(found[1])
    raise click.ClickException(f"There is no pg_dump of PostgreSQL {server} or later: install its client tools.")
