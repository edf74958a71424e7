"""Aliases that a module keeps: several threads that begin with one at the same moment all get its own columns."""

from __future__ import annotations

import ast
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import select

from portal.models import Subscription
from portal.queries.aliases import kept_alias

PORTAL = Path(__file__).resolve().parent.parent / "portal"
THREADS = 4


@pytest.fixture
def hasty():
    """Let threads take turns far more often than they do by themselves."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_that_begin_at_once_read_one_table(hasty):
    with ThreadPoolExecutor(THREADS) as pool:
        for number in range(30):
            alias, together = kept_alias(Subscription, f"s{number}"), Barrier(THREADS)

            def built(own=alias, at_once=together):
                at_once.wait()
                return str(select(own.id).where(own.merchant_id == own.customer_id, own.status.is_(None)))

            texts = {task.result() for task in [pool.submit(built) for _thread in range(THREADS)]}
            assert len(texts) == 1
            assert f"FROM subscriptions AS s{number} " in texts.pop()


def _outside_functions(tree: ast.Module) -> list[ast.AST]:
    found: list[ast.AST] = [*tree.body]
    for node in found:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            found.extend(ast.iter_child_nodes(node))
    return found


def test_no_module_keeps_an_alias_that_is_not_ready():
    kept = [
        f"{path.relative_to(PORTAL)}:{node.lineno}"
        for path in PORTAL.rglob("*.py")
        for node in _outside_functions(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("aliased", "AliasedClass")
    ]
    assert kept == []
