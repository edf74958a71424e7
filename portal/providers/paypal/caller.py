"""One call to PayPal's REST API for one merchant account: the token, one renewal, the path."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from portal.clock import utc_now
from portal.providers.paypal import errors, mapping, transport
from portal.providers.paypal.addresses import Addresses
from portal.providers.paypal.tokens import Bearer, read_token, usable
from portal.providers.paypal.transport import Answer, Call
from portal.providers.ports import Credentials, GatewayRefused, Refusal, Token, TokenStore


class RestCaller:
    """What every part of the REST client stands on. Every call may raise GatewayRefused or GatewayUnavailable."""

    def __init__(
        self,
        http: requests.Session,
        where: Addresses,
        *,
        credentials: Credentials,
        tokens: TokenStore,
        patience: float,
    ) -> None:
        self._http = http
        self._where = where
        self._credentials = credentials
        self._tokens = tokens
        self._patience = patience

    def _call(
        self, operation: str, method: str, path: str, *, provider_id: str | None = None, action: str = "", **rest: Any
    ) -> Answer:
        if provider_id is not None:  # an empty id must not turn one subscription into the list of all
            path += "/" + in_path(provider_id)
        if action:
            path += "/" + action
        return self._with_token(
            Call(operation=operation, method=method, path=path, provider_id=provider_id or "", **rest)
        )

    def _with_token(self, call: Call) -> Answer:
        """Make the call; on 401 drop the token, fetch one, try once more (FACTS.md 1.1)."""
        token = self._token()
        try:
            return self._send(call, Bearer(token))
        except GatewayRefused as refusal:
            if refusal.refusal is not Refusal.BAD_CREDENTIALS:
                raise
        self._tokens.drop()
        token = self._token()  # outside the `try`: a key refused here is final
        try:
            return self._send(call, Bearer(token))
        except GatewayRefused as refusal:
            if refusal.refusal is Refusal.BAD_CREDENTIALS:
                self._tokens.drop()
            raise

    def _token(self) -> Token:
        token = self._tokens.get()
        if token is not None and usable(token, now=utc_now()):
            return token
        token = self._fetch_token()
        self._tokens.put(token)
        return token

    def _fetch_token(self) -> Token:
        asked_at = utc_now()
        key = HTTPBasicAuth(self._credentials.client_id.encode(), self._credentials.secret.encode())
        call = Call(
            operation="token", method="POST", path="/v1/oauth2/token", form={"grant_type": "client_credentials"}
        )
        answer = self._send(call, key)
        token = read_token(answer.body, now=asked_at)
        if token is None:
            raise errors.unavailable("token: no token in the answer", status=200, debug_id=answer.debug_id)
        return token

    def _send(self, call: Call, auth: AuthBase) -> Answer:
        return transport.send(self._http, self._where.rest, call, auth=auth, patience=self._patience)


def in_path(provider_id: str) -> str:
    """Return the id as a path segment; an id that cannot be PayPal's is refused before any call."""
    if mapping.identifier(provider_id) is None:
        raise GatewayRefused(Refusal.NOT_FOUND, http_status=0, issue="MALFORMED_ID")
    return quote(provider_id, safe="")
