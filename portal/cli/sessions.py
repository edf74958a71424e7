"""flask sessions: who is logged in, and everybody logged out."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from portal.cli.context import context, merchant_called
from portal.clock import utc_now
from portal.domain.audit import OPERATOR


@click.group()
def sessions() -> None:
    """Who is logged in, at the desks and among customers."""


@sessions.command("end-all")
@click.option("--merchant", metavar="SLUG", help="Only those at this merchant's desk, and of its customers.")
@with_appcontext
def end_all(merchant: str | None) -> None:
    """Log everybody out, staff and customers: after a break-in, or where a session may have been stolen.

    Nothing that was asked for is lost; everybody may log in again at once.
    """
    from portal.services.people import sessions as services

    merchant_id = merchant_called(merchant) if merchant is not None else None
    ended = services.end_everybodys(context(), merchant_id=merchant_id, by=OPERATOR, now=utc_now())
    click.echo(f"Logged out: {ended.staff} of the desks, {ended.customers} of customers.")
