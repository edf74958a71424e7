"""docs/trouble.md says what to do about each error that stands in the log, and names no line that nobody writes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "portal").rglob("*.py"))
TEXT = (ROOT / "docs" / "trouble.md").read_text("utf-8")
SEVERE = ("error", "critical", "exception")


def is_log(node: ast.AST, *methods: str) -> bool:
    """Whether it is `log.error`, with one of these methods."""
    if not isinstance(node, ast.Attribute) or node.attr not in methods:
        return False
    return ast.unparse(node.value).startswith(("log", "structlog.get_logger("))


def words(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def errors(tree: ast.Module) -> Iterator[str]:
    """The lines of one file that are errors, also sometimes (`tell = log.error if … else …`)."""
    told = {
        ast.unparse(node.targets[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and any(is_log(one, *SEVERE) for one in ast.walk(node.value))
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if is_log(node.func, *SEVERE) or ast.unparse(node.func) in told:
            yield from words(node.args[:1])
        elif ast.unparse(node.func) in ("each", "batches.each"):  # services/batches.py writes it for its caller
            yield from words([one.value for one in node.keywords if one.arg == "event"])


def in_tables() -> tuple[set[str], set[str]]:
    """The names in the first column of the table of errors, and of that of warnings."""
    _, errors_there, warnings_there = re.split(r"^\*\*(?:Errors|Warnings)\b", TEXT, flags=re.MULTILINE)
    found = []
    for part in (errors_there, warnings_there.split("\n## ")[0]):
        rows = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
        found.append({name for row in rows for name in re.findall(r"`([^`]+)`", row)})
    return found[0], found[1]


def test_each_error_of_the_log_stands_on_the_page():
    written = {name for path in SOURCES for name in errors(ast.parse(path.read_text("utf-8")))}
    assert len(written) > 40, "the test looks at the right thing"
    assert written == in_tables()[0]


def test_each_warning_on_the_page_is_written():
    trees = [ast.parse(path.read_text("utf-8")) for path in SOURCES]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    written = {name for call in calls if is_log(call.func, "warning") for name in words(call.args[:1])}
    assert in_tables()[1] <= written


def test_what_is_asked_of_the_queue_are_its_own_columns():
    """The library's own table; another version of it must not make the page wrong on the night it is needed."""
    import procrastinate

    schema = (Path(procrastinate.__file__).parent / "sql" / "schema.sql").read_text("utf-8")
    for word in ("procrastinate_jobs", "procrastinate_events", "task_name", "job_id", "'started'", "'doing'"):
        assert word in TEXT
        assert word in schema
