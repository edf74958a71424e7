"""Whose PayPal a probe's command looks at, and through which key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import click

from portal.cli.context import context
from portal.models import PayPalAccount, Provider
from portal.providers.probing import ClassicProbe, RestProbe
from portal.queries.merchants import paypal_accounts
from portal.secrets import CannotOpen
from portal.services.paypal import gateways


@dataclass(frozen=True)
class Target:
    """The merchant whose keys are used, and whether a live key may be."""

    merchant_id: UUID
    live: bool

    def rest(self) -> RestProbe:
        account = self._account(Provider.PAYPAL_REST)
        return context().gateways.probe(_opened(gateways.rest_credentials, account))

    def classic(self) -> ClassicProbe:
        account = self._account(Provider.PAYPAL_CLASSIC)
        return context().gateways.classic_probe(_opened(gateways.classic_credentials, account))

    def environment(self) -> str:
        """Return where the merchant's keys belong: both kinds to the same world, or the REST one's."""
        with context().db.read() as session:
            accounts = paypal_accounts.all_of_merchant(session, self.merchant_id)
        for provider in (Provider.PAYPAL_CLASSIC, Provider.PAYPAL_REST):
            if provider in accounts:
                return self._allowed(accounts[provider]).environment
        raise click.ClickException("This merchant has no PayPal key: enter one on the PayPal page of the desk.")

    def _account(self, provider: Provider) -> PayPalAccount:
        with context().db.read() as session:
            account = paypal_accounts.of_merchant(session, self.merchant_id, provider)
        if account is None:
            kind = "REST" if provider is Provider.PAYPAL_REST else "classic"
            raise click.ClickException(f"This merchant has no {kind} key: enter one on the PayPal page of the desk.")
        return self._allowed(account)

    def _allowed(self, account: PayPalAccount) -> PayPalAccount:
        if account.environment == "live" and not self.live:
            raise click.ClickException("This key is live: real subscriptions. Add --live before the command to go on.")
        return account


def _opened(credentials: Callable[..., Any], account: PayPalAccount) -> Any:
    try:
        return credentials(context(), account)
    except CannotOpen:
        raise click.ClickException("The stored key cannot be opened: its master key is gone.") from None
