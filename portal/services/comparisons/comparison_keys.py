"""Which keys a comparison goes through: a dead key of one kind leaves out its own subscriptions, not the other's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portal.clock import utc_now
from portal.models import ComparisonPhase, ComparisonRun, ComparisonState, KeyState, PayPalAccount, Provider
from portal.providers.ports import GatewayRefused, GatewayUnavailable, Refusal, RestGateway, SubscriptionGateway
from portal.queries.comparisons import comparisons
from portal.queries.comparisons.comparisons import KEY_NOTE, KEY_REASONS, WHOLE, Note, notes_of
from portal.queries.merchants import paypal_accounts
from portal.secrets import CannotOpen
from portal.services.arrivals.import_pages import KEY_REFUSALS
from portal.services.comparisons.comparison_pace import Pacer, paced, paced_rest
from portal.services.comparisons.comparison_work import Halt, Lost, Work
from portal.services.context import Context
from portal.services.imports.imports import StopReason
from portal.services.paypal.gateways import NoKey, classic_gateway, rest_gateway, suspect_key

BROKEN: Final[Mapping[KeyState, Refusal]] = {
    KeyState.REFUSED: Refusal.BAD_CREDENTIALS,
    KeyState.MISSING_RIGHTS: Refusal.FORBIDDEN,
}

Gateways = dict[Provider, SubscriptionGateway]


class NoKeyWorks(Exception):
    """There are keys, and none can be used; `reason` is the first one's trouble."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason)
        self.reason = reason


def open_gateways(ctx: Context, run: ComparisonRun, pacer: Pacer) -> tuple[RestGateway | None, Gateways]:
    """Return the gateway of each kind whose key works in the run's environment, and note in the run what is left out.

    Raises NoKey without any key there, NoKeyWorks when all are broken, Halt while PayPal's « too many » stands.
    """
    with ctx.db.read() as session:
        accounts = paypal_accounts.all_of_merchant(session, run.merchant_id)
    ours = {provider: account for provider, account in accounts.items() if account.environment == run.environment}
    if not ours:
        raise NoKey
    rest: RestGateway | None = None
    found: Gateways = {}
    broken: dict[Provider, StopReason] = {}
    noted = notes_of(run.error)
    for provider, account in sorted(ours.items()):
        try:
            if KEY_NOTE[provider] in noted or account.state is not KeyState.WORKING:
                broken[provider] = _trouble(account)
            elif provider is Provider.PAYPAL_REST:
                rest = found[provider] = paced_rest(rest_gateway(ctx, run.merchant_id), pacer)
            else:
                found[provider] = paced(classic_gateway(ctx, run.merchant_id), pacer)
        except CannotOpen:
            broken[provider] = StopReason.KEY_UNREADABLE
        except GatewayUnavailable as calm:
            raise Halt(provider, calm) from calm
    if not found:
        raise NoKeyWorks(next(iter(broken.values())))
    if not noted.issuperset(KEY_NOTE[provider] for provider in broken):
        _note(ctx, run, *(KEY_NOTE[provider] for provider in broken))
    return rest, found


def leave_out(work: Work, run: ComparisonRun, halt: Halt) -> ComparisonRun:
    """Go on without the kind whose key was refused; return the run as it stands. Raises the Halt if none is left."""
    refused = isinstance(halt.error, GatewayRefused) and halt.error.refusal in KEY_REFUSALS
    if not refused or not work.gateways.keys() - {halt.provider}:
        raise halt
    held = _note(work.ctx, run, KEY_NOTE[halt.provider])
    if not halt.was_tested:
        with work.ctx.db.begin() as session:
            suspect_key(session, run.merchant_id, halt.provider, now=utc_now())
    del work.gateways[halt.provider]
    if halt.provider is Provider.PAYPAL_REST:
        work.rest = None
    return held


def heed_tests(work: Work, run: ComparisonRun) -> None:
    """Raise Halt for a key that a test found broken since the run took it up."""
    with work.ctx.db.read() as session:
        accounts = paypal_accounts.all_of_merchant(session, run.merchant_id)
    for provider in work.gateways:
        account = accounts.get(provider)
        if account is not None and account.state in BROKEN:
            error = GatewayRefused(BROKEN[account.state], http_status=0, issue="found by a test of the key")
            raise Halt(provider, error, was_tested=True)


def take_up(run: ComparisonRun) -> None:
    """Set a run to work again. One that stopped with no key left begins again with all of them.

    What the test of a key did not confirm, a 403 on the list, concerns the list: the single reads do without it.
    """
    reason, notes = run.error.partition(" ")[0], notes_of(run.error)
    left_out = notes & set(KEY_NOTE.values())
    if reason in KEY_REASONS and left_out:
        notes -= left_out
        run.next_page, run.after_id = 1, None
        if run.trigger in WHOLE:
            run.phase = ComparisonPhase.LIST
    elif reason == StopReason.FORBIDDEN and run.phase is ComparisonPhase.LIST:
        notes |= {Note.LIST_NOT_READ}
        run.phase = ComparisonPhase.READS
    run.state, run.error, run.wait_until = ComparisonState.RUNNING, " ".join(sorted(notes)), None


def _trouble(account: PayPalAccount) -> StopReason:
    return StopReason.FORBIDDEN if account.state is KeyState.MISSING_RIGHTS else StopReason.BAD_CREDENTIALS


def _note(ctx: Context, run: ComparisonRun, *notes: Note) -> ComparisonRun:
    with ctx.db.begin() as session:
        held = comparisons.lock(session, run.id)
        if held.state is not ComparisonState.RUNNING:
            raise Lost
        held.error = " ".join(sorted(notes_of(held.error).union(notes)))
    return held
