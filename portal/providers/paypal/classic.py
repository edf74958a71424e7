"""The classic API of one merchant account: read a profile, change its status, test the key (FACTS.md 3.1, 4)."""

from __future__ import annotations

import requests

from portal.providers.paypal import classic_mapping, errors, mapping, nvp
from portal.providers.paypal.client import clean_reason
from portal.providers.ports import ClassicCredentials, GatewayRefused, Reading, Refusal


class PayPalClassicGateway:
    """Classic profiles of one account. Every call may raise GatewayRefused or GatewayUnavailable."""

    def __init__(
        self, http: requests.Session, address: str, *, credentials: ClassicCredentials, patience: float
    ) -> None:
        self._http = http
        self._address = address
        self._credentials = credentials
        self._patience = patience

    def check_key(self) -> str:
        """Ask for the balance, which changes nothing and of which nothing is kept; return the debug id."""
        return self._send("nvp_balance", METHOD="GetBalance").debug_id

    def show_subscription(self, provider_id: str) -> Reading:
        """Read one profile, with its terms as its plan."""
        answer = self._send("nvp_get", METHOD="GetRecurringPaymentsProfileDetails", PROFILEID=_known_form(provider_id))
        reading = classic_mapping.read_profile(answer.fields)
        if reading is None or reading.provider_id != provider_id:
            raise errors.unavailable("nvp_get: not the profile asked for", status=200, debug_id=answer.debug_id)
        return reading

    def cancel_subscription(self, provider_id: str, *, reason: str) -> str:
        """Cancel at once and for ever; return the debug id. PayPal may mail `reason` to the payer."""
        return self._manage(provider_id, "Cancel", reason=reason)

    def suspend_subscription(self, provider_id: str, *, reason: str) -> str:
        """Stop payments until reactivated; return the debug id."""
        return self._manage(provider_id, "Suspend", reason=reason)

    def activate_subscription(self, provider_id: str, *, reason: str) -> str:
        """Resume a suspended profile; return the debug id."""
        return self._manage(provider_id, "Reactivate", reason=reason)

    def _manage(self, provider_id: str, action: str, *, reason: str) -> str:
        answer = self._send(
            "nvp_manage",
            METHOD="ManageRecurringPaymentsProfileStatus",
            PROFILEID=_known_form(provider_id),
            ACTION=action,
            NOTE=clean_reason(reason),
        )
        if answer.fields.get("PROFILEID", provider_id) != provider_id:
            raise errors.unavailable("nvp_manage: not the profile asked for", status=200, debug_id=answer.debug_id)
        return answer.debug_id

    def _send(self, operation: str, **fields: str) -> nvp.Pairs:
        return nvp.send(
            self._http,
            self._address,
            operation=operation,
            fields=fields,
            credentials=self._credentials,
            patience=self._patience,
        )


def _known_form(provider_id: str) -> str:
    """Return the id; one that cannot be PayPal's is refused before any call."""
    if mapping.identifier(provider_id) is None:
        raise GatewayRefused(Refusal.NOT_FOUND, http_status=0, issue="MALFORMED_ID")
    return provider_id
