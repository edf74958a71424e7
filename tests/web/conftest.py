"""The web application over a real database, browsers, and people to log in with."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyotp
import pytest
from flask import Flask
from jinja2 import BytecodeCache
from sqlalchemy import select

from config import Config
from portal import create_app
from portal.clock import utc_now
from portal.domain.policies import Role
from portal.models import Customer, Mail, MailState, Merchant
from portal.queries.people.people import Kind
from portal.services.access_tokens import Signer
from portal.services.api.api_uses import Uses
from portal.services.context import Context
from portal.services.people import staff_logins
from portal.services.people.sessions import Visitor, open_for
from portal.services.people.staff_logins import NewStaff
from tests.browser_client import Browser, Page
from tests.databases import OwnDatabase
from tests.waiting_mails import said

PASSWORD = "un tiroir plein de mots"


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Config:
    """Settings as the demo has them, over http."""
    return Config(
        environment="test",
        base_url="http://portal.test",
        database_url=database_url,
        data_folder=tmp_path,
        secret_key="made up for the tests, long enough",
        master_keys=(("test", bytes(range(32))),),
        smtp_url="smtp://127.0.0.1:1",
        mail_from="Portal <portal@portal.test>",
        paypal_urls={},
        paypal_trust=None,
        trusted_proxies=0,
        log_level="warning",
    )


@pytest.fixture(scope="session")
def applications(own_database: OwnDatabase, compiled_templates: BytecodeCache) -> Callable[[Config, Context], Flask]:
    """Give the application of some settings, made once a run, for a test: making one takes longer than most tests."""
    made: dict[str, Flask] = {}

    def application(config: Config, ctx: Context) -> Flask:
        if config.environment not in made:
            # What listens at the database of its first test would not hear the others.
            app = made[config.environment] = create_app(config, replace(ctx, db=own_database.engine))
            app.jinja_env.bytecode_cache = compiled_templates
        app = made[config.environment]
        app.extensions |= {"portal": ctx, "portal_config": config, "portal_proxy_noted": None}
        api = app.extensions["portal_api"]
        api.extensions |= {"portal": ctx, "portal_config": config, "portal_uses": Uses(), "portal_signer": Signer()}
        app.extensions.pop("portal_health", None)
        app.extensions.pop("portal_figures", None)
        return app

    return application


@pytest.fixture
def app(config: Config, ctx: Context, applications: Callable[[Config, Context], Flask]) -> Flask:
    """The whole application."""
    return applications(config, ctx)


@pytest.fixture
def https_app(config: Config, ctx: Context, applications: Callable[[Config, Context], Flask]) -> Flask:
    """The application as it is outside the demo."""
    return applications(replace(config, environment="production", base_url="https://portal.test"), ctx)


@pytest.fixture
def browser(app: Flask) -> Browser:
    """A visitor's browser."""
    return Browser(
        app, address="192.0.2.7", agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    )


@pytest.fixture
def other_browser(app: Flask) -> Browser:
    """Somebody else's browser, or the same person's on another device."""
    return Browser(app, address="198.51.100.9")


@dataclass(frozen=True)
class Promised:
    """A mail that waits in the outbox, opened."""

    recipient: str
    subject: str
    text: str
    html: str


@pytest.fixture
def letters(ctx: Context) -> Callable[[], list[Promised]]:
    """Every mail promised so far, oldest first."""

    def read() -> list[Promised]:
        with ctx.db.read() as session:
            rows = session.scalars(select(Mail).order_by(Mail.created_at, Mail.id)).all()
        unwritten = [row for row in rows if row.content is None and row.state is MailState.SUPERSEDED]
        return [Promised(recipient=row.recipient, **vars(said(ctx, row))) for row in rows if row not in unwritten]

    return read


@pytest.fixture
def code_and_link(letters: Callable[[], list[Promised]]) -> Callable[[], tuple[str, str]]:
    """The code and the link's path of the newest mail; no link where the code is for one task."""

    def read() -> tuple[str, str]:
        text = letters()[-1].text
        code = re.search(r"\b(\d{6})\b", text) or re.search(r"\b(\d{3}[  ]\d{3})\b", text)
        link = re.search(r"http://portal\.test(/account/\S+/login/link/\S+)", text)
        assert code is not None
        return re.sub(r"\D", "", code[1]), link[1] if link is not None else ""

    return read


@pytest.fixture
def log_in_customer(code_and_link: Callable[[], tuple[str, str]]) -> Callable[..., Page]:
    """Log a customer in by the code of the mail, as they would."""

    def log_in(browser: Browser, merchant: Merchant, customer: Customer, *, status: int = 200) -> Page:
        page = browser.submit(f"/account/{merchant.slug}/login", email=customer.email)
        return page.submit(code=code_and_link()[0], status=status)

    return log_in


@pytest.fixture
def hire(ctx: Context) -> Callable[..., NewStaff]:
    """Create a staff member of a merchant."""

    def create(
        merchant: Merchant, *, role: Role = Role.OWNER, email: str = "lea@atelier.test", locale: str | None = None
    ) -> NewStaff:
        with ctx.db.begin() as session:
            return staff_logins.create_staff(
                ctx,
                session,
                merchant_id=merchant.id,
                email=email,
                name="Léa Martin",
                role=role,
                password=PASSWORD,
                locale=locale,
            )

    return create


@pytest.fixture
def seat_customer(ctx: Context) -> Callable[..., Browser]:
    """Give a browser a customer's session as a log-in would leave it; the way in is tested in test_auth_customers."""

    def seat(browser: Browser, merchant: Merchant, customer: Customer) -> Browser:
        with ctx.db.begin() as session:
            token = open_for(session, Kind.CUSTOMER, merchant.id, customer.id, visitor=Visitor(), now=utc_now())
        browser.set_cookie("portal_customer", token)
        return browser

    return seat


@pytest.fixture
def seat_staff(ctx: Context) -> Callable[..., Browser]:
    """Give a browser a staff session as both factors would leave it; the way in is tested in test_auth_staff."""

    def seat(browser: Browser, new: NewStaff) -> Browser:
        with ctx.db.begin() as session:
            staff = new.staff
            token = open_for(session, Kind.STAFF, staff.merchant_id, staff.id, visitor=Visitor(), now=utc_now())
        browser.set_cookie("portal_staff", token)
        return browser

    return seat


@pytest.fixture
def log_in_staff() -> Callable[..., Page]:
    """Log a staff member in with both factors."""

    def log_in(browser: Browser, new: NewStaff, *, at: str = "/admin/login", status: int = 200, step: int = 0) -> Page:
        page = browser.submit(at, email=new.staff.email, password=PASSWORD)
        return page.submit(code=totp(new, step=step), status=status)

    return log_in


def totp(new: NewStaff, *, step: int = 0) -> str:
    """The code an authenticator shows, `step` steps from now."""
    return pyotp.TOTP(new.totp_secret).at(utc_now(), counter_offset=step)


def row_counts(ctx: Context) -> dict[str, Any]:
    """How many rows each table has, and what the sessions' and challenges' rows say: to see that nothing changed."""
    from portal.models import Base, LoginBrowser, LoginChallenge, LoginSession

    with ctx.db.read() as session:
        counts: dict[str, Any] = {
            table.name: session.execute(select(table.c[table.primary_key.columns.keys()[0]])).all().__len__()
            for table in Base.metadata.sorted_tables
        }
        counts["challenges"] = session.execute(select(LoginChallenge.id, LoginChallenge.consumed_at)).all()
        counts["tries"] = session.execute(select(LoginBrowser.challenge_id, LoginBrowser.attempts)).all()
        counts["live sessions"] = session.execute(select(LoginSession.id, LoginSession.revoked_at)).all()
    return counts
