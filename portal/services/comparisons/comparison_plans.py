"""The plans of a merchant, read as a comparison begins: a price that PayPal changed is seen the same night.

PayPal's list of changed subscriptions need not name those of a plan whose price changed, and single reads come round
every third day only.  So whoever stands on a changed plan is read in the same run.
"""

from __future__ import annotations

from collections.abc import Iterator

import structlog

from portal.clock import utc_now
from portal.models import ComparisonRun
from portal.providers.ports import GatewayRefused, GatewayUnavailable, PlanReading, Refusal, RestGateway
from portal.queries.operating import import_runs
from portal.services.arrivals.import_pages import write_plans
from portal.services.arrivals.import_rows import Origin
from portal.services.context import Context

log = structlog.get_logger(__name__)


def read(ctx: Context, run: ComparisonRun, gateway: RestGateway) -> None:
    """Write what PayPal shows of the known plans; a dry run writes nothing, and unknown ones are the import's.

    A list that is refused or not answered keeps nothing else waiting.  Raises GatewayRefused for a key that opens
    nothing, and GatewayUnavailable when PayPal asks to wait.
    """
    if run.dry_run:
        return
    origin = Origin(run.merchant_id, run.environment)
    try:
        shown = {plan.provider_id: plan for plan in gateway.list_plans()}
        with ctx.db.read() as session:
            known = set(import_runs.plans_by_provider_id(session, origin.merchant_id, origin.environment, shown))
        whole = list(_whole(gateway, (plan for plan_id, plan in shown.items() if plan_id in known)))
    except (GatewayRefused, GatewayUnavailable) as error:
        if getattr(error, "refusal", None) is Refusal.BAD_CREDENTIALS or error.http_status == 429:
            raise
        log.warning("comparison_plans_not_read", run_id=str(run.id), debug_id=error.debug_id)
        return
    with ctx.db.begin() as session:
        write_plans(session, origin, whole, now=utc_now())


def _whole(gateway: RestGateway, plans: Iterator[PlanReading]) -> Iterator[PlanReading]:
    """Yield each plan with its price and rhythm, asked for one by one where the list leaves them out."""
    for plan in plans:
        yield plan if plan.price is not None and plan.interval_unit else gateway.show_plan(plan.provider_id)
