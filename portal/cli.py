"""The operator's commands: flask migrate, work, merchant, import-subscriptions, demo-seed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, cast

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy import select

from portal import migrating
from portal.domain.policies import Role
from portal.models import Merchant

if TYPE_CHECKING:
    from portal.models import ImportRun
    from portal.services.context import Context


def install(app: Flask) -> None:
    """Add the portal's commands to the flask command."""
    for command in (migrate, work, merchant, import_subscriptions, demo_seed):
        app.cli.add_command(command)


def _context() -> Context:
    return cast("Context", current_app.extensions["portal"])


@click.command()
@with_appcontext
def migrate() -> None:
    """Bring the database to the newest schema."""
    migrating.upgrade(_context().db.url)
    click.echo("The database is up to date.")


@click.command()
@click.option("--concurrency", default=4, show_default=True, help="How many jobs at once.")
@with_appcontext
def work(concurrency: int) -> None:
    """Run jobs until stopped: ends, mails, imports, housekeeping."""
    from portal.jobs import run_worker

    run_worker(_context(), concurrency=concurrency)


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
    from portal.services import staff_logins

    context = _context()
    with context.db.begin() as session:
        row = Merchant(
            id=uuid.uuid4(), slug=slug, name=name, locale=locale, time_zone=time_zone, support_email=owner_email
        )
        session.add(row)
        session.flush()
        new = staff_logins.create_staff(
            context,
            session,
            merchant_id=row.id,
            email=owner_email,
            name=owner_name,
            role=Role.OWNER,
            password=password,
        )
    click.echo(f"Desk: {context.base_url}/admin/   Customers: {context.base_url}/account/{slug}/")
    click.echo(f"Second factor (enter it in an authenticator app): {new.totp_secret}")
    click.echo(new.totp_uri)
    click.echo("Recovery codes, each good once:\n  " + "\n  ".join(new.recovery_codes))


@click.command("import-subscriptions")
@click.argument("slug", metavar="MERCHANT")
@with_appcontext
def import_subscriptions(slug: str) -> None:
    """Read plans and subscriptions from PayPal; may be run again, and resumes where it was interrupted."""
    from portal.services import imports

    context = _context()
    with context.db.read() as session:
        merchant_id = session.scalar(select(Merchant.id).where(Merchant.slug == slug))
    if merchant_id is None:
        raise click.ClickException(f"There is no merchant called {slug!r}.")

    def show(run: ImportRun) -> None:
        click.echo(
            f"\rpage {run.next_page - 1}: {run.seen} seen, {run.created} new, {run.updated} known, "
            f"{run.unreadable} unreadable",
            nl=False,
        )

    run = imports.start_or_resume(context, merchant_id)
    done = imports.run_import(context, run.id, on_progress=show)
    click.echo(f"\n{done.state}" + (f": {done.error}" if done.error else ""))
    if done.error:
        raise click.ClickException("The import stopped; run the same command again to go on from there.")


@click.command("demo-seed")
@with_appcontext
def demo_seed() -> None:
    """Make the demo's merchants and people, once."""
    from portal.demo.seed import seed

    if current_app.extensions["portal_config"].environment != "demo":
        raise click.ClickException("The demo's people are made only when PORTAL_ENV is demo.")
    config = current_app.extensions["portal_config"]
    click.echo(seed(_context(), simulator=config.paypal_urls["sandbox"], folder=config.data_folder))
