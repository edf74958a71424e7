"""What a browser carries for us is signed: by the key of now, and by a former one as long as the settings name it."""

from __future__ import annotations

from flask import current_app
from itsdangerous import URLSafeTimedSerializer


def signer(salt: str) -> URLSafeTimedSerializer:
    """Return what signs and reads for one purpose, the salt's."""
    return URLSafeTimedSerializer(list(current_app.extensions["portal_config"].signing_keys), salt=salt)
