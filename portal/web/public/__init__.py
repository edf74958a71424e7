"""Pages that anybody may open."""

from flask import Blueprint

bp = Blueprint("public", __name__)
