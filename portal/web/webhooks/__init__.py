"""What PayPal posts: no visitor, no session, no form token; each view checks who signed or sent the message."""

from flask import Blueprint

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")
