"""What anybody declares without an account, a code or a puzzle: one page a function and country (domain.countries)."""

from flask import Blueprint, Flask

from portal.domain.merchants.merchants import RESERVED

bp = Blueprint("declarations", __name__)


def check_reserved(app: Flask) -> None:
    """Raise RuntimeError naming every first part of an address of ours that a merchant could be called."""
    firsts = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()} | {"v1"}  # the API's own application
    missing = sorted(first for first in firsts if first and not first.startswith("<") and first not in RESERVED)
    if missing:
        raise RuntimeError(f"portal/domain/merchants/merchants.py: not reserved: {missing}")
