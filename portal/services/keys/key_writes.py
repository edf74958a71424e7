"""What is written of a merchant's PayPal key: its sealed secrets, what a test found, and what the audit chain keeps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import queue
from portal.domain.audit import PORTAL, Act, By
from portal.models import KeyState, PayPalAccount, Provider
from portal.providers.ports import ClassicCredentials
from portal.queries.merchants import paypal_accounts
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.keys.key_checks import BROKEN, WEBHOOKS_RIGHT, AnyCredentials, KeyCheck
from portal.services.notices import key_notices
from portal.services.paypal.gateways import SECRET, SIGNATURE, TOKEN


def sealed(ctx: Context, credentials: AnyCredentials) -> dict[str, Any]:
    if isinstance(credentials, ClassicCredentials):
        return {
            "provider": Provider.PAYPAL_CLASSIC,
            "client_id": credentials.user,
            "secret": ctx.vault.seal(credentials.password, purpose=SECRET),
            "secret_ending": credentials.password[-2:],  # these are short
            "signature": ctx.vault.seal(credentials.signature, purpose=SIGNATURE),
        }
    return {
        "provider": Provider.PAYPAL_REST,
        "client_id": credentials.client_id,
        "secret": ctx.vault.seal(credentials.secret, purpose=SECRET),
        "secret_ending": credentials.secret[-4:],
        "signature": None,
    }


def working(ctx: Context, found: KeyCheck) -> dict[str, Any]:
    token = found.token
    return {
        "state": KeyState.WORKING,
        "checked_at": found.checked_at,
        "check_result": found.facts,
        "broken_since": None,
        "calm_until": None,  # what PayPal asked of the key before does not bind this one
        "merchant_told_at": None,
        "token": ctx.vault.seal(token.value, purpose=TOKEN) if token else None,
        "token_expires_at": token.expires_at if token else None,
        "token_scopes": " ".join(sorted(token.scopes)) if token else "",
    }


def upsert(columns: dict[str, Any]) -> Any:
    statement = insert(PayPalAccount).values(columns)
    fresh = {name: statement.excluded[name] for name in columns if name not in ("merchant_id", "provider")}
    return statement.on_conflict_do_update(constraint="uq_paypal_accounts_provider", set_=fresh)


def note(
    ctx: Context, session: Session, account: PayPalAccount, found: KeyCheck, *, now: datetime, forget_told: bool
) -> bool:
    """Write the result, unless another key took this one's place while PayPal was asked; say whether it was."""
    if found.works:
        columns = working(ctx, found)
        if not forget_told:
            del columns["merchant_told_at"]  # broken again within the day, it is not told of again
    elif found.finding in BROKEN:
        columns = {
            "state": BROKEN[found.finding],
            "checked_at": found.checked_at,
            "check_result": found.facts,
            "broken_since": func.coalesce(PayPalAccount.broken_since, now),
            "token": None,
            "token_expires_at": None,
            "token_scopes": "",
        }
    else:
        return False
    written = session.execute(
        update(PayPalAccount)
        .where(PayPalAccount.id == account.id, PayPalAccount.set_at == account.set_at)
        .values(**columns)
        .returning(paypal_accounts.broken_before())
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if written is None:
        return False
    if found.works is not (written[0] is None):
        act = Act.KEY_WORKING if found.works else Act.KEY_BROKEN
        tell(session, account, act, by=PORTAL, at=now, finding=found.finding)
    if not found.works:
        key_notices.broken(ctx, session, account.merchant_id, account.provider, finding=found.finding, now=now)
    elif found.may_have_webhooks and WEBHOOKS_RIGHT not in account.check_result.get("scopes", ()):
        queue.defer(session, queue.REGISTER_WEBHOOK, merchant_id=str(account.merchant_id))
    return True


def tell(session: Session, account: PayPalAccount, act: Act, *, by: By, at: datetime, **details: Any) -> None:
    provider, environment = account.provider.value, account.environment
    audit.append(session, account.merchant_id, act, by=by, at=at, provider=provider, environment=environment, **details)
