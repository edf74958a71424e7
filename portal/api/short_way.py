"""The access check's short way: what nothing is to be said against is answered here, before the framework.

A site asks at each of its pages, so this is the call that is made most; one statement reads the key and what access
depends on.  Here one is only ever let in: whatever is to be refused, or is asked in another way, goes on to the view
(`access.check`), which says why.  Both go by the same rules and give the same answer, to the byte.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import structlog
from apiflask import APIFlask
from marshmallow import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.http import generate_etag, is_resource_modified

from portal import logs
from portal.api import calls
from portal.api.bodies import as_json
from portal.api.problems import Problem
from portal.api.schemas import named
from portal.clock import utc_now
from portal.domain.integrations.api_keys import digest, is_key
from portal.domain.integrations.public_ids import Kind
from portal.logs import place_of
from portal.queries.access import access_by_key
from portal.queries.integrations.api_keys import Caller
from portal.services import access_checks, resources
from portal.services.api import api_keys
from portal.services.api.api_keys import KeyRefused
from portal.services.api.api_uses import Use, Uses
from portal.services.context import Context
from portal.services.resources import moment

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = structlog.get_logger("portal.api")

PATH: Final = "/access"
ENDPOINT: Final = "access.check"
PARTS: Final = ["customer", "product"]
REMEMBERED: Final = 2_000  # answers of a process, a third of a kilobyte each
NO_WAY: Final = (KeyRefused, Problem, SQLAlchemyError, ValidationError, ValueError)  # the view says which


@dataclass(frozen=True)
class _Answered:
    """Of an answer that was made: whose key asked, its ETag, and when it may change by time alone."""

    caller: Caller
    etag: str
    changes_at: str | None


class ShortWay:
    """A door in front of the application, which opens for one call alone."""

    def __init__(self, api: APIFlask, application: WSGIApplication) -> None:
        self._application = application
        self._extensions = api.extensions
        self._answered: dict[str, _Answered] = {}  # by a digest of their facts
        self._callers: dict[uuid.UUID, Caller] = {}  # theirs: many answers, few keys

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer, or let the application answer."""
        if environ["PATH_INFO"] == PATH and environ["REQUEST_METHOD"] == "GET":
            started = time.perf_counter()
            try:
                answer = self._answer(environ, started)
            except NO_WAY:
                answer = None
            except Exception as error:  # the view may fare better
                log.error("api_error", kind=type(error).__name__, place=place_of(error))
                answer = None
            if answer is not None:
                status, headers, body = answer
                start(status, list(headers.items()))
                return [body]
        return self._application(environ, start)

    def _answer(self, environ: WSGIEnvironment, started: float) -> tuple[str, dict[str, str], bytes] | None:
        """Return status, headers and body; None or an error of NO_WAY: ask the view."""
        facts = self._facts(environ)
        if facts is None:
            return None
        now, body, name = utc_now(), b"", generate_etag(facts.encode())
        answered = self._unchanged(environ, name, now=now)
        if answered is None:
            read = access_by_key.read(facts)
            environ[calls.CALLER] = read.caller
            if read.holding is None or read.is_waiting:
                return None
            resource = resources.access(access_checks.checked(read.holding, {}, now=now), now=now)
            body = as_json(resource)
            answered = _Answered(self._known(read.caller), f'"{generate_etag(body)}"', resource["next_change_at"])
        environ[calls.CALLER] = caller = answered.caller
        api_keys.check(caller, address=environ.get("REMOTE_ADDR"), now=now)
        calls.check_needs(caller, ENDPOINT)
        use = self._uses.take(caller.key_id, caller.per_minute, of=caller.merchant_id, now=now)
        if use.is_over:
            return None
        self._remember(name, answered)
        return self._told(environ, answered, body, use, started)

    def _facts(self, environ: WSGIEnvironment) -> str | None:
        """Return the key that is shown and what access depends on, as the database writes it."""
        asked = sorted(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True, errors="strict"))
        key = calls.shown_key(environ.get("HTTP_AUTHORIZATION", ""))
        if [name for name, _value in asked] != PARTS or not is_key(key) or "HTTP_IF_MATCH" in environ:
            return None
        pair = named(Kind.CUSTOMER, asked[0][1]), named(Kind.PRODUCT, asked[1][1])
        context: Context = self._extensions["portal"]
        with context.db.once() as connection:
            return access_by_key.facts(connection, digest(key), *pair)

    def _unchanged(self, environ: WSGIEnvironment, name: str, *, now: datetime) -> _Answered | None:
        """Return what was answered from the same facts, where whoever asks has it and nothing opened or closed since.

        It need not be made anew to be compared.
        """
        answered = self._answered.get(name) if "HTTP_IF_NONE_MATCH" in environ else None
        if answered is None or is_resource_modified(environ, answered.etag):
            return None
        return answered if answered.changes_at is None or str(moment(now)) < answered.changes_at else None

    def _known(self, caller: Caller) -> Caller:
        """Return the one that other answers have already, where nothing of the key has changed since."""
        known = self._callers.get(caller.key_id)
        return known if known == caller else caller

    def _remember(self, name: str, answered: _Answered) -> None:
        if len(self._answered) >= REMEMBERED:
            self._answered.clear()
            self._callers.clear()
        self._answered[name] = answered
        self._callers[answered.caller.key_id] = answered.caller

    def _told(
        self, environ: WSGIEnvironment, answered: _Answered, body: bytes, use: Use, started: float
    ) -> tuple[str, dict[str, str], bytes]:
        """Return the answer, or that it has not changed; count and log the call as every other."""
        request_id = uuid.uuid4().hex
        headers = calls.told(request_id, ENDPOINT, "GET", use, is_https=self._extensions["portal_config"].is_https)
        headers |= {"ETag": answered.etag, "Vary": "Authorization"}
        is_same = not is_resource_modified(environ, answered.etag)
        if not is_same:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        logs.begin(request_id=request_id)
        calls.bind(request_id, answered.caller)
        calls.log_call("GET", ENDPOINT, PATH, 304 if is_same else 200, started)
        calls.count(self._extensions["portal"], self._uses, answered.caller)
        return ("304 NOT MODIFIED", headers, b"") if is_same else ("200 OK", headers, body)

    @property
    def _uses(self) -> Uses:
        uses: Uses = self._extensions["portal_uses"]
        return uses
