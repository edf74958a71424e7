"""What a fresh process has done before its first visitor comes."""

from __future__ import annotations

from dataclasses import replace

from portal import clock, create_app, i18n
from portal.extensions import Database
from portal.queries.account import account_page
from portal.web.warming import warm


def test_the_first_page_of_a_warm_process_compiles_its_own_template_alone(config, monkeypatch):
    app = create_app(config)
    i18n.catalogue.cache_clear()
    warm(app)
    compiled: list[str] = []
    environment = type(app.jinja_env)
    original = environment.compile

    def compiling(self, source, name=None, *rest, **more):
        compiled.append(name)
        return original(self, source, name, *rest, **more)

    monkeypatch.setattr(environment, "compile", compiling)
    assert app.test_client().get("/accessibility", base_url=config.base_url).status_code == 200
    assert compiled
    assert not [name for name in compiled if name.startswith(("layouts/", "components/"))]
    assert i18n.catalogue.cache_info().currsize == len(i18n.DECLARED)
    app.extensions["portal"].db.dispose()
    clock.follow(None)  # the application had the process go by its database's clock


def test_the_account_page_s_statement_is_made_before_there_are_threads(app):
    """Its aliases are adapted at their first use: by several threads at once, some columns named another table."""
    account_page._page.cache_clear()
    warm(app)
    assert account_page._page.cache_info().currsize == 1


def test_a_database_that_is_away_keeps_no_process_from_starting(app, ctx, monkeypatch):
    away = Database("postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setitem(app.extensions, "portal", replace(ctx, db=away))
    warm(app)
    assert app.jinja_env.cache
