"""The access check's short way: what nothing is to be said against is answered here, before the framework.

A site asks at each of its pages, so this is the call that is made most; one statement reads the key and what access
depends on.  Here one is only ever let in: whatever is to be refused, or is asked in another way, goes on to the view
(`access.check`), which says why.  Both go by the same rules and give the same answer, to the byte.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import structlog
from apiflask import APIFlask
from marshmallow import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.http import generate_etag, is_resource_modified

from portal.api import calls
from portal.api.bodies import as_json
from portal.api.problems import Problem
from portal.api.schemas import named
from portal.clock import utc_now
from portal.domain.api_keys import digest, is_key
from portal.domain.public_ids import Kind
from portal.logs import place_of
from portal.queries import access_by_key
from portal.services import access_checks, resources
from portal.services.api import api_keys
from portal.services.api.api_keys import KeyRefused
from portal.services.api.api_uses import Use, Uses
from portal.services.context import Context
from portal.services.resources import Resource

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = structlog.get_logger("portal.api")

PATH: Final = "/access"
ENDPOINT: Final = "access.check"
PARTS: Final = ["customer", "product"]
NO_WAY: Final = (KeyRefused, Problem, SQLAlchemyError, ValidationError, ValueError)  # the view says which


class ShortWay:
    """A door in front of the application, which opens for one call alone."""

    def __init__(self, api: APIFlask, application: WSGIApplication) -> None:
        self._application = application
        self._extensions = api.extensions

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer, or let the application answer."""
        if environ["PATH_INFO"] == PATH and environ["REQUEST_METHOD"] == "GET":
            started = time.perf_counter()
            try:
                found = self._found(environ)
            except NO_WAY:
                found = None
            except Exception as error:  # the view may fare better
                log.error("api_error", kind=type(error).__name__, place=place_of(error))
                found = None
            if found is not None:
                return self._told(environ, start, *found, started=started)
        return self._application(environ, start)

    def _found(self, environ: WSGIEnvironment) -> tuple[Resource, Use] | None:
        """Return the answer, and what it leaves of the key's calls; None or an error of NO_WAY: ask the view."""
        asked = sorted(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True, errors="strict"))
        key = calls.shown_key(environ.get("HTTP_AUTHORIZATION", ""))
        if [name for name, _value in asked] != PARTS or not is_key(key) or "HTTP_IF_MATCH" in environ:
            return None
        pair = named(Kind.CUSTOMER, asked[0][1]), named(Kind.PRODUCT, asked[1][1])
        context: Context = self._extensions["portal"]
        with context.db.once() as connection:
            read = access_by_key.of_key(connection, digest(key), *pair)
        if read is None:
            return None
        caller, now = read.caller, utc_now()
        environ[calls.CALLER] = caller
        api_keys.check(caller, address=environ.get("REMOTE_ADDR"), now=now)
        calls.check_needs(caller, ENDPOINT)
        if read.holding is None or read.is_waiting:
            return None
        uses: Uses = self._extensions["portal_uses"]
        use = uses.take(caller.key_id, caller.per_minute, now=now)
        if use.is_over:
            return None
        return resources.access(access_checks.checked(read.holding, {}, now=now), now=now), use

    def _told(
        self, environ: WSGIEnvironment, start: StartResponse, resource: Resource, use: Use, *, started: float
    ) -> Iterable[bytes]:
        """Send it, or that it has not changed; count and log the call as every other."""
        body, request_id = as_json(resource), uuid.uuid4().hex
        headers = calls.told(request_id, ENDPOINT, "GET", use)
        headers["ETag"], headers["Vary"] = f'"{generate_etag(body)}"', "Authorization"
        is_same = not is_resource_modified(environ, headers["ETag"])
        if not is_same:
            headers["Content-Type"], headers["Content-Length"] = "application/json", str(len(body))
        structlog.contextvars.clear_contextvars()
        calls.bind(request_id, environ[calls.CALLER])
        calls.log_call("GET", ENDPOINT, 304 if is_same else 200, started)
        calls.count(self._extensions["portal"], self._extensions["portal_uses"], environ[calls.CALLER])
        start("304 NOT MODIFIED" if is_same else "200 OK", list(headers.items()))
        return [] if is_same else [body]
