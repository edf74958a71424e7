"""The API's own description: OpenAPI 3.1, a page to read it without a foreign host, and what each problem means."""

from __future__ import annotations

import json
import re
import warnings
from typing import Any, Final, cast

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app, render_template, url_for

from config import Config
from portal.api.problems import KINDS, MEDIA_TYPE, not_found
from portal.api.routes import reply
from portal.api.scopes import NEEDS, Needs
from portal.domain.integrations.outgoing_events import EventType

ABOUT: Final = """\
Ask what customers may open, be told when it changes, and end subscriptions: the same engine that serves the pages.

Send a key as `Authorization: Bearer psk_…`. Nothing is `cancelled` here before PayPal has said so. Moments are UTC,
money is a decimal text with its currency, ids begin with their kind, and readers ignore fields that they do not know.
A POST with an `Idempotency-Key` may be sent again for a day: it is carried out once.
"""
ALWAYS: Final = ("bad-request", "too-many-requests", "internal-error", "unavailable")
NEEDS_KEY: Final = ("unauthorized", "forbidden")

bp = APIBlueprint("description", __name__, enable_openapi=False)


@bp.get("/openapi.json")
def spec() -> Response:
    """Return the description, for programs."""
    return reply(described(cast(APIFlask, current_app)))


@bp.get("/docs")
def docs() -> Response:
    """Show the description to people."""
    found = described(cast(APIFlask, current_app))
    page = Response(
        render_template(
            "api/docs.html",
            spec=found,
            problems=KINDS.values(),
            kind=_kind,
            stylesheet="/static/api.css",
            for_programs=url_for("description.spec"),
        )
    )
    page.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page


@bp.get("/problems/<string:code>")
def problem(code: str) -> Response:
    """Say what a type of problem means."""
    kind = KINDS.get(code)
    if kind is None:
        raise not_found()
    return reply({"type": kind.type, "title": kind.title, "status": kind.status, "code": kind.code})


def described(api: APIFlask) -> dict[str, Any]:
    """Return the description, made once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of shapes that are named twice: `_each_once`
        return cast(dict[str, Any], api.spec)


def install(api: APIFlask, config: Config) -> None:
    """Let the application describe itself."""
    api.register_blueprint(bp)
    api.config.update(
        DESCRIPTION=ABOUT,
        SERVERS=[{"url": f"{config.base_url}/v1"}],
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        SECURITY_SCHEMES={"key": {"type": "http", "scheme": "bearer", "bearerFormat": "psk_live_…"}},
    )
    api.schema_name_resolver = lambda schema: type(schema).__name__.removesuffix("Out")

    def finish(spec: Any) -> Any:
        return _finish(spec, _endpoints(api))

    api.spec_processor(finish)


def _kind(schema: dict[str, Any]) -> str:
    """Return in a few words what a value is: its type, its form, or the words that it may be."""
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"])
    types = schema.get("type", "")
    word = " or ".join(types) if isinstance(types, list) else str(types)
    form = schema.get("format") or schema.get("pattern")
    return f"{word} ({form})" if form else word


def _endpoints(api: APIFlask) -> dict[tuple[str, str], str]:
    """Return which view answers each path and method, as the description writes paths."""
    return {
        (re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule), method.lower()): rule.endpoint
        for rule in api.url_map.iter_rules()
        for method in rule.methods or ()
    }


def _finish(spec: dict[str, Any], endpoints: dict[tuple[str, str], str]) -> dict[str, Any]:
    """Add to every operation its name, who may call it, and what may go wrong."""
    spec["components"].setdefault("schemas", {})["Problem"] = _problem_schema()
    spec["components"]["responses"] = {kind.code: _response(kind.title) for kind in KINDS.values()}
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            endpoint = endpoints[path, method]
            operation["operationId"] = endpoint.replace(".", "_")
            needs = NEEDS[endpoint]
            if needs.leaving is not None:
                operation["deprecated"] = True
            codes = list(ALWAYS)
            if not needs.is_public:
                codes += NEEDS_KEY
                operation["security"] = [{"key": []}]
                if needs.scope is not None:
                    operation["description"] = _with_scope(operation.get("description", ""), needs)
            names_something = "{" in path or method == "post" or path == "/access"
            codes += ["not-found"] if names_something and not needs.is_public else []
            codes += _of_method(method)
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
            if method == "post":
                operation.setdefault("parameters", []).append(IDEMPOTENCY)
            for code in codes:
                operation["responses"].setdefault(str(KINDS[code].status), {"$ref": f"#/components/responses/{code}"})
            if any(one.get("name") == "limit" for one in operation.get("parameters", [])):
                operation["responses"]["200"].setdefault("headers", {})["Link"] = {
                    "schema": {"type": "string"},
                    "description": 'The next page, `rel="next"`.',
                }
    spec["webhooks"] = {one.value: _webhook(one) for one in EventType}
    return _each_once(spec)


def _webhook(event_type: EventType) -> dict[str, Any]:
    """Describe what a receiver is sent of one type; `data` holds more for an endpoint whose payload is full."""
    told = {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"type": "string", "enum": [event_type.value]},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
        },
    }
    headers = [
        {"in": "header", "name": name, "required": True, "schema": {"type": "string"}, "description": about}
        for name, about in SIGNED.items()
    ]
    body = {"required": True, "content": {"application/json": {"schema": told}}}
    answers = {"2XX": {"description": "Received."}, "410": {"description": "Gone: the endpoint is switched off."}}
    about = "See docs/integrations/events.md; verify the signature before anything else (Standard Webhooks 1.0.0)."
    return {
        "post": {
            "summary": event_type.value,
            "description": about,
            "parameters": headers,
            "requestBody": body,
            "responses": answers,
        }
    }


def _each_once(spec: dict[str, Any]) -> dict[str, Any]:
    """Name each shape once: one that stands in a list and alone is named twice, with a 1 behind."""
    schemas = spec["components"]["schemas"]
    twice = [name for name in schemas if name.endswith("1") and schemas.get(name[:-1]) == schemas[name]]
    text = json.dumps(spec)
    for name in twice:
        text = text.replace(f'"#/components/schemas/{name}"', f'"#/components/schemas/{name[:-1]}"')
    found: dict[str, Any] = json.loads(text)
    for name in twice:
        del found["components"]["schemas"][name]
    return found


SIGNED: Final = {
    "webhook-id": "The event's id, the same at every try.",
    "webhook-timestamp": "When this try was made, in seconds since 1970.",
    "webhook-signature": "`v1,` and HMAC-SHA256 over `id.timestamp.body`, base64; two while a secret is rotated.",
}
IDEMPOTENCY: Final = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"},
    "description": "The same name and the same call within a day: the first answer again.",
}


def _of_method(method: str) -> list[str]:
    if method == "get":
        return ["invalid"]
    return ["invalid", "conflict", "too-large", "unsupported-media-type"]


def _with_scope(text: str, needs: Needs) -> str:
    return f"{text}\n\nScope: `{needs.scope}`.".strip()


def _response(title: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": title, "content": {MEDIA_TYPE: {"schema": schema}}}


def _problem_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": list(KINDS)},
            "detail": {"type": "string"},
            "reason": {"type": "string", "description": "Of a conflict: which, for programs."},
            "scope": {"type": "string", "description": "Of `forbidden`: what the key lacks."},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["detail"],
                    "properties": {
                        "pointer": {"type": "string", "description": "Where in the body (RFC 6901)."},
                        "parameter": {"type": "string", "description": "Which part of the address."},
                        "detail": {"type": "string"},
                    },
                },
            },
        },
    }
