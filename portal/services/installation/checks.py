"""Everything at once: each look on its own, so that one which fails hides no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from config import BadConfig, Config
from portal import clock
from portal.domain import remedies
from portal.domain.installation import Finding, left, mend
from portal.services.context import Context
from portal.services.installation import database_checks, machine_checks, outside_checks

USUAL: Final = 2  # processes of the web, where nobody says (gunicorn.conf.py)
SETTINGS: Final = "Set it where web and worker read their settings, then restart both (README.md has the table)."


def look(
    env: Mapping[str, str],
    make_context: Callable[[Config], Context],
    *,
    mail_to: str = "",
    dkim_selector: str = "",
    without: frozenset[str] = frozenset(),
) -> list[Finding]:
    """Look at every part but those `without` (domain/installation.PARTS); what is first is to be mended first."""
    try:
        config = Config.from_env(env)
    except BadConfig as bad:
        return [mend("settings", f"{problem}.", SETTINGS) for problem in bad.problems]
    found = _guarded("machine", lambda: machine_checks.findings(config), without)
    ctx = _context(config, make_context, found)
    if ctx is not None:
        processes = env.get("WEB_CONCURRENCY", "")
        if processes and not processes.isdecimal():
            found.append(mend("settings", f"WEB_CONCURRENCY is {processes!r}; it must be a whole number.", SETTINGS))
        count = int(processes) if processes.isdecimal() else USUAL
        found += _guarded("database", lambda: _database(ctx, count), without)
        found += _guarded("mail", lambda: [outside_checks.mail(ctx, mail_to)], without)
        found += _guarded("mail", lambda: outside_checks.sending_domain(ctx, dkim_selector), without)
        ctx.db.dispose()
    found += _guarded("paypal", lambda: outside_checks.paypal(config), without)
    found += _guarded("public", lambda: outside_checks.public(config), without)
    return found


def _guarded(part: str, looking: Callable[[], Iterable[Finding]], without: frozenset[str]) -> list[Finding]:
    """Return what was found until something failed that nobody thought of: that is a finding too."""
    found: list[Finding] = []
    if part in without:
        return found
    try:
        found.extend(looking())
    except Exception as error:
        found.append(
            mend(
                part,
                f"It could not be looked at ({type(error).__name__}).",
                "Tell the project: this is a fault of ours.",
            )
        )
    return found


def _context(config: Config, make_context: Callable[[Config], Context], found: list[Finding]) -> Context | None:
    """Return the way to the database and mail server; the embedded database may not start."""
    try:
        return make_context(config)
    except ValueError as error:  # of the mail server's address: its words hold none of it
        found.append(mend("settings", f"SMTP_URL: {error}.", SETTINGS))
        return None
    except Exception as error:
        found.append(
            mend(
                "database",
                f"The embedded database does not start ({type(error).__name__}).",
                "Mend the data folder, or set DATABASE_URL.",
            )
        )
        return None


def _database(ctx: Context, processes: int) -> list[Finding]:
    """Look at the database; one that is away takes the clock with it, which mails are dated by."""
    try:
        return database_checks.findings(ctx, processes=processes)
    except SQLAlchemyError as error:
        clock.follow(None)
        reason = str(getattr(error, "orig", None) or type(error).__name__).strip().partition("\n")[0]
        return [
            mend("database", f"The database does not answer: {reason}.", remedies.database(reason)),
            left("worker", "A worker's sign of life is in the database."),
        ]
