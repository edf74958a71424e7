"""The probe's looks at tokens, subscriptions and payments; only `cancel`, `suspend`, `activate` change anything."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

import click
from flask.cli import with_appcontext

from portal.cli import seeing
from portal.cli.probing import Target
from portal.clock import utc_now
from portal.providers.probing import RestProbe, Seen

SUBSCRIPTIONS: Final = "/v1/billing/subscriptions"
OVER: Final = frozenset({"CANCELLED", "EXPIRED"})
REASON: Final = "Tried out by the merchant."
SECOND: Final = timedelta(seconds=1)  # times are written in whole ones: what happened in this one counts too
DOCUMENTED: Final = (
    *("id", "status", "status_update_time", "status_change_note", "plan_id", "plan_overridden", "custom_id"),
    *("quantity", "start_time", "create_time", "update_time", "shipping_amount", "subscriber", "subscriber.payer_id"),
    *("subscriber.email_address", "subscriber.name", "billing_info", "billing_info.outstanding_balance"),
    *("billing_info.cycle_executions", "billing_info.last_payment", "billing_info.next_billing_time"),
    *("billing_info.final_payment_time", "billing_info.failed_payments_count", "billing_info.last_failed_payment"),
    *("plan", "plan.billing_cycles", "links"),
)


@click.command()
@click.pass_obj
@with_appcontext
def token(target: Target) -> None:
    """Ask for two tokens, then for one without saying of what kind."""
    look = target.rest()
    for seen in (look.token(), look.token()):
        seeing.answer(seen)
        for name in ("token_type", "app_id", "expires_in"):
            seeing.line(f"{name}: {seen.value(name) or '(absent)'}")
        for scope in sorted(seen.value("scope").split()):
            seeing.line(f"scope: {scope}")
    click.echo("Without grant_type:")
    seeing.answer(look.token(grant=False))


@click.command("list")
@click.option("--page", default=1, show_default=True)
@click.option("--page-size", default=20, show_default=True)
@click.option("--statuses", help="For example ACTIVE,SUSPENDED.")
@click.option("--changed-since", metavar="TIME", help="RFC 3339, for example 2026-11-01T00:00:00Z.")
@click.pass_obj
@with_appcontext
def list_(target: Target, page: int, page_size: int, statuses: str | None, changed_since: str | None) -> None:
    """Read one page of the list: its order, which fields its rows have, whether there is a next page."""
    query = {"page": str(page), "page_size": str(page_size)}
    query |= {"statuses": statuses} if statuses else {}
    query |= {"status_updated_after": changed_since} if changed_since else {}
    seen = target.rest().ask("GET", SUBSCRIPTIONS, query=query)
    seeing.answer(seen)
    rows = seeing.rows(seen, "subscriptions")
    seeing.line(f"rows: {len(rows)}")
    seeing.line(f"states: {seeing.tally(row.get('status', '') for row in rows)}")
    for name in ("create_time", "status_update_time"):
        seeing.line(f"order by {name}: {seeing.order([row.get(name, '') for row in rows])}")
    counted = seeing.tally(path.partition("[")[0] for row in rows for path in row)
    seeing.line(f"fields, with how many leaves: {counted}")
    seeing.line(f"links: {', '.join(seeing.rels(seen)) or 'none'}")
    seeing.line(f"next page: {'yes' if 'next' in seeing.rels(seen) else 'no'}")
    seeing.line(f"total_items: {seen.value('total_items') or '(absent)'}")


@click.command()
@click.argument("subscription_id", metavar="ID")
@click.pass_obj
@with_appcontext
def show(target: Target, subscription_id: str) -> None:
    """Read one subscription: every field, which documented ones are absent, what its links allow."""
    seen = target.rest().ask("GET", _path(subscription_id), query={"fields": "last_failed_payment,plan"})
    seeing.answer(seen)
    if seen.status == 200:
        seeing.presence(seen, DOCUMENTED)
        seeing.line(f"links: {', '.join(seeing.rels(seen)) or 'none'}")
        seeing.fields(seen)


@click.command()
@click.argument("subscription_id", metavar="ID")
@click.pass_obj
@with_appcontext
def transactions(target: Target, subscription_id: str) -> None:
    """Read its payments over 31, 90 and 366 days: how long a span PayPal takes, which states it gives."""
    look, now = target.rest(), utc_now()
    for days in (31, 90, 366):
        query = {"start_time": stamp(now - timedelta(days=days)), "end_time": stamp(now + SECOND)}
        seen = look.ask("GET", _path(subscription_id, "transactions"), query=query)
        click.echo(f"{days} days:")
        seeing.answer(seen)
        rows = seeing.rows(seen, "transactions")
        seeing.line(f"rows: {len(rows)}; states: {seeing.tally(row.get('status', '') for row in rows)}")
        for name in ("total_items", "total_pages"):
            seeing.line(f"{name}: {seen.value(name) or '(absent)'}")


@click.command()
@click.argument("subscription_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--without-body", is_flag=True, help="Send no reason: is it 400 or 415? Then cancel properly.")
@click.option("--watch", default=60, show_default=True, help="Seconds to keep reading until it is over.")
@click.pass_obj
@with_appcontext
def cancel(target: Target, subscription_id: str, yes: bool, without_body: bool, watch: int) -> None:
    """Cancel at PayPal, for ever; then read until it is over, and cancel once more to see how that is refused."""
    look = target.rest()
    _print_read(look, subscription_id, since=time.monotonic())
    if not yes:
        click.confirm(f"Cancel {subscription_id} at PayPal? It cannot be undone", abort=True)
    if without_body:
        click.echo("Without a body:")
        seeing.answer(look.ask("POST", _path(subscription_id, "cancel")))
    seeing.answer(_act(look, subscription_id, "cancel"))
    started = time.monotonic()
    while _print_read(look, subscription_id, since=started) not in OVER and time.monotonic() - started < watch:
        time.sleep(2)
    click.echo("A second cancel:")
    seeing.answer(_act(look, subscription_id, "cancel"))


@click.command()
@click.argument("subscription_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
@with_appcontext
def suspend(target: Target, subscription_id: str, yes: bool) -> None:
    """Suspend at PayPal, then read: the links, and whether a next payment is shown."""
    _change(target, subscription_id, "suspend", yes=yes)


@click.command()
@click.argument("subscription_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
@with_appcontext
def activate(target: Target, subscription_id: str, yes: bool) -> None:
    """Activate a suspended one at PayPal, then read."""
    _change(target, subscription_id, "activate", yes=yes)


def _change(target: Target, subscription_id: str, action: str, *, yes: bool) -> None:
    look = target.rest()
    if not yes:
        click.confirm(f"{action.capitalize()} {subscription_id} at PayPal?", abort=True)
    seeing.answer(_act(look, subscription_id, action))
    _print_read(look, subscription_id, since=time.monotonic())


def _act(look: RestProbe, subscription_id: str, action: str) -> Seen:
    return look.ask("POST", _path(subscription_id, action), json={"reason": REASON})


def _print_read(look: RestProbe, subscription_id: str, *, since: float) -> str:
    """Read it, print the state with what may be missing in it, and return PayPal's word."""
    seen = look.ask("GET", _path(subscription_id))
    if seen.status != 200:
        seeing.answer(seen)
        return ""
    following = seen.value("billing_info.next_billing_time") or "(absent)"
    seeing.line(
        f"after {time.monotonic() - since:.1f} s: {seen.value('status')}, next_billing_time {following}, "
        f"links {', '.join(seeing.rels(seen)) or 'none'}"
    )
    return seen.value("status")


def _path(subscription_id: str, action: str = "") -> str:
    return f"{SUBSCRIPTIONS}/{quote(subscription_id, safe='')}" + (f"/{action}" if action else "")


def stamp(at: datetime) -> str:
    """Write a UTC moment as PayPal takes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


COMMANDS: Final = (token, list_, show, transactions, cancel, suspend, activate)
