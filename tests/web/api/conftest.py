"""A program that calls the API with a key; every answer is held against the published description."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.api.description import described
from portal.domain.audit import By
from portal.domain.integrations.api_keys import Mode, Scope
from portal.domain.policies import Actor
from portal.models import Merchant
from portal.services.api import api_keys
from portal.services.api.api_keys import Wanted
from portal.services.context import Context
from tests.web.api.described import Described


@pytest.fixture(scope="session")
def judges() -> dict[int, Described]:
    """One judge for each application of the run."""
    return {}


@pytest.fixture
def judge(app: Flask, judges: dict[int, Described]) -> Described:
    """Whoever holds answers against the description."""
    api = app.extensions["portal_api"]
    if id(api) not in judges:
        with api.test_request_context():
            judges[id(api)] = Described(described(api))
    return judges[id(api)]


class Program:
    """Calls the API."""

    def __init__(self, app: Flask, judge: Described, key: str | None, address: str = "203.0.113.5") -> None:
        self.client = app.test_client(use_cookies=False)
        self.judge = judge
        self.key = key
        self.address = address

    def call(
        self, method: str, path: str, *, query: Any = None, headers: dict[str, str] | None = None, **sent: Any
    ) -> Any:
        """Make a call, and hold its answer against the description; `json` or `data` is the body."""
        head = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        response = self.client.open(
            f"/v1{path}",
            base_url="http://portal.test",
            method=method,
            query_string=query,
            headers=head | (headers or {}),
            environ_base={"REMOTE_ADDR": self.address},
            **sent,
        )
        self.judge.judge(method, path, response)
        assert "Set-Cookie" not in response.headers
        return response

    def get(self, path: str, **query: Any) -> Any:
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("POST", path, json=body, headers=named)


@pytest.fixture
def key_of(ctx: Context, make: Any) -> Callable[..., str]:
    """Make a key of a merchant, with every scope that its mode allows unless others are named."""

    def make_key(merchant: Merchant, *scopes: Scope, mode: Mode = Mode.TEST, **columns: Any) -> str:
        wanted = frozenset(scopes) or frozenset(Scope) - (api_keys.api_keys.NOT_IN_TEST if mode is Mode.TEST else set())
        by = By(actor=Actor.STAFF, name="Anne")
        _id, text = api_keys.make(
            ctx, merchant.id, Wanted(name="Course site", mode=mode, scopes=wanted, **columns), by=by, now=make.now()
        )
        return text

    return make_key


@pytest.fixture
def program(app: Flask, judge: Described, key_of: Callable[..., str]) -> Callable[..., Program]:
    """Give a program with a key of a merchant."""

    def of(merchant: Merchant | None, *scopes: Scope, **columns: Any) -> Program:
        return Program(app, judge, key_of(merchant, *scopes, **columns) if merchant is not None else None)

    return of
