"""flask staff: what the operator does when nobody of a team can."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from portal.cli.context import context
from portal.clock import utc_now
from portal.domain.audit import OPERATOR


@click.group()
def staff() -> None:
    """People at the desks of this installation."""


@staff.command("reset")
@click.argument("email")
@with_appcontext
def reset(email: str) -> None:
    """Mail EMAIL a link to choose a new password and a new second factor.

    First make sure, by another way, that it was they who asked. A log-in of theirs stops it.
    """
    from portal.queries.people import staff as stored
    from portal.services.people import invitations
    from portal.services.people.logins import normal_email

    ctx = context()
    with ctx.db.read() as session:
        person = stored.by_email(session, normal_email(email))
        desk = stored.desks(session, person.id)[0] if person is not None else None
    if person is None or desk is None:
        raise click.ClickException(f"nobody with the address {email} can come in anywhere")
    invitations.renew(ctx, desk.merchant_id, person.id, by=OPERATOR, now=utc_now())
    click.echo(f"{person.name} ({desk.name}) receives the link now. It works once, for three days.")
