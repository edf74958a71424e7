"""Logging in and out, on both faces."""

from flask import Blueprint

bp = Blueprint("auth", __name__)
