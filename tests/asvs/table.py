"""docs/security.md, written from what ASVS asks, in our words, and what was found in the code (v*.toml)."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
PAGE: Final = ROOT / "docs" / "security.md"
NAMES: Final = (
    *("Encoding and sanitization", "Validation and business logic", "Web front end", "API and web service"),
    *("Files", "Authentication", "Sessions", "Authorization", "Self-contained tokens", "OAuth and OpenID Connect"),
    *("Cryptography", "Secure communication", "Configuration", "Data protection", "Coding and architecture"),
    *("Logging and error handling", "WebRTC"),
)
CHAPTERS: Final = dict(enumerate(NAMES, start=1))
STATES: Final = ("met", "partly", "not met", "not applicable")


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One requirement: what it asks, in our words, and what was found; `why` tells what no test or path can."""

    id: str
    level: int
    asks: str
    state: str
    where: Sequence[str] = ()
    tests: Sequence[str] = ()
    why: str = ""

    @property
    def row(self) -> str:
        """Return its line of the page."""
        held = "<br>".join([*(f"`{test}`" for test in self.tests), *([self.why] if self.why else [])])
        state = self.state if self.state in ("met", "not applicable") else f"**{self.state}**"
        where = "<br>".join(f"`{path}`" for path in self.where) or "–"
        return f"| {self.id} (L{self.level}) | {self.asks} | {state} | {where} | {held} |\n"


def levels() -> dict[str, int]:
    """Return the level of every requirement that the standard has at level 1 or 2, by its number."""
    said = tomllib.loads((HERE / "ids.toml").read_text("utf-8"))
    return {name: level for level in (1, 2) for name in said[f"level_{level}"]}


def order(name: str) -> tuple[int, ...]:
    """Return by what numbers are put in order: 1.2.10 comes after 1.2.9."""
    return tuple(int(part) for part in name.split("."))


def chapters() -> dict[int, list[Requirement]]:
    """Return what was answered of each chapter that has a file."""
    found = {}
    for number in CHAPTERS:
        file = HERE / f"v{number:02}.toml"
        if file.exists():
            said = tomllib.loads(file.read_text("utf-8"))
            found[number] = [Requirement(**told) for told in said["requirement"]]
    return found


def flaws(one: Requirement) -> Iterator[str]:
    """Say what is wrong with an answer: of no level, without its reason, or with a path or a test that is not there."""
    if levels().get(one.id) != one.level:
        yield "no such requirement of this level"
    if one.state not in STATES:
        yield f"no state: {one.state}"
    if not one.why and (one.state != "met" or not one.tests):
        yield "neither a test nor a reason" if one.state == "met" else "no reason"
    if one.state != "not applicable" and not one.where:
        yield "says nowhere where"
    if "\n" in one.asks + one.why or "|" in one.asks + one.why:
        yield "its words would break the table"
    yield from (f"not there: {path}" for path in one.where if not (ROOT / path).exists())
    yield from (f"no such test: {test}" for test in one.tests if not is_a_test(test))


def is_a_test(name: str) -> bool:
    """Say whether a test is there: `tests/web/test_headers.py::test_name`."""
    path, _, test = name.partition("::")
    return test.startswith("test_") and test in _tests_of(ROOT / path)


@cache
def _tests_of(file: Path) -> frozenset[str]:
    if not file.is_file():
        return frozenset()
    return frozenset(re.findall(r"^\s*(?:async )?def (test_\w+)\(", file.read_text("utf-8"), re.MULTILINE))


def page(found: Mapping[int, Sequence[Requirement]]) -> str:
    """Return the text of docs/security.md."""
    lines = [(HERE / "head.md").read_text("utf-8"), "\n## In numbers\n\n"]
    lines += ["| | " + " | ".join(STATES) + " |\n", "|---|" + "---:|" * len(STATES) + "\n"]
    counts = {number: Counter(one.state for one in found.get(number, ())) for number in CHAPTERS}
    for number, name in CHAPTERS.items():
        figures = _figures(counts[number]) if number in found else "not looked at yet | | | "
        lines.append(f"| V{number} {name} | {figures} |\n")
    lines.append(f"| **together** | {_figures(sum(counts.values(), Counter()))} |\n")
    for number, answered in found.items():
        lines.append(f"\n## V{number} {CHAPTERS[number]}\n\n| | asked | state | where | held by, or why |\n")
        lines.append("|---|---|---|---|---|\n")
        lines += [one.row for one in answered]
    return "".join(lines)


def _figures(counts: Mapping[str, int]) -> str:
    return " | ".join(str(counts.get(state, 0)) for state in STATES)
