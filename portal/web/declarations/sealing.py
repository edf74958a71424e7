"""What a summary showed, as a seal in its form: whoever declares has seen exactly this, and the form never runs out.

No session and no time in it (law.md R-AC-8): the values travel in the form itself, and are checked again.  It also
bears the address of the page that is to be, so that pressing twice declares once.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from uuid import UUID

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from portal.secrets import new_token

if TYPE_CHECKING:
    from portal.models import PublicDeclaration

SALT: Final = "declarations"
MADE: Final = "declaration made"


def seal(place: str, values: Mapping[str, str]) -> str:
    """Return a new seal of what a page shows; `place`: the merchant's and the page's name."""
    return str(_serializer().dumps([place, new_token(), _digest(values)]))


def opened(sent: str, place: str, values: Mapping[str, str], *, is_whole: bool = True) -> str | None:
    """Return the address of the page to be; None for a seal of something else.

    Not `is_whole`: the seal is of an empty form, and whoever goes back to it and declares something else declares anew.
    """
    try:
        there, token, digest = _serializer().loads(sent)
    except (BadSignature, ValueError):
        return None
    if there != place or (is_whole and digest != _digest(values)):
        return None
    return str(token) if is_whole else _address(f"{token}{_digest(values)}")


def address_of(declaration: PublicDeclaration) -> str:
    """Return another address of the page of one that was made: of its own, only a hash is kept."""
    return str(_serializer(MADE).dumps(declaration.received_request_id.hex))


def made(token: str) -> UUID | None:
    """Return the request that an address of a declaration's page names; None for what is no such address."""
    try:
        return UUID(_serializer(MADE).loads(token))
    except (BadSignature, ValueError):
        return None


def _address(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def _digest(values: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(sorted(values.items())).encode()).hexdigest()[:32]


def _serializer(salt: str = SALT) -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=salt)
