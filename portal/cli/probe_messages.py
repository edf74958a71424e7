"""The probe's looks at webhooks, events, the classic API, IPNs and limits; `simulate` and `resend` have PayPal send."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

import click
from flask.cli import with_appcontext

from portal.cli import seeing
from portal.cli.context import context
from portal.cli.probe_subscriptions import SECOND, SUBSCRIPTIONS, stamp
from portal.cli.probing import Target
from portal.clock import utc_now

NOTIFICATIONS: Final = "/v1/notifications"
CLASSIC_DOCUMENTED: Final = (
    *("ACK", "CORRELATIONID", "PROFILEID", "STATUS", "DESC", "AUTOBILLOUTAMT", "MAXFAILEDPAYMENTS", "SUBSCRIBERNAME"),
    *("PROFILESTARTDATE", "PROFILEREFERENCE", "NEXTBILLINGDATE", "NUMCYCLESCOMPLETED", "NUMCYCLESREMAINING"),
    *("OUTSTANDINGBALANCE", "FAILEDPAYMENTCOUNT", "LASTPAYMENTDATE", "LASTPAYMENTAMT", "FINALPAYMENTDUEDATE"),
    *("REGULARAMTPAID", "AGGREGATEAMT", "BILLINGPERIOD", "BILLINGFREQUENCY", "AMT", "CURRENCYCODE", "EMAIL"),
)


@click.command()
@click.pass_obj
@with_appcontext
def webhooks(target: Target) -> None:
    """List the application's webhooks, then those of the whole account: ids, hosts and event types."""
    look = target.rest()
    for anchor in ("APPLICATION", "ACCOUNT"):
        seen = look.ask("GET", f"{NOTIFICATIONS}/webhooks", query={"anchor_type": anchor})
        click.echo(f"anchor_type {anchor}:")
        seeing.answer(seen)
        for row in seeing.rows(seen, "webhooks"):
            names = [value for path, value in row.items() if path.endswith("].name")]
            seeing.line(f"{row.get('id', '(no id)')} {row.get('url', '')} {', '.join(names) or 'no event types'}")


@click.command("event-types")
@click.pass_obj
@with_appcontext
def event_types(target: Target) -> None:
    """List the event types PayPal offers about subscriptions and payments, and which of ours are not among them."""
    from portal.services.messages.webhook_registration import DOCUMENTED, UNLISTED

    ours = DOCUMENTED | UNLISTED
    seen = target.rest().ask("GET", f"{NOTIFICATIONS}/webhooks-event-types")
    seeing.answer(seen)
    names = {row.get("name", "") for row in seeing.rows(seen, "event_types")}
    for name in sorted(name for name in names if name.startswith(("BILLING.", "PAYMENT.SALE."))):
        seeing.line(f"{name}{' (registered by us)' if name in ours else ''}")
    seeing.line(f"ours that are not offered: {', '.join(sorted(ours - names)) or 'none'}")


@click.command()
@click.argument("webhook_id")
@click.argument("event_type", default="BILLING.SUBSCRIPTION.CANCELLED")
@click.option("--resource-version", help="For example 2.0.")
@click.pass_obj
@with_appcontext
def simulate(target: Target, webhook_id: str, event_type: str, resource_version: str | None) -> None:
    """Have PayPal send a made-up event to a webhook; see it arrive on the desk's page of PayPal's messages."""
    wanted = {"webhook_id": webhook_id, "event_type": event_type}
    wanted |= {"resource_version": resource_version} if resource_version else {}
    seen = target.rest().ask("POST", f"{NOTIFICATIONS}/simulate-event", json=wanted)
    seeing.answer(seen)
    seeing.fields(seen)


@click.command()
@click.option("--days", default=7, show_default=True, help="How far back.")
@click.option("--event-type", help="Only these.")
@click.pass_obj
@with_appcontext
def events(target: Target, days: int, event_type: str | None) -> None:
    """List the newest events PayPal keeps: types, order, how often each was sent, how paging works."""
    now = utc_now()
    query = {"start_time": stamp(now - timedelta(days=days)), "end_time": stamp(now + SECOND), "page_size": "20"}
    query |= {"event_type": event_type} if event_type else {}
    seen = target.rest().ask("GET", f"{NOTIFICATIONS}/webhooks-events", query=query)
    seeing.answer(seen)
    rows = seeing.rows(seen, "events")
    seeing.line(f"rows: {len(rows)}; count: {seen.value('count') or '(absent)'}; links: {seeing.rels(seen)}")
    seeing.line(f"order by create_time: {seeing.order([row.get('create_time', '') for row in rows])}")
    for row in rows:
        about = row.get("resource.billing_agreement_id") or row.get("resource.id", "")
        sent = [f"{path} {value}" for path, value in row.items() if path.startswith("transmissions[")]
        seeing.line(
            " ".join(filter(None, (row.get("id"), row.get("create_time"), row.get("event_type"), about, *sent)))
        )


@click.command()
@click.argument("event_id")
@click.argument("webhook_id")
@click.pass_obj
@with_appcontext
def resend(target: Target, event_id: str, webhook_id: str) -> None:
    """Have PayPal send an event again: with the same transmission id? The desk's page of messages tells."""
    path = f"{NOTIFICATIONS}/webhooks-events/{quote(event_id, safe='')}/resend"
    seen = target.rest().ask("POST", path, json={"webhook_ids": [webhook_id]})
    seeing.answer(seen)
    seeing.fields(seen)


@click.command()
@click.argument("profile_id", metavar="ID")
@click.pass_obj
@with_appcontext
def classic(target: Target, profile_id: str) -> None:
    """Read one classic profile: ACK, error codes, which documented keys are there."""
    seen = target.classic().ask("GetRecurringPaymentsProfileDetails", {"PROFILEID": profile_id})
    seeing.answer(seen)
    seeing.presence(seen, CLASSIC_DOCUMENTED)
    seeing.fields(seen)


@click.command("classic-balance")
@click.pass_obj
@with_appcontext
def classic_balance(target: Target) -> None:
    """Make the call that tests a classic key."""
    seen = target.classic().ask("GetBalance")
    seeing.answer(seen)
    seeing.fields(seen)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
@with_appcontext
def ipn(target: Target, file: Path) -> None:
    """Post an IPN's identical bytes back to PayPal and print its word."""
    body = file.read_bytes()
    genuine = context().ipns.is_genuine(body, environment=target.environment())
    click.echo(f"{len(body)} bytes posted back -> {'VERIFIED' if genuine else 'INVALID'}")


@click.command()
@click.option("--calls", default=5, show_default=True, type=click.IntRange(1, 500), help="How many at most.")
@click.pass_obj
@with_appcontext
def limits(target: Target, calls: int) -> None:
    """Make a few small calls in a row, until PayPal says « too many »: which headers tell of a limit."""
    look = target.rest()
    for number in range(1, calls + 1):
        seen = look.ask("GET", SUBSCRIPTIONS, query={"page": "1", "page_size": "1"})
        if seen.status != 200 or number in (1, calls):
            click.echo(f"call {number}:")
            seeing.answer(seen)
            seeing.headers(seen)
        if seen.status == 429:
            seeing.line(f"Retry-After: {seen.headers.get('retry-after') or '(absent)'}")
        if seen.status != 200:
            return


COMMANDS: Final = (
    webhooks,
    event_types,
    simulate,
    events,
    resend,
    classic,
    classic_balance,
    ipn,
    limits,
)
