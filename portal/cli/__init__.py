"""The operator's commands, one file a subject."""

from __future__ import annotations

from flask import Flask

from portal.cli import audit, demo, imports, merchants, paypal, reconcile, running, secrets


def install(app: Flask) -> None:
    """Add the portal's commands to the flask command."""
    for command in (
        running.migrate,
        running.work,
        merchants.merchant,
        imports.import_subscriptions,
        reconcile.reconcile,
        paypal.paypal,
        secrets.secrets,
        audit.audit,
        demo.demo_seed,
    ):
        app.cli.add_command(command)
