"""The database and the worker, as `flask check` sees them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal import migrating
from portal.domain.installation import OLDEST_DATABASE, Finding, clocks, mend, ok
from portal.queries.operating import health as workers
from portal.queries.operating import installation as queries
from portal.queries.people import merchants
from portal.services import health
from portal.services.context import Context

# What one process may hold at once (portal/extensions.py, portal/queue.py; docs/scaling.md has the same).
OF_THE_WEB = 16
OF_A_WORKER = OF_THE_WEB + 4 + 1  # the queue's own, and one that listens


def findings(ctx: Context, *, processes: int) -> list[Finding]:
    """Look at the database, and through it at workers and merchants. `processes` are those of the web, here.

    Raises what the database raises when it does not answer.
    """
    before = datetime.now(UTC)
    with ctx.db.read() as session:
        server = queries.server(session)
        after = datetime.now(UTC)
        found = [
            _version(server),
            _encoding(server),
            _room(server, processes),
            clocks("database clock", "The database's", server.now - (before + (after - before) / 2)),
        ]
    there, newest = migrating.standing(ctx.db.url)
    found.append(_schema(there, newest))
    if server.is_standby:
        return [*found, _standby()]
    if there != newest:
        return found
    with ctx.db.read() as session:
        return [*found, _written(ctx), *_restored(ctx), _zones(session), _worker(session), _merchants(session)]


def _restored(ctx: Context) -> Iterator[Finding]:
    """Say where the journal outside the database knows more than it: nobody else tells who looks before a start."""
    if ctx.is_restored:
        yield mend(
            "restored",
            "The database was restored from a backup: nothing is sent to PayPal or by mail until what people were told"
            " since is put back.",
            "Run `flask --app wsgi recover` (docs/backup.md).",
        )


def _version(server: queries.Server) -> Finding:
    said = f"PostgreSQL {server.version // 10000}.{server.version % 10000} answers."
    if server.version < OLDEST_DATABASE:
        return mend("database version", said, f"Take PostgreSQL {OLDEST_DATABASE // 10000} or later.")
    return ok("database version", said)


def _encoding(server: queries.Server) -> Finding:
    if server.encoding == "UTF8":
        return ok("database encoding", "Texts are kept in UTF-8.")
    return mend(
        "database encoding",
        f"Texts are kept in {server.encoding}: names of customers could not be written.",
        "Make the database anew before anything is in it: createdb --encoding=UTF8 --template=template0 …",
    )


def _room(server: queries.Server, processes: int) -> Finding:
    wanted = processes * OF_THE_WEB + OF_A_WORKER
    said = (
        f"The database takes {server.room} connections; {processes} web processes and a worker of this machine may want"
        f" {wanted}."
    )
    if server.room >= wanted:
        return ok("database connections", said)
    return mend("database connections", said, "Raise max_connections at the database, or run fewer processes.")


def _standby() -> Finding:
    return mend(
        "database writes",
        "DATABASE_URL leads to a standby, which only reads.",
        "Name the primary, or both with target_session_attrs=read-write.",
    )


def _schema(there: str, newest: str) -> Finding:
    if there == newest:
        return ok("schema", f"The tables are those of this release ({newest}).")
    remedy = "Run `flask --app wsgi migrate`."
    if there > newest:
        remedy = "These sources are older than the tables: start the release that migrated them."
    return mend("schema", f"The tables are at {there or 'none'}, this release wants {newest}.", remedy)


def _written(ctx: Context) -> Finding:
    try:
        health.write(ctx)
    except DBAPIError as error:
        return mend(
            "database writes",
            f"The database cannot be written ({type(error.orig).__name__}).",
            "Look at its disk, and whether it is a standby or default_transaction_read_only is on.",
        )
    return ok("database writes", "The database can be written.")


def _zones(session: Session) -> Finding:
    unknown = queries.unknown_zones(session)
    if not unknown:
        return ok("time zones", "The database knows each merchant's time zone.")
    return mend(
        "time zones",
        f"The database does not know {', '.join(unknown)}.",
        "Update the time zones of its machine (tzdata).",
    )


def _worker(session: Session) -> Finding:
    match workers.workers(session).word:
        case "ok":
            return ok("worker", "A worker gave a sign of life within a minute.")
        case "silent":
            return mend(
                "worker",
                "No worker has given a sign of life for more than a minute: nothing is sent, and PayPal is not told.",
                "Start it again: `systemctl restart portal-worker`, in containers `docker compose up -d worker`.",
            )
        case _:
            return mend(
                "worker",
                "No worker runs.",
                "Start one: `flask --app wsgi work`, as a service (docs/install-systemd.md).",
            )


def _merchants(session: Session) -> Finding:
    if merchants.is_there_one(session):
        return ok("merchants", "There is a merchant.")
    return ok("merchants", "There is none yet. Make the first: `flask --app wsgi merchant create … --owner-email …`.")
