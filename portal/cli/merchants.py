"""flask merchant: make one, suspend it, let it leave, keep it, list them; the code of the page for the first one."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import available_timezones

import click
from flask.cli import with_appcontext

from portal.cli.context import context, merchant_called
from portal.clock import utc_now
from portal.domain.audit import OPERATOR
from portal.domain.merchants.merchants import IllegalStep, MerchantState, WrongSlug

if TYPE_CHECKING:
    import uuid
    from datetime import datetime

    from portal.models import Merchant
    from portal.queries.merchants.departures import Standing
    from portal.services.context import Context
    from portal.services.merchants.creating import Made, NewMerchant

STEPS: Final = {
    MerchantState.OPEN: "It is open: neither suspended nor leaving.",
    MerchantState.SUSPENDED: "It is suspended already: `flask merchant resume` lifts that.",
    MerchantState.LEAVING: "It is leaving already: `flask merchant keep` takes that back.",
}
ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")  # only the slips of a hand: the mail itself is the check
SLUG_WRONG: Final = {
    "form": "use 2 to 63 small letters, digits and hyphens, not beginning with a hyphen",
    "reserved": "this name is kept for the portal itself",
}
COUNTS: Final = {
    "planned_ends": "ends planned for a later day",
    "end_requests": "open requests to end",
    "bulk_rows": "ends confirmed in bulk that are still to be asked for",
    "refunds": "open refunds",
    "settlements": "open settlements of what is outstanding",
    "comebacks": "open attempts to come back",
    "pauses": "open pauses and resumes",
    "late_payments": "payments after an end that nobody has settled",
    "received": "letters and cancellation notices that nobody has settled",
    "mails": "emails that wait to be sent",
    "customers": "customers",
}


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
@with_appcontext
def create_merchant(slug: str, name: str, owner_email: str, owner_name: str, locale: str, time_zone: str) -> None:
    """Create a merchant and invite its owner by a link, which is mailed and printed.

    Given again, it changes nothing; an owner who has not come in yet gets a new link.
    """
    from portal.services.merchants.creating import NewMerchant

    if time_zone not in available_timezones():
        raise click.BadParameter("this machine knows no such zone", param_hint="--time-zone")
    if not ADDRESS.fullmatch(owner_email.strip()):
        raise click.BadParameter("write an address like name@example.com", param_hint="--owner-email")
    if not name.strip() or not owner_name.strip():
        raise click.UsageError("Neither name may be empty.")
    wish = NewMerchant(
        slug=slug,
        name=name.strip(),
        locale=locale,
        time_zone=time_zone,
        owner_email=owner_email,
        owner_name=owner_name.strip(),
    )
    ctx = context()
    made = _made(ctx, wish)
    click.echo("Created." if made.is_new else "It was there already: nothing was changed.")
    click.echo(f"Desk: {ctx.base_url}/admin/   Customers: {ctx.base_url}/account/{slug}/")
    if made.invitation is None:
        click.echo(f"{owner_email} is an owner there and can come in.")
    else:
        click.echo(f"The owner’s link, mailed to {owner_email} too; it works once, for three days:")
        click.echo(f"{ctx.base_url}{made.invitation}")


def _made(ctx: Context, wish: NewMerchant) -> Made:
    """Make the merchant; raise ClickException for a name in addresses that cannot be used."""
    from portal.services.merchants import creating

    try:
        return creating.create(ctx, wish, by=OPERATOR, now=utc_now())
    except WrongSlug as refusal:
        raise click.ClickException(f"{wish.slug!r} cannot be used in addresses: {SLUG_WRONG[refusal.why]}.") from None
    except creating.SlugTaken as taken:
        raise click.ClickException(
            f"{wish.slug!r} is in use by “{taken.name}”, of another name or owner, or gone: nothing was changed."
        ) from None


@merchant.command("setup-code")
@with_appcontext
def setup_code() -> None:
    """Print a code by which the first merchant is made on the portal's own page: good once, for a day."""
    from portal.services.merchants import setup_codes

    ctx = context()
    try:
        code = setup_codes.issue(ctx, now=utc_now())
    except setup_codes.AlreadySetUp:
        raise click.ClickException("There is a merchant already: use `flask merchant create`.") from None
    click.echo(f"Set-up code: {code}")
    click.echo(f"Enter it at {ctx.base_url}/setup within 24 hours. Codes printed before no longer work.")


@merchant.command("list")
@with_appcontext
def list_merchants() -> None:
    """List merchants with their state."""
    from portal.queries.people import merchants

    with context().db.read() as session:
        rows = merchants.every(session)
    for row in rows:
        click.echo(f"{row.slug}\t{row.name}\t{_state(row, now=utc_now())}")


def _state(row: Merchant, *, now: datetime) -> str:
    match row.state:
        case MerchantState.SUSPENDED:
            return f"suspended since {row.suspended_at:%Y-%m-%d}: {row.suspended_why}"
        case MerchantState.LEAVING if row.erased_at is not None:
            return f"left on {row.gone_at:%Y-%m-%d}; erased on {row.erased_at:%Y-%m-%d}, its proofs are kept"
        case MerchantState.LEAVING if row.closed_at is not None:
            return f"left on {row.gone_at:%Y-%m-%d}; its data is being erased"
        case MerchantState.LEAVING if row.gone_at is not None and row.gone_at <= now:
            return f"left on {row.gone_at:%Y-%m-%d}; what is open is finished first"
        case MerchantState.LEAVING:
            return f"leaves on {row.gone_at:%Y-%m-%d}"
        case _:
            return "open"


@merchant.command()
@click.argument("slug")
@click.option("--why", required=True, help="The desk reads it: a sentence, without its full stop.")
@with_appcontext
def suspend(slug: str, why: str) -> None:
    """Let SLUG begin nothing new. What is under way goes on; its customers still cancel and read their proofs."""
    from portal.services.merchants import standings

    ctx, merchant_id = context(), merchant_called(slug)
    if not why.strip():
        raise click.BadParameter("say why: the desk reads it", param_hint="--why")
    try:
        standings.suspend(ctx, merchant_id, why=why.strip(), by=OPERATOR, now=utc_now())
    except IllegalStep as refusal:
        raise click.ClickException(STEPS[refusal.state]) from None
    click.echo(f"{slug} is suspended. Its desk says so on every page; `flask merchant resume {slug}` lifts it.")


@merchant.command()
@click.argument("slug")
@with_appcontext
def resume(slug: str) -> None:
    """Lift the suspension of SLUG."""
    from portal.services.merchants import standings

    ctx, merchant_id = context(), merchant_called(slug)
    try:
        standings.resume(ctx, merchant_id, by=OPERATOR, now=utc_now())
    except IllegalStep:
        raise click.ClickException(f"{slug} is not suspended.") from None
    click.echo(f"{slug} is no longer suspended.")


@merchant.command()
@click.argument("slug")
@with_appcontext
def keep(slug: str) -> None:
    """Take back that SLUG leaves."""
    from portal.services.merchants import standings

    ctx, merchant_id = context(), merchant_called(slug)
    try:
        state = standings.keep(ctx, merchant_id, by=OPERATOR, now=utc_now())
    except IllegalStep:
        raise click.ClickException(f"{slug} is not leaving.") from None
    except standings.TooLate:
        raise click.ClickException(f"{slug} is gone: its data is being erased, or was.") from None
    click.echo(f"{slug} stays. It is {state}.")


@merchant.command()
@click.argument("slug")
@click.option("--export", "path", type=click.Path(path_type=Path), help="Write everything of it to this new ZIP first.")
@click.option("--without-export", is_flag=True, help="Write no archive.")
@click.option("--leave-live-subscriptions", is_flag=True, help="PayPal may go on charging those that are live.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@with_appcontext
def delete(slug: str, path: Path | None, without_export: bool, leave_live_subscriptions: bool, yes: bool) -> None:
    """Show what is live at SLUG, export it, and record that it leaves in 30 days. No subscription is ended."""
    from portal.queries.merchants import departures
    from portal.services.merchants import standings

    if (path is None) is not without_export:
        raise click.UsageError("Give either --export PATH or --without-export.")
    ctx, merchant_id = context(), merchant_called(slug)
    with ctx.db.read() as session:
        standing = departures.of(session, merchant_id, now=utc_now())
    _show(slug, standing)
    if standing.live_in_all and not leave_live_subscriptions:
        raise click.ClickException(_live(standing.live_in_all))
    if not yes and click.prompt(f"Type {slug} to let it leave", default="", show_default=False) != slug:
        raise click.ClickException("That is another name: nothing was changed.")
    if path is not None:
        _export(ctx, merchant_id, path)
    try:
        day = standings.leave(ctx, merchant_id, leave_live=leave_live_subscriptions, by=OPERATOR, now=utc_now())
    except IllegalStep as refusal:
        raise click.ClickException(STEPS[refusal.state]) from None
    except standings.LiveSubscriptions as left:  # one has come meanwhile
        raise click.ClickException(_live(left.count)) from None
    click.echo(f"{slug} leaves on {day:%Y-%m-%d}. Until then `flask merchant keep {slug}` takes it back.")


def _show(slug: str, standing: Standing) -> None:
    """Print what is live and open, the kinds that there are none of too."""
    click.echo(f"{slug}:")
    states = ", ".join(f"{count} {status}" for status, count in standing.live.items())
    click.echo(f"  {standing.live_in_all} live subscriptions{f' ({states})' if states else ''}")
    for name, words in COUNTS.items():
        click.echo(f"  {getattr(standing, name)} {words}")
    if standing.live_in_all:
        click.echo(f"Leaving ends none of the {standing.live_in_all}: PayPal goes on charging them.")


def _live(count: int) -> str:
    return (
        f"PayPal goes on charging {count} live subscriptions, whoever leaves here: end them first, or accept that with "
        "--leave-live-subscriptions. Nothing was changed."
    )


def _export(ctx: Context, merchant_id: uuid.UUID, path: Path) -> None:
    """Write the archive, for its owner's eyes alone; what could not be written whole is taken away again."""
    from portal.services.merchants import exports

    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}. Nothing was changed.") from None
    try:
        with os.fdopen(number, "wb") as file:
            counts = exports.export(ctx, merchant_id, file, by=OPERATOR, now=utc_now())
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    click.echo(f"{sum(counts.values())} rows of {len(counts)} tables are in {path}.")
