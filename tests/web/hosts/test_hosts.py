"""A Host that is not the portal's, and a proxy that nobody named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from portal import create_app
from tests.browser_client import Browser
from tests.web.admin.conftest import enter, merchant, owner  # noqa: F401 - its people

FOREIGN = [
    "evil.example",
    "portal.test.evil.example",
    "portal.test:8080",
    "portal.test.",
    "127.0.0.1",
    "localhost:80",
    "",
]
PATHS = ["/", "/account/atelier", "/account/atelier/", "/admin", "/nowhere", "/css/customer.css"]


def ask(app, path, host, method="GET"):
    return app.test_client().open(path, method=method, environ_overrides={"HTTP_HOST": host})


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_built_for_a_foreign_host(https_app, host, path):
    for method in ("GET", "POST", "HEAD"):
        answer = ask(https_app, path, host, method=method)
        assert answer.status_code == 400
        assert "Location" not in answer.headers
        assert "evil" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("host", ["portal.test", "PORTAL.test", "portal.test:443"])
def test_our_own_name_is_heard_however_it_is_written(https_app, host):
    assert ask(https_app, "/accessibility", host).status_code == 200
    assert ask(https_app, "/account/atelier", host).status_code in (301, 308)


def test_a_balancer_may_ask_for_health_by_an_address_of_its_own(https_app):
    assert ask(https_app, "/healthz", "10.0.0.7:8000").get_json()["database"] == "ok"


@pytest.mark.parametrize("host", ["localhost:9000", "127.0.0.1", "[::1]:8000"])
def test_the_demo_is_heard_on_this_machine_s_names(app, host):
    assert ask(app, "/accessibility", host).status_code == 200
    assert ask(app, "/accessibility", f"{host}.evil.example").status_code == 400


def test_an_unknown_proxy_is_noticed_once_a_day_and_at_the_desk(owner, caplog, monkeypatch, app):  # noqa: F811
    def warnings():
        return [record for record in caplog.records if "proxy_not_trusted" in record.getMessage()]

    assert "PORTAL_TRUSTED_PROXIES" not in owner.get("/admin/settings").body
    assert warnings() == []
    for _ in range(3):
        page = owner.get("/admin/settings", X_Forwarded_For="203.0.113.9")
        assert "The portal cannot tell visitors apart" in page.text
        assert "PORTAL_TRUSTED_PROXIES" in page.text
    assert len(warnings()) == 1
    app.extensions["portal_proxy_noted"] = "yesterday"
    owner.get("/admin/settings", X_Forwarded_For="203.0.113.9")
    assert len(warnings()) == 2


def test_a_proxy_that_is_named_is_nothing_to_warn_of(config, ctx, caplog):
    named = create_app(replace(config, trusted_proxies=1), ctx)
    Browser(named).get("/accessibility", X_Forwarded_For="203.0.113.9")
    assert "proxy_not_trusted" not in caplog.text
