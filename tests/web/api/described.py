"""The API's description as a judge: an answer that it does not describe, to the last field, fails the test."""

from __future__ import annotations

import re
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker


class Described:
    """Judges answers by the description that is published, with nothing beside it allowed."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = _closed(spec)
        self.seen: set[tuple[str, str, str]] = set()
        self.paths = {
            re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)): path
            for path in sorted(spec["paths"], key=lambda path: path.count("{"))
        }

    def judge(self, method: str, path: str, response: Any) -> None:
        """Fail unless the answer is described; one to an address that is not is a 404 or 405 with a problem."""
        template = next((found for pattern, found in self.paths.items() if pattern.fullmatch(path)), None)
        operation = self.spec["paths"].get(template, {}).get(method.lower())
        status = str(response.status_code)
        if operation is None:
            assert status in ("404", "405", "400"), (method, path, status)
            self._check(response, self.spec["components"]["responses"]["not-found"])
            return
        if status == "304":
            assert response.data == b""
            return
        self.seen.add((method, template, status))
        described = operation["responses"].get(status)
        assert described is not None, f"{method} {template} does not describe {status}: {response.data!r}"
        if "$ref" in described:
            described = self.spec["components"]["responses"][described["$ref"].rsplit("/", 1)[1]]
        if "content" not in described:
            assert response.data == b""
            return
        self._check(response, described)

    def _check(self, response: Any, described: dict[str, Any]) -> None:
        ((media_type, content),) = described["content"].items()
        assert response.mimetype == media_type
        schema = content["schema"] | {"components": self.spec["components"]}
        validator = Draft202012Validator(schema, format_checker=FormatChecker())
        wrong = [
            f"{error.json_path}: {error.message}" for error in validator.iter_errors(response.get_json(force=True))
        ]
        assert wrong == []


def _closed(node: Any) -> Any:
    """Return the description with every object closed: a field that it does not name is an error."""
    if isinstance(node, list):
        return [_closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {name: _closed(value) for name, value in node.items()}
    if found.get("type") == "object" and "properties" in found:
        found["additionalProperties"] = False
    return found
