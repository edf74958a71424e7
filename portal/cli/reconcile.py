"""flask reconcile: the comparison with PayPal by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from flask.cli import with_appcontext

from portal.cli.context import context, merchant_called
from portal.domain.audit import OPERATOR

if TYPE_CHECKING:
    from portal.models import ComparisonRun


@click.command()
@click.argument("slug", metavar="MERCHANT")
@click.option("--dry-run", is_flag=True, help="Only list the differences; write nothing else.")
@click.option("--everything", is_flag=True, help="Read every live subscription, due or not.")
@click.option("--calls-per-second", type=click.FloatRange(min=0), help="0: as fast as PayPal answers. Usually 10.")
@with_appcontext
def reconcile(slug: str, dry_run: bool, everything: bool, calls_per_second: float | None) -> None:
    """Compare what is stored with PayPal and correct it; resumes where it was interrupted.

    Exit status: 0 when all was compared, 1 when it stopped before the end (run the same command again),
    3 when it was done but some subscriptions, those of a key that does not work, or PayPal's list could not be read.
    """
    from portal.services.comparisons import comparisons
    from portal.services.paypal.gateways import NoKey

    ctx, merchant_id = context(), merchant_called(slug)
    pace = comparisons.CALLS_PER_SECOND if calls_per_second is None else calls_per_second or None
    try:
        run = comparisons.start_or_resume(ctx, merchant_id, dry_run=dry_run, everything=everything, by=OPERATOR)
    except NoKey:
        raise click.ClickException("This merchant has no PayPal key.") from None
    except comparisons.AlreadyRunning as running:
        raise click.ClickException(f"Comparison {running.run_id} is at work. Try again when it is done.") from None
    try:
        done = comparisons.run_comparison(ctx, run.id, calls_per_second=pace, on_progress=_show)
    except KeyboardInterrupt:
        click.echo("\nstopped. Run the same command again to go on from there.")
        raise SystemExit(1) from None
    click.echo(f"\n{done.state}" + (f": {done.error}" if done.error else ""))
    click.echo(f"report: {ctx.base_url}/admin/paypal/comparisons/{done.id}")
    if done.finished_at is None:
        raise click.ClickException("The comparison stopped; run the same command again to go on from there.")
    if done.failed or done.error:
        raise SystemExit(3)


def _show(run: ComparisonRun) -> None:
    differ = f"{run.differed} differ" if run.dry_run else f"{run.differed} differed, {run.corrected} corrected"
    click.echo(
        f"\r{run.phase}: {run.compared} compared, {differ}, {run.added} new, {run.failed} failed, {run.calls} calls",
        nl=False,
    )
