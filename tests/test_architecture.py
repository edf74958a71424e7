"""What is true of the whole: imports, routes, templates, jobs, labels (style.md)."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from jinja2 import nodes
from sqlalchemy import event

from portal import queue
from portal.domain import policies
from portal.domain.ends.duties import Duty
from portal.domain.ends.end_requests import Channel, RequestState, Trouble
from portal.domain.policies import Actor, Role, Settings
from portal.domain.subscriptions import Action, ProviderStatus, Status, status_from_provider
from portal.mail.composing import environment
from portal.models import TimelineKind
from portal.web.access import ACCESS, Face
from tests.browser_client import Browser
from tests.route_values import page_of
from tests.web.conftest import (  # noqa: F401 - the fixtures of the web tests serve here too
    app,
    applications,
    config,
    hire,
    letters,
    seat_customer,
    seat_staff,
)

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = sorted((ROOT / "templates").rglob("*.*"))
FORM_MACROS = {"templates/components/forms.html", "templates/components/site.html"}


def test_imports_follow_the_contracts():
    done = subprocess.run([Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


# Routes


def routes(app, method):
    """Every route that takes the method, but static files."""
    return [rule for rule in app.url_map.iter_rules() if method in rule.methods and rule.endpoint != "static"]


def address(rule, *, merchant, known):
    """The route's address with ids that exist for nobody, or those given."""
    values = {
        "merchant_slug": merchant.slug,
        "reference": "ZZZZ-ZZZZ",
        "token": "x" * 43,
        "action": "cancel",
        "face": "desk",
    }
    values |= {"kind": "pause", "year": 2026, "notice": "end_recorded", "language": "fr", "code": "too_expensive"}
    values |= page_of(rule)
    values |= {name: uuid.uuid4() for name in rule.arguments if name.endswith("_id")}
    values |= {name: value for name, value in known.items() if name in rule.arguments}
    return rule.build({name: values[name] for name in rule.arguments}, append_unknown=False)[1]


@pytest.fixture
def people(app, make, hire, seat_customer, seat_staff):
    """Two merchants; of the first a customer, an owner and a reader, of the second a customer and an owner."""
    ours, theirs = make.merchant(), make.merchant()
    customer, stranger = make.customer(ours), make.customer(theirs)
    browsers = {name: Browser(app, address=f"192.0.2.{place}") for place, name in enumerate(PERSONS, start=1)}
    seat_customer(browsers["customer"], ours, customer)
    seat_customer(browsers["stranger"], theirs, stranger)
    for name, merchant, role in (
        ("owner", ours, Role.OWNER),
        ("reader", ours, Role.READER),
        ("other owner", theirs, Role.OWNER),
    ):
        seat_staff(browsers[name], hire(merchant, role=role, email=f"{name.replace(' ', '')}@desk.test"))
    return ours, theirs, customer, stranger, browsers


REFUSALS = (302, 303, 400, 401, 403, 404, 405, 409, 410, 422)
HONEST = ("public.healthz", "public.readyz")
PERSONS = ("nobody", "customer", "stranger", "owner", "reader", "other owner")


def may_enter(person, endpoint):
    """The table's promise for GET: who sees the page (200, 302 to another page of theirs, 404), who is turned away."""
    access = ACCESS[endpoint]
    if access.face in (Face.PUBLIC, Face.SIGNED):
        return True
    if access.face is Face.CUSTOMER:
        return person == "customer"
    if person in ("owner", "other owner"):
        return True
    return person == "reader" and access.reads is Duty.LOOK


def test_the_table_of_access_is_true_for_every_route_and_person(app, people):
    """It takes long because every person opens every page."""
    ours, *_, browsers = people
    for rule in routes(app, "GET"):
        url = address(rule, merchant=ours, known={})
        for person, browser in browsers.items():
            answer = browser.client.get(url, base_url="http://portal.test")
            turned_away = answer.status_code in (401, 403) or (
                answer.status_code in (302, 303) and "login" in answer.headers["Location"]
            )
            if ACCESS[rule.endpoint].face in (Face.PUBLIC, Face.SIGNED):
                continue
            assert turned_away is not may_enter(person, rule.endpoint), (
                f"{person} at {rule.endpoint}: {answer.status_code} {answer.headers.get('Location', '')}"
            )


def test_a_post_without_the_form_token_changes_nothing_anywhere(app, people, ctx, make):
    ours, _theirs, customer, _stranger, browsers = people
    subscription = make.subscription(merchant=ours, customer=customer)
    known = {"subscription_id": subscription.id, "customer_id": customer.id, "product_id": subscription.product_id}
    commits = []
    event.listen(ctx.db.engine, "commit", lambda connection: commits.append(connection))
    for rule in routes(app, "POST"):
        for name in ("customer", "owner"):
            commits.clear()
            answer = browsers[name].client.post(
                address(rule, merchant=ours, known=known), data={"note": "x"}, base_url="http://portal.test"
            )
            assert answer.status_code in REFUSALS, (rule.endpoint, answer.status)
            assert commits == [], f"{rule.endpoint} committed without its token"
    assert make.requests(subscription) == []


def test_no_get_commits(app, people, ctx, make):
    ours, _theirs, customer, _stranger, browsers = people
    subscription = make.subscription(merchant=ours, customer=customer)
    known = {"subscription_id": subscription.id, "customer_id": customer.id, "product_id": subscription.product_id}
    commits = []
    event.listen(ctx.db.engine, "commit", lambda connection: commits.append(connection))
    for rule in routes(app, "GET"):
        for name in ("nobody", "customer", "owner"):
            url = address(rule, merchant=ours, known=known)
            for method in ("head", "get"):
                commits.clear()
                answer = getattr(browsers[name].client, method)(url, base_url="http://portal.test")
                # Health is honest: the tests have no worker.
                assert answer.status_code < 500 or rule.endpoint in HONEST, (rule.endpoint, answer.status)
                # … and writes its own row over, to see whether the database can be written.
                assert commits == [] or rule.endpoint in HONEST, f"{method} {rule.endpoint} as {name} committed"


def test_10_foreign_and_unknown_ids_are_the_same_404_on_every_route_and_method(app, people, make):
    ours, theirs, _customer, stranger, browsers = people
    foreign = make.subscription(merchant=theirs, customer=stranger)
    ids = {"subscription_id": foreign.id, "customer_id": stranger.id, "product_id": foreign.product_id}
    checked = 0
    for method in ("GET", "POST"):
        for rule in routes(app, method):
            if ACCESS[rule.endpoint].face not in (Face.CUSTOMER, Face.STAFF) or not (rule.arguments & set(ids)):
                continue
            person = browsers["customer" if ACCESS[rule.endpoint].face is Face.CUSTOMER else "owner"]
            bodies = []
            for known in (ids, {}):
                data = {"csrf_token": token_of(person, ours)} if method == "POST" else None
                answer = person.client.open(
                    address(rule, merchant=ours, known=known), method=method, data=data, base_url="http://portal.test"
                )
                assert answer.status_code == 404, (method, rule.endpoint, answer.status)
                bodies.append(re.sub(r'value="[^"]*"', "", answer.get_data(as_text=True)))
            assert bodies[0] == bodies[1]
            checked += 1
    assert checked >= 6


def token_of(browser, merchant):
    """A good form token of this browser: the refusal must come from whose row it is, not from the form."""
    page = browser.get("/accessibility")
    return page.soup.find("input", {"name": "csrf_token"})["value"]


# Templates


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_each_template_compiles_and_holds_nothing_inline(app, path):
    source = path.read_text()
    name = str(path.relative_to(ROOT))
    mail = "mail" in path.parts
    words = environment("fr", html=path.suffix != ".txt") if mail else app.jinja_env
    tree = words.parse(source)
    assert not [node for node in tree.find_all(nodes.Filter) if node.name == "safe"], "|safe"
    assert not re.search(r"\sstyle\s*=", source), "inline style"
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", source), "inline handler"
    assert not re.search(r"<script(?![^>]*\ssrc=)", source), "inline script"
    if name not in FORM_MACROS:
        assert "<form" not in source, "a form outside the form macros"
    words.compile(source)


def test_14_no_page_or_mail_invites_back_without_asking_the_rule():
    """Words of invitation stand only where `may_invite_back` was asked (domain.md, Relaunch)."""
    inviting = re.compile(r"come back|subscribe again|take a new subscription", re.IGNORECASE)
    found = []
    for path in TEMPLATES:
        if path.parent.name not in ("errors", "auth") and "admin" not in path.parts:
            source = re.sub(r"{#.*?#}", "", path.read_text(), flags=re.DOTALL)
            if inviting.search(source):
                found.append(path.name)
                assert "may_come_back" in source, f"{path.name} invites without asking the rule"
    assert found, "the confirmation of a cancellation does invite: the pattern above must see it"


# Words


def test_every_state_has_a_label():
    from portal.web import labels

    for enum in (Status, RequestState, Trouble, TimelineKind, Channel):
        table = next(
            table
            for table in vars(labels).values()
            if isinstance(table, dict) and table and isinstance(next(iter(table)), enum)
        )
        assert set(table) == set(enum), enum.__name__


def test_every_action_has_a_policy_and_every_paypal_word_a_meaning():
    settings = Settings(self_cancellation=True)
    allowed = {action for action in Action if policies.may(Actor.CUSTOMER, action, settings)}
    assert allowed == {Action.CANCEL}
    assert all(policies.may(Actor.STAFF, action, settings, role=Role.SUPPORT) for action in Action)
    assert not any(policies.may(Actor.STAFF, action, settings, role=Role.READER) for action in Action)
    assert all(status_from_provider(word, failed_payments=0) is not None for word in ProviderStatus)


# Locks


def test_no_lock_makes_those_wait_who_only_refer_to_the_row():
    """FOR UPDATE also stops the check of a foreign key: two who lock in the right order may then block each other."""
    sources = {path: path.read_text() for path in (ROOT / "portal").rglob("*.py")}
    locks = [(path.name, call) for path, text in sources.items() for call in re.findall(r"with_for_update\W.*", text)]
    assert [(name, call) for name, call in locks if "key_share" not in call] == []
    assert len(locks) > 30


# SELECTs

OF_ANY_TABLE = {"services/clock_mending.py", "services/keys/secret_rotation.py"}  # each says why


def test_every_select_stands_in_queries():
    """Services, pages and jobs ask by a name that says what; the way there is seen, and mended, in one place."""
    portal = ROOT / "portal"
    selecting = {
        str(path.relative_to(portal))
        for layer in ("services", "web", "jobs", "cli", "mail", "documents")
        for path in (portal / layer).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom | ast.Import) and selects(node)
    }
    assert selecting == OF_ANY_TABLE


def selects(node):
    """Whether the import brings what makes a SELECT: the functions by name, or all of the package."""
    if isinstance(node, ast.Import):
        return any(name.name.startswith("sqlalchemy") for name in node.names)
    names = {name.name for name in node.names}
    return (node.module or "").startswith("sqlalchemy") and bool(names & {"select", "exists", "text", "union_all"})


# Jobs


def test_every_job_deferred_has_a_task_and_every_task_somebody_who_defers_it():
    import portal.jobs  # noqa: F401 - registers the tasks

    by_the_clock = {task.task.name for task in queue.app.periodic_registry.periodic_tasks.values()}
    registered = {name for name in queue.app.tasks if not name.startswith(("builtin", "procrastinate", "tests."))}
    assert registered - by_the_clock == set(queue.TASKS)
    sources = "\n".join(
        path.read_text()
        for path in (ROOT / "portal").rglob("*.py")
        if path.name != "queue.py" and "jobs" not in path.parts
    )
    for constant, name in vars(queue).items():
        if constant.isupper() and isinstance(name, str):
            assert re.search(rf"queue\.{constant}\b", sources), f"nobody defers {name}"
