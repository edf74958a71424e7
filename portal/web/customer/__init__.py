"""The customer's pages of one merchant. Who may come is decided by portal/web/access.py: its customers only."""

from flask import Blueprint

bp = Blueprint("customer", __name__, url_prefix="/account/<merchant_slug>")
