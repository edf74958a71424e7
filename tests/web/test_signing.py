"""The key that signs what browsers carry changes while people are in the middle of something."""

from __future__ import annotations

from dataclasses import replace

from portal import create_app
from tests.web.conftest import PASSWORD, totp

NEW = "another one that is made up, long enough"


def change_to(app, config):
    """Let the application go on as if it had been started with these settings."""
    fresh = {"SECRET_KEY_FALLBACKS": list(config.former_secret_keys), "WTF_CSRF_SECRET_KEY": list(config.signing_keys)}
    app.config.update(fresh)
    app.extensions["portal_config"] = config


def test_the_key_changes_between_two_factors_and_is_forgotten_afterwards(browser, make, hire, config, ctx):
    lea = hire(make.merchant(locale="en"))
    page = browser.submit("/admin/login?next=/admin/sessions", email=lea.staff.email, password=PASSWORD)
    # Session cookie, form token and first factor are signed by the old key; from now on the new one signs.
    changed = replace(config, secret_key=NEW, former_secret_keys=(config.secret_key,))
    browser.client.application = create_app(changed, ctx)
    assert page.submit(code=totp(lea)).path == "/admin/sessions"

    page = browser.get("/accessibility")
    assert page.language == "fr"
    change_to(browser.client.application, replace(changed, former_secret_keys=()))
    page.submit(press="English")
    assert browser.get("/accessibility").language == "en"


def test_without_the_former_key_the_first_factor_is_asked_for_again(browser, make, hire, config, ctx):
    lea = hire(make.merchant(locale="en"))
    page = browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD)
    browser.client.application = create_app(replace(config, secret_key=NEW), ctx)
    assert page.submit(code=totp(lea)).path == "/admin/login"
