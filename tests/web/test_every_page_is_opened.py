"""No page is forgotten by the browser suite, which tries it on every screen and takes its picture."""

from __future__ import annotations

from tests.e2e.places import NOT_OPENED, opened


def test_each_page_has_a_line_in_the_browser_suite_or_a_reason_to_have_none(app):
    addresses = app.url_map.bind("portal.test")
    seen = {addresses.match(path, method="GET")[0] for path in opened()}
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in rule.methods}
    assert pages - seen - NOT_OPENED.keys() == set(), "add a line to tests/e2e/pages.py"
    assert NOT_OPENED.keys() & seen == set(), "opened after all"
    assert NOT_OPENED.keys() - pages == set(), "gone"
    assert all(NOT_OPENED.values())
