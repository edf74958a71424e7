"""What somebody typed when their session or form token had run out: kept in the signed cookie, given back once.

Nothing typed is lost (law.md R-AC-8).  Passwords, secrets and codes are never kept; what is too large for a
cookie is left out, the longest answers first.  `BaseForm` (csrf.py) fills itself from the draft of its page.
A draft belongs to one person at one merchant: the one who was last logged in here when it was sent.  Where
nobody was, nothing is kept; another site's request brings no cookie, so it never has an owner.
"""

from __future__ import annotations

import time
from typing import Final

from flask import g, request, session
from werkzeug.datastructures import MultiDict

from portal.queries.people.people import Kind, Person
from portal.secrets import token_hash
from portal.web import addresses

KEY: Final = "draft"
OWNERS: Final = "owners"  # who was logged in here last, a face each
MOST_BYTES: Final = 2000  # a cookie holds 4096, with the form token, the language, the owners and the signature
LIFETIME: Final = 30 * 60  # seconds
NEVER: Final = ("csrf_token", "password", "secret", "signature", "code", "token", "key")


def know(person: Person) -> None:
    """Remember whose browser this is; what another person of the same face typed here is forgotten."""
    owner = _owner(person)
    owners = session.get(OWNERS, {})
    if owners.get(person.kind) != owner:
        session[OWNERS] = {**owners, person.kind.value: owner}
    draft = session.get(KEY)
    if draft and draft.get("owner") != owner and draft.get("owner", "").startswith(f"{person.kind}/"):
        del session[KEY]


def way_back(*, is_safe: bool) -> str | None:
    """Return the page to come back to; what was being sent, by no safe method, is kept for it."""
    if is_safe:
        return addresses.this_page()
    page = addresses.safe_path(addresses.this_page()) or addresses.page_before()
    if page is not None:
        keep(page)
    return page


def keep(page: str) -> None:
    """Keep the fields of the form just sent for the one they belong to, to be given back on `page`."""
    face = Kind.CUSTOMER if g.merchant_slug else Kind.STAFF
    owner = _owner(g.person) if g.person else session.get(OWNERS, {}).get(face)
    if owner is None:
        return
    fields = {name: values for name, values in request.form.lists() if not is_secret(name)}
    while fields and _size(fields) > MOST_BYTES:
        del fields[max(fields, key=lambda name: _size({name: fields[name]}))]
    if fields:
        session[KEY] = {"page": page.partition("?")[0], "at": int(time.time()), "owner": owner, "fields": fields}


def find(names: set[str]) -> MultiDict[str, str] | None:
    """Return the person's draft of the page being shown if all its fields are among `names`; the page then says so."""
    fields = _fields()
    if fields is None or not fields.keys() <= names:
        return None
    g.draft_restored = True
    return MultiDict((name, value) for name, values in fields.items() for value in values)


def typed(name: str) -> str | None:
    """Return what the person's draft of the page being shown holds under a name."""
    return next(iter((_fields() or {}).get(name, ())), None)


def _fields() -> dict[str, list[str]] | None:
    draft = session.get(KEY)
    if not draft or draft["page"] != request.path or draft["at"] < time.time() - LIFETIME:
        return None
    if g.person is None or draft.get("owner") != _owner(g.person):
        return None
    found: dict[str, list[str]] = draft["fields"]
    return found


def drop() -> None:
    """Forget the draft if a form of its page was just sent."""
    draft = session.get(KEY)
    if draft and draft["page"] in (request.path, addresses.parts_of(request.referrer or "").path):
        del session[KEY]


def _owner(person: Person) -> str:
    """Return what tells a person from another without naming anybody: the cookie is signed, not sealed."""
    who = person.member.id if person.member is not None else person.id
    return f"{person.kind}/{token_hash(f'{person.merchant_id}/{who}')[:32]}"


def is_secret(name: str) -> bool:
    """Return whether a field of this name may hold what is never kept nor shown again."""
    return any(word in name.lower() for word in NEVER)


def _size(fields: dict[str, list[str]]) -> int:
    return sum(len(name.encode()) + sum(len(value.encode()) for value in values) for name, values in fields.items())
