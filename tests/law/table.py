"""docs/law.md, written from what the law asks (requirements.toml) and from the tests that say they hold it."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TESTS = HERE.parent
PAGE = TESTS.parent / "docs" / "law.md"
PLACES = {
    "FR": "France",
    "EU": "European Union",
    "DE": "Germany",
    "CA": "California",
    "US": "United States",
    "UK": "United Kingdom",
    "NL": "Netherlands",
    "DP": "Fair pages",
    "GD": "Personal data",
    "AC": "Accessibility",
    "SE": "Payments and security",
}
BEGINNING = """# What the law asks, and which test holds it

*Written by `make law` from tests/law/requirements.toml and the tests' marks; a test fails while it is out of date.
Not legal advice.*

MUST: a rule says so. SHOULD: advice, or the careful reading. NOTE: nothing to build. *No test*: none can hold it, and
why.
"""


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One thing that the law asks, in our words; `tests` are those that are marked with its name."""

    name: str
    text: str
    met: str
    level: str = "MUST"
    no_test: str = ""
    tests: Sequence[str] = field(default=())

    @property
    def held_by(self) -> str:
        """Return what the last column says; empty where a MUST has nothing to say."""
        if self.tests:
            return "<br>".join(f"`{test}`" for test in self.tests)
        if self.no_test:
            return f"*no test*: {self.no_test}"
        return "" if self.level == "MUST" else "–"


def marks(tests: Path = TESTS) -> dict[str, list[str]]:
    """Return the marked tests (path::name) of each requirement, read from the sources; nothing is imported or run."""
    found: dict[str, list[str]] = {}
    for path in sorted(tests.rglob("*.py")):
        source = path.read_text("utf-8")
        if "mark.law(" in source:
            for test, name in _marked(ast.parse(source)):
                found.setdefault(name, []).append(f"{path.relative_to(tests.parent)}::{test}")
    return found


def _marked(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for call in node.decorator_list:
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.law":
                    yield from ((node.name, str(ast.literal_eval(one))) for one in call.args)


def stated() -> dict[str, Any]:
    """Return what requirements.toml says."""
    return tomllib.loads((HERE / "requirements.toml").read_text("utf-8"))


def requirements(said: Mapping[str, Any], marked: Mapping[str, Sequence[str]]) -> list[Requirement]:
    """Return every requirement with its tests, as the file has them in order."""
    return [
        Requirement(name=name, tests=tuple(marked.get(name, ())), **told) for name, told in said["requirements"].items()
    ]


def page(said: Mapping[str, Any], marked: Mapping[str, Sequence[str]]) -> str:
    """Return the text of docs/law.md."""
    lines, place = [BEGINNING], ""
    for one in requirements(said, marked):
        if (now := PLACES[one.name.split("-")[1]]) != place:
            place = now
            lines.append(f"\n## {place}\n\n| | asked | where | held by |\n|---|---|---|---|\n")
        level = "" if one.level == "MUST" else f" ({one.level})"
        lines.append(f"| {one.name}{level} | {one.text} | {one.met} | {one.held_by} |\n")
    lines.append("\n## What counsel has to look at\n\nNothing of this is decided in code.\n\n")
    lines += [f"- {point}\n" for point in said["counsel"]]
    return "".join(lines)
