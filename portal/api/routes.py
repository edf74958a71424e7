"""What every route of the API shares: ids in addresses, what stands behind the question mark, and how it answers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from apiflask import APIBlueprint, APIFlask, Schema
from apiflask.schema_adapters.marshmallow import parser
from flask import Request, Response, current_app
from marshmallow import RAISE
from werkzeug.routing import BaseConverter, Map, ValidationError

from portal.api.bodies import as_json
from portal.api.problems import Problem
from portal.domain.integrations.public_ids import Kind, NoSuchId, private, public

View = TypeVar("View", bound=Callable[..., Any])


class PublicIdConverter(BaseConverter):
    """`<id(sub):key>`: a public id of one kind in an address, given to the view as our key; any other is a 404."""

    def __init__(self, url_map: Map, kind: str) -> None:
        super().__init__(url_map)
        self.kind = Kind(kind)
        self.regex = f"{kind}_[0-9a-f]{{32}}"

    def to_python(self, value: str) -> uuid.UUID:
        try:
            return private(self.kind, value)
        except NoSuchId:
            raise ValidationError from None

    def to_url(self, value: uuid.UUID) -> str:
        return public(self.kind, value)


def install(api: APIFlask) -> None:
    """Let routes name ids, and bodies be read strictly."""
    api.url_map.converters["id"] = PublicIdConverter
    parser.location_loader("json")(_read)


def _read(sent: Request, _schema: Any) -> Any:
    """Return the body as JSON; raise Problem for what is not called so, BadJson for what is none."""
    if sent.mimetype != "application/json":
        detail = "Send the body as JSON, with Content-Type: application/json."
        raise Problem("unsupported-media-type", detail)
    return current_app.json.loads(sent.get_data())


def query(bp: APIBlueprint, schema: type[Schema]) -> Callable[[View], View]:
    """Check what stands behind the question mark, and refuse what nobody asked for; given to the view as `query`."""
    return bp.input(schema, location="query", arg_name="query", unknown=RAISE)


def body(bp: APIBlueprint, schema: type[Schema], *, is_checked: bool = True) -> Callable[[View], View]:
    """Check the body, and refuse what nobody asked for; given to the view as `body`, which checks it if nobody did."""
    return bp.input(schema, location="json", arg_name="body", validation=is_checked)


def reply(resource: dict[str, Any], status: int = 200, *, location: str = "") -> Response:
    """Return one resource as it is: tests hold it against the schema, which costs no call anything."""
    response = written(as_json(resource), status)
    if location:
        response.headers["Location"] = location
    return response


def written(text: bytes, status: int = 200) -> Response:
    """Return what is written already."""
    return Response(text, status, mimetype="application/json")
