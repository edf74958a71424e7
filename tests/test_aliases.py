"""Aliases that are kept: several threads that begin with one at the same moment all get its own columns, and every
statement that loads the same beside its rows loads it over the same alias.
"""

from __future__ import annotations

import ast
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import select

from portal.models import EndRequest, Refund, Subscription
from portal.queries import aliases
from portal.queries.aliases import joined, kept_alias, with_list

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


def test_threads_that_begin_at_once_join_in_one_and_the_same(hasty, monkeypatch):
    path = EndRequest.subscription, Subscription.customer
    expected = str(joined(select(EndRequest), path))
    with ThreadPoolExecutor(THREADS) as pool:
        for _round in range(10):
            aliases._alias.cache_clear()
            together = Barrier(THREADS)

            def built(at_once=together):
                at_once.wait()
                return str(joined(select(EndRequest), path))

            assert {task.result() for task in [pool.submit(built) for _thread in range(THREADS)]} == {expected}


def test_what_two_paths_share_is_joined_in_once_and_a_list_is_read_apart():
    customer, contents = Subscription.customer, Subscription.payments
    statement = joined(select(EndRequest), (EndRequest.subscription, customer), (EndRequest.subscription, contents))
    text = str(statement)
    assert text.count(" JOIN subscriptions ") == 1
    assert " payments " not in text
    more = with_list(joined(select(EndRequest), (EndRequest.subscription,)), EndRequest.subscription, contents)
    assert str(more).count(" JOIN subscriptions ") == 1


def test_whatever_leads_to_a_subscription_shares_its_columns():
    """A process that knows thirty statements of a table keeps its columns once, not thirty times."""

    def froms(statement):
        return {
            one for one in statement.get_final_froms()[0]._from_objects if getattr(one, "name", "").startswith("of_")
        }

    one = joined(select(EndRequest), (EndRequest.subscription, Subscription.product))
    other = joined(select(Refund), (Refund.subscription, Subscription.product))
    assert froms(one) == froms(other) != set()


def test_nothing_is_joined_in_over_an_alias_of_its_own():
    own = [
        f"{path.relative_to(PORTAL)}:{node.lineno}"
        for path in PORTAL.rglob("*.py")
        if path.name != "aliases.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if "joinedload" in (getattr(node, "id", ""), getattr(node, "attr", ""))
    ]
    assert own == []
