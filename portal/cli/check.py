"""flask check: a look at the whole installation, and what to mend."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from portal.domain.installation import PARTS, State

if TYPE_CHECKING:
    from portal.domain.installation import Finding

MARKS: Final = {State.OK: "ok", State.MEND: "TO MEND", State.LEFT: "left"}


@click.command()
@click.option("--mail-to", default="", metavar="ADDRESS", help="Send a real message to this address.")
@click.option("--dkim-selector", default="", metavar="NAME", help="The key that your mail server signs with.")
@click.option("--without", multiple=True, type=click.Choice(PARTS), help="Leave a part out; may be given again.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(mail_to: str, dkim_selector: str, without: tuple[str, ...], as_json: bool) -> None:
    """Look at the whole installation: settings, folders, database, worker, mail, PayPal, the public address.

    Ends with 0 when nothing has to be mended, else with 1. Changes nothing, but marks a restored database as one.
    """
    from portal import logs, make_context
    from portal.domain.installation import are_well
    from portal.services.installation import checks
    from portal.version import VERSION

    logs.set_up("error")
    mail = {"mail_to": mail_to, "dkim_selector": dkim_selector}
    found = checks.look(os.environ, make_context, without=frozenset(without), **mail)
    well = are_well(found)
    if as_json:
        click.echo(json.dumps({"version": VERSION, "well": well, "findings": [asdict(one) for one in found]}, indent=2))
    else:
        for one in found:
            _show(one)
        count = sum(one.state is State.MEND for one in found)
        click.echo(f"The portal {VERSION}: " + ("nothing to mend." if well else f"{count} to mend."))
    sys.exit(0 if well else 1)


def _show(one: Finding) -> None:
    click.echo(f"{MARKS[one.state]:<8}{one.subject}: {one.said}")
    if one.remedy:
        click.echo(f"{'':<8}→ {one.remedy}")
