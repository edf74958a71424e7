"""flask mail: what mail servers report of the portal's messages."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

import click
import structlog
from flask.cli import with_appcontext

from portal.cli.context import context
from portal.clock import utc_now

TRY_AGAIN: Final = 75  # EX_TEMPFAIL of sysexits.h: the mail server keeps the message and calls again
CHUNK: Final = 1 << 16

log = structlog.get_logger(__name__)


@click.group()
def mail() -> None:
    """The portal's messages, and what becomes of them."""


@mail.command("bounce")
@click.option("--recipient", default="", help="The envelope's recipient, where the mail server tells it.")
@click.option(
    "--mailbox", type=click.Path(path_type=Path), help="A Maildir or an mbox to read, in place of standard input."
)
@with_appcontext
def bounce(recipient: str, mailbox: Path | None) -> None:
    """Read reports of undelivered mail: one on standard input, or those of a mailbox, each once.

    Ends with 0 for whatever was read, reports or not, and with 75 when it has to be tried again.
    """
    from portal.providers.mailboxes import NoMailbox, messages

    try:
        with closing(messages(mailbox) if mailbox is not None else _one()) as raws:
            counted = _take(raws, recipient)
    except NoMailbox as error:
        raise click.ClickException(str(error)) from error
    except (Exception, SystemExit) as error:  # whatever it was, SIGTERM too: it must not be lost, nor be sent back
        log.error("bounce_put_off", error=type(error).__name__)
        click.echo(f"To be tried again: {type(error).__name__}", err=True)
        sys.exit(TRY_AGAIN)
    if mailbox is not None:
        click.echo(", ".join(f"{name}: {number}" for name, number in sorted(counted.items())) or "nothing new")


def _one() -> Generator[bytes]:
    """Yield what standard input begins with, and let the mail server write the rest to its end."""
    from portal.providers.delivery_reports import MOST_BYTES

    stream = sys.stdin.buffer
    raw = stream.read(MOST_BYTES)
    while stream.read(CHUNK):
        pass
    yield raw


def _take(raws: Iterable[bytes], recipient: str) -> Counter[str]:
    from portal.providers import delivery_reports
    from portal.services.notices import bounces

    counted: Counter[str] = Counter()
    for raw in raws:
        outcome = bounces.take(context(), delivery_reports.read(raw, recipient=recipient), now=utc_now())
        counted[outcome.value] += 1
    return counted
