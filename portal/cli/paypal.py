"""flask paypal probe: what PayPal really answers, for docs/paypal-sandbox-checklist.md. Nothing here writes a row.

Only `cancel`, `suspend`, `activate`, `simulate` and `resend` change anything, and that at PayPal.
"""

from __future__ import annotations

from typing import Any

import click
from flask.cli import with_appcontext

from portal.cli import probe_messages, probe_subscriptions
from portal.cli.context import merchant_called
from portal.cli.probing import Target
from portal.providers.ports import GatewayUnavailable


class _Telling(click.Group):
    """Says in one line that PayPal did not answer, instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GatewayUnavailable as error:
            raise click.ClickException(f"PayPal did not answer: {error}") from None


@click.group()
def paypal() -> None:
    """PayPal, looked at directly."""


@paypal.group(cls=_Telling)
@click.argument("slug", metavar="MERCHANT")
@click.option("--live", is_flag=True, help="Allow a live key.")
@click.pass_context
@with_appcontext
def probe(ctx: click.Context, slug: str, live: bool) -> None:
    """Print what PayPal answers with the merchant's own key; see docs/paypal-sandbox-checklist.md.

    No secret, token, email address or name is printed: fields that may hold one are named, with their length.
    """
    ctx.obj = Target(merchant_called(slug), live)


for _command in (*probe_subscriptions.COMMANDS, *probe_messages.COMMANDS):
    probe.add_command(_command)
