"""flask demo-seed."""

from __future__ import annotations

import os

import click
from flask import current_app
from flask.cli import with_appcontext

from portal.cli.context import context


@click.command("demo-seed")
@with_appcontext
def demo_seed() -> None:
    """Make the demo's merchants and people, once."""
    from portal.demo import large
    from portal.demo.seed import seed

    if current_app.extensions["portal_config"].environment != "demo":
        raise click.ClickException("The demo's people are made only when PORTAL_ENV is demo.")
    config = current_app.extensions["portal_config"]
    click.echo(
        seed(
            context(),
            simulator=config.paypal_urls["sandbox"],
            website=os.environ.get("DEMO_WEBSITE", ""),
            course_site=os.environ.get("DEMO_COURSE_SITE", ""),
            folder=config.data_folder,
        )
    )
    if number := int(os.environ.get("DEMO_LARGE") or 0):
        large.fill(context(), config.database_url, simulator=config.paypal_urls["sandbox"], number=number)
