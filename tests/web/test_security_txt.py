"""/.well-known/security.txt says who is told of a weakness, where the operator has named somebody (RFC 9116)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from config import BadConfig, Config
from portal import create_app
from tests.browser_client import Browser
from tests.test_config import PRODUCTION

PLACE = "/.well-known/security.txt"


def test_nobody_is_named_where_the_setting_is_empty(browser):
    browser.get(PLACE, status=404)


def test_the_contact_is_told_with_a_day_that_is_less_than_a_year_away(config, ctx):
    config = replace(config, security_contact="mailto:security@portal.test")
    answer = Browser(create_app(config, ctx)).get(PLACE).response
    assert answer.mimetype == "text/plain"
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert fields["Contact"] == "mailto:security@portal.test"
    assert fields["Canonical"] == f"http://portal.test{PLACE}"
    expires = datetime.strptime(fields["Expires"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert timedelta(days=100) < expires - datetime.now(UTC) < timedelta(days=365)
    assert not answer.headers.getlist("Set-Cookie")


@pytest.mark.parametrize("contact", ["security@portal.test", "mailto:nobody", "http://portal.test/", "https://a b"])
def test_a_contact_that_no_program_could_use_is_named_at_start(contact):
    with pytest.raises(BadConfig, match="PORTAL_SECURITY_CONTACT must look like"):
        Config.from_env({**PRODUCTION, "PORTAL_SECURITY_CONTACT": contact})
