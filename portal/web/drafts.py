"""What somebody typed when their session or form token had run out: kept in the signed cookie, given back once.

Nothing typed is lost (law.md R-AC-8).  Passwords, secrets and codes are never kept; what is too large for a
cookie is left out, the longest answers first.  `BaseForm` (csrf.py) fills itself from the draft of its page.
"""

from __future__ import annotations

import time
from typing import Final
from urllib.parse import urlsplit

from flask import request, session
from werkzeug.datastructures import MultiDict

KEY: Final = "draft"
MOST_BYTES: Final = 2200  # a cookie holds 4096, with the form token, the language and the signature
LIFETIME: Final = 30 * 60  # seconds
NEVER: Final = ("csrf_token", "password", "secret", "signature", "code", "token", "key")


def keep(page: str) -> None:
    """Keep the fields of the form just sent, to be given back on `page`."""
    fields = {name: values for name, values in request.form.lists() if not is_secret(name)}
    while fields and _size(fields) > MOST_BYTES:
        del fields[max(fields, key=lambda name: _size({name: fields[name]}))]
    if fields:
        session[KEY] = {"page": page.partition("?")[0], "at": int(time.time()), "fields": fields}


def find(names: set[str]) -> MultiDict[str, str] | None:
    """Return the draft of the page being shown if all its fields are among `names`, else None."""
    draft = session.get(KEY)
    if not draft or draft["page"] != request.path or draft["at"] < time.time() - LIFETIME:
        return None
    if not draft["fields"].keys() <= names:
        return None
    return MultiDict((name, value) for name, values in draft["fields"].items() for value in values)


def drop() -> None:
    """Forget the draft if a form of its page was just sent."""
    draft = session.get(KEY)
    if draft and draft["page"] in (request.path, urlsplit(request.referrer or "").path):
        del session[KEY]


def is_secret(name: str) -> bool:
    """Return whether a field of this name may hold what is never kept nor shown again."""
    return any(word in name.lower() for word in NEVER)


def _size(fields: dict[str, list[str]]) -> int:
    return sum(len(name.encode()) + sum(len(value.encode()) for value in values) for name, values in fields.items())
