"""How the probe's commands print an answer of PayPal's: plain lines, to be copied into a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import click

from portal.providers.probing import Seen

INDENT = "  "


def answer(seen: Seen) -> None:
    """Print what was asked and how it was answered, with the error's words if it is one."""
    click.echo(f"{seen.asked} -> {seen.status} in {seen.milliseconds} ms, debug id {seen.debug_id or 'none'}")
    if seen.kind == "other":
        line(f"the body is neither JSON nor a form ({seen.headers.get('content-type') or 'no content type'})")
    if seen.status >= 400:
        fields(seen)


def fields(seen: Seen, *, below: str = "") -> None:
    """Print every field, or those below a path, one a line."""
    for path, value in seen.fields:
        if path.startswith(below):
            line(f"{path}: {value}")


def line(text: str) -> None:
    """Print one indented line."""
    click.echo(INDENT + text)


def presence(seen: Seen, paths: Iterable[str]) -> None:
    """Print which of some documented fields are there and which are not."""
    wanted = list(paths)
    here = [path for path in wanted if seen.has(path)]
    line("present: " + (", ".join(here) or "none of the documented ones"))
    line("absent: " + (", ".join(path for path in wanted if path not in here) or "none"))


def rels(seen: Seen) -> list[str]:
    """Return what the answer's own links are for, in PayPal's order."""
    return [value for path, value in seen.fields if path.startswith("links[") and path.endswith(".rel")]


def rows(seen: Seen, name: str) -> list[dict[str, str]]:
    """Return the rows of a list, each as its shown leaves by the path inside the row."""
    found: dict[str, dict[str, str]] = {}
    for path, value in seen.fields:
        if path.startswith(f"{name}["):
            number, _, rest = path.removeprefix(f"{name}[").partition("]")
            found.setdefault(number, {})[rest.removeprefix(".")] = value
    return list(found.values())


def tally(values: Iterable[str]) -> str:
    """Return how often each value occurs: « ACTIVE 3, CANCELLED 1 »."""
    counted = Counter(value or "(absent)" for value in values)
    return ", ".join(f"{value} {number}" for value, number in sorted(counted.items())) or "none"


def order(values: list[str]) -> str:
    """Return how times follow each other in a list; absent ones are left out."""
    times = [value for value in values if value]
    if len(times) < 2:
        return "too few to tell"
    if times == sorted(times):
        return "oldest first"
    return "newest first" if times == sorted(times, reverse=True) else "no order"


def headers(seen: Seen) -> None:
    """Print the names of an answer's headers, with the values of those that say something about limits."""
    telling = {name: value for name, value in seen.headers.items() if value and "content-type" not in name}
    line("headers: " + ", ".join(sorted(seen.headers)))
    for name, value in sorted(telling.items()):
        line(f"{name}: {value}")
