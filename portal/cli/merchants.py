"""flask merchant: there is no page for making one before anybody can log in."""

from __future__ import annotations

import uuid

import click
from flask.cli import with_appcontext

from portal.cli.context import context
from portal.clock import utc_now
from portal.domain.audit import OPERATOR, Act
from portal.domain.policies import Role
from portal.models import Merchant


@click.group()
def merchant() -> None:
    """Merchants of this installation."""


@merchant.command("create")
@click.argument("slug")
@click.option("--name", required=True, help="What customers read, for example « L’Atelier ».")
@click.option("--owner-email", required=True)
@click.option("--owner-name", required=True)
@click.option("--locale", default="fr", show_default=True, type=click.Choice(["fr", "en"]))
@click.option("--time-zone", default="Europe/Paris", show_default=True)
@click.password_option("--password", help="At least 16 characters.")
@with_appcontext
def create_merchant(
    slug: str, name: str, owner_email: str, owner_name: str, locale: str, time_zone: str, password: str
) -> None:
    """Create a merchant and its owner; prints the second factor and recovery codes, once."""
    from portal.services.audit import audit
    from portal.services.people import staff_logins

    ctx = context()
    with ctx.db.begin() as session:
        row = Merchant(
            id=uuid.uuid4(), slug=slug, name=name, locale=locale, time_zone=time_zone, support_email=owner_email
        )
        session.add(row)
        session.flush()
        audit.append(session, row.id, Act.MERCHANT_CREATED, by=OPERATOR, at=utc_now(), locale=locale)
        new = staff_logins.create_staff(
            ctx,
            session,
            merchant_id=row.id,
            email=owner_email,
            name=owner_name,
            role=Role.OWNER,
            password=password,
        )
    click.echo(f"Desk: {ctx.base_url}/admin/   Customers: {ctx.base_url}/account/{slug}/")
    click.echo(f"Second factor (enter it in an authenticator app): {new.totp_secret}")
    click.echo(new.totp_uri)
    click.echo("Recovery codes, each good once:\n  " + "\n  ".join(new.recovery_codes))
