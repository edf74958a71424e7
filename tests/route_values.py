"""What tests that try every route put in the places of its address, where not everything is taken."""

from __future__ import annotations

from werkzeug.routing import Rule


def page_of(rule: Rule) -> dict[str, str]:
    """Return one of the names that a public function's page has; nothing for any other route."""
    return {"page": sorted(rule._converters["page"].items)[-1]} if "page" in rule.arguments else {}
