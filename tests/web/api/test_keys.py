"""Keys: what opens nothing is told the same, revoked is at once, a limit is a limit."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.audit import By
from portal.domain.integrations.api_keys import CannotMakeKey, KeyProblem, Mode, Scope
from portal.domain.policies import Actor
from portal.models import ApiKey, ApiUse, AuditEntry
from portal.queries.integrations import api_keys as stored
from portal.services.api import api_keys
from portal.services.api.api_keys import NotGood, Wanted
from portal.services.api.api_uses import Uses
from portal.services.ends import end_requests

MANY = "\n".join(f"10.0.{number}.1" for number in range(51))
ANNE = By(actor=Actor.STAFF, name="Anne")


def the_key(ctx, merchant) -> ApiKey:
    with ctx.db.read() as session:
        return stored.of_merchant(session, merchant.id)[0]


def test_a_key_tells_what_it_may_do(make, program):
    merchant = make.merchant()
    api = program(merchant, Scope.ACCESS_READ, per_minute=100)
    seen = api.get("/key").json
    assert (seen["merchant"], seen["scopes"], seen["calls_per_minute"]) == (merchant.slug, ["access:read"], 100)
    assert api.key.startswith(seen["prefix"])


def test_the_secret_is_kept_nowhere(make, program, ctx):
    api = program(make.merchant())
    secret = api.key[-20:]
    with ctx.db.read() as session:
        rows = [*session.scalars(select(ApiKey)), *session.scalars(select(AuditEntry))]
    held = [str(vars(row)) for row in rows]
    assert len(held) >= 2
    assert not any(secret in text for text in held)


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "Bearer",
        "Bearer ",
        "Basic cHNrOng=",
        "Bearer psk_test_aaaaaaaa_" + "A" * 43,
        "Bearer ' OR 1=1 --",
        "Bearer é",
    ],
)
def test_without_a_good_key_there_is_one_answer(make, program, sent):
    api = program(None)
    headers = {} if sent is None else {"Authorization": sent}
    for path in ("/key", "/subscriptions", f"/subscriptions/sub_{'0' * 32}"):
        answer = api.call("GET", path, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert "RateLimit" not in answer.headers


def test_revoked_is_at_once_and_looks_like_unknown(make, program, ctx):
    merchant = make.merchant()
    api = program(merchant)
    assert api.get("/key").status_code == 200
    api_keys.revoke(ctx, merchant.id, the_key(ctx, merchant).id, by=ANNE, by_name="Anne", now=make.now())
    revoked, unknown = api.get("/key"), program(None)
    unknown.key = "psk_test_aaaaaaaa_" + "A" * 43
    assert revoked.status_code == 401
    assert revoked.json == unknown.get("/key").json


def test_revoked_in_the_middle_of_a_call_that_call_is_finished_and_is_the_last(make, program, ctx, monkeypatch):
    """What was let in is done whole, and answered; never half."""
    merchant = make.merchant()
    row, api = make.subscription(merchant=merchant), program(merchant)
    record = end_requests.record

    def late(*what, **more):
        api_keys.revoke(ctx, merchant.id, the_key(ctx, merchant).id, by=ANNE, by_name="Anne", now=make.now())
        return record(*what, **more)

    monkeypatch.setattr(end_requests, "record", late)
    wish = {"subscription": f"sub_{row.id.hex}"}
    assert api.post("/end_requests", wish, Idempotency_Key="one").status_code == 202
    again = api.post("/end_requests", wish, Idempotency_Key="one")
    assert (again.status_code, again.json["code"]) == (401, "unauthorized"), "the kept answer is no key's any more"
    assert len(make.requests(row)) == 1


def test_without_the_scope_nothing_tells_what_exists(make, program):
    merchant = make.merchant()
    row, api = make.subscription(merchant=merchant), program(merchant, Scope.ACCESS_READ)
    there, nowhere = (api.get(f"/subscriptions/sub_{key}") for key in (row.id.hex, "0" * 32))
    assert there.status_code == 403
    assert there.json == nowhere.json


def test_a_rotated_key_and_its_successor_are_both_good_for_a_day(make, program, ctx, key_of):
    merchant = make.merchant()
    api, old = program(merchant), the_key(ctx, merchant)
    _id, text = api_keys.rotate(ctx, merchant.id, old.id, by=ANNE, now=make.now())
    new = program(None)
    new.key = text
    assert api.get("/key").json["expires_at"] is not None
    assert new.get("/key").json["scopes"] == api.get("/key").json["scopes"]
    with pytest.raises(NotGood):
        api_keys.rotate(ctx, merchant.id, old.id, by=ANNE, now=make.now())
    with ctx.db.begin() as session:
        session.get(ApiKey, old.id).expires_at = make.now() - timedelta(seconds=1)
    assert api.get("/key").status_code == 401
    assert new.get("/key").status_code == 200


@pytest.mark.parametrize(
    ("networks", "address", "is_let_in"),
    [
        ((), "203.0.113.5", True),
        (("203.0.113.5/32",), "203.0.113.5", True),
        (("203.0.113.0/24",), "203.0.113.77", True),
        (("203.0.113.0/24",), "203.0.114.1", False),
        (("203.0.113.0/24",), "::ffff:203.0.113.9", True),
        (("2001:db8::/32",), "2001:db8:1::1", True),
        (("2001:db8::/32",), "203.0.113.5", False),
    ],
)
def test_a_key_may_be_bound_to_networks(make, program, networks, address, is_let_in):
    api = program(make.merchant(), networks=networks)
    api.address = address
    assert api.get("/key").status_code == (200 if is_let_in else 401)


def test_a_limit_is_told_and_kept(make, program):
    api = program(make.merchant(), per_minute=3)
    left = []
    for _call in range(3):
        answer = api.get("/key")
        left.append(answer.headers["RateLimit"].split(";")[1])
    assert left == ["r=2", "r=1", "r=0"]
    over = api.get("/key")
    assert (over.status_code, over.json["code"]) == (429, "too-many-requests")
    assert 1 <= int(over.headers["Retry-After"]) <= 60
    assert over.headers["RateLimit-Policy"] == '"minute";q=3;w=60'


def test_processes_count_together(make, program, ctx):
    """A process that has told its count hears the others': the sixth call of both together is one too many."""
    merchant = make.merchant()
    program(merchant)
    key, at = the_key(ctx, merchant).id, make.now().replace(second=30)
    first, second = Uses(), Uses()
    assert [first.take(key, 5, of=merchant.id, now=at).is_over for _call in range(4)] == [False] * 4
    first.put_together(ctx, key, of=merchant.id, now=at)
    assert not second.take(key, 5, of=merchant.id, now=at).is_over
    second.put_together(ctx, key, of=merchant.id, now=at)
    with ctx.db.read() as session:
        assert session.scalars(select(ApiUse.count).where(ApiUse.key_id == key)).all() == [5]
    assert second.take(key, 5, of=merchant.id, now=at).is_over
    assert not second.take(key, 5, of=merchant.id, now=at + timedelta(minutes=1)).is_over


def test_a_merchants_keys_count_together_in_all_processes(make, program, ctx):
    """Two keys in two processes share what the operator lets a merchant make; another merchant's has its own."""
    merchant, other = make.merchant(), make.merchant()
    program(merchant), program(other)
    one, theirs, at = the_key(ctx, merchant).id, the_key(ctx, other).id, make.now().replace(second=30)
    program(merchant)
    two = the_key(ctx, merchant).id  # the newest
    first, second = Uses(5), Uses(5)
    assert [first.take(one, 100, of=merchant.id, now=at).is_over for _call in range(3)] == [False] * 3
    first.put_together(ctx, one, of=merchant.id, now=at)
    assert not second.take(two, 100, of=merchant.id, now=at).is_over
    second.put_together(ctx, two, of=merchant.id, now=at)
    assert not second.take(one, 100, of=merchant.id, now=at).is_over
    refused = second.take(two, 100, of=merchant.id, now=at)
    assert (refused.is_over, refused.is_of_all, refused.limit, refused.left) == (True, True, 5, 0)
    assert not second.take(theirs, 100, of=other.id, now=at).is_over
    assert not second.take(two, 100, of=merchant.id, now=at + timedelta(minutes=1)).is_over


def test_who_is_refused_for_all_keys_together_is_told_so(make, program, app):
    api = program(make.merchant())
    app.extensions["portal_api"].extensions["portal_uses"] = Uses(1)
    assert api.get("/key").status_code == 200
    over = api.get("/key")
    assert (over.status_code, over.json["code"]) == (429, "too-many-requests")
    assert over.json["detail"].startswith("All keys of this merchant together may make 1 calls a minute.")


def test_when_a_key_was_used_last_is_known(make, program, ctx):
    merchant = make.merchant()
    api = program(merchant)
    assert the_key(ctx, merchant).last_used_at is None
    api.get("/key")
    assert the_key(ctx, merchant).last_used_at is not None


def test_a_key_in_the_address_is_refused_and_told_of(make, program):
    api = program(make.merchant())
    for name in ("key", "api_key", "access_token"):
        answer = api.get("/subscriptions", **{name: api.key})
        assert (answer.status_code, answer.json["code"]) == (400, "key-in-address")
        assert api.key not in answer.text


def test_a_test_key_gives_nobody_access():
    with pytest.raises(CannotMakeKey) as refused:
        Wanted.typed("Site", Mode.TEST, [Scope.GRANTS_WRITE], "", 600)
    assert refused.value.why is KeyProblem.NOT_IN_TEST


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        (("", Mode.LIVE, [Scope.ACCESS_READ], "", 600), KeyProblem.NO_NAME),
        (("x" * 61, Mode.LIVE, [Scope.ACCESS_READ], "", 600), KeyProblem.LONG_NAME),
        (("Site", Mode.LIVE, [], "", 600), KeyProblem.NO_SCOPE),
        (("Site", Mode.LIVE, [Scope.ACCESS_READ], "203.0.113.0/33", 600), KeyProblem.BAD_NETWORK),
        (
            ("Site", Mode.LIVE, [Scope.ACCESS_READ], "\n".join(f"10.0.{n}.1" for n in range(51)), 600),
            KeyProblem.MANY_NETWORKS,
        ),
        (("Site", Mode.LIVE, [Scope.ACCESS_READ], "", 0), KeyProblem.BAD_LIMIT),
        (("Site", Mode.LIVE, [Scope.ACCESS_READ], "", 600_001), KeyProblem.BAD_LIMIT),
    ],
)
def test_what_cannot_be_a_key_is_refused(typed, why):
    with pytest.raises(CannotMakeKey) as refused:
        Wanted.typed(*typed)
    assert refused.value.why is why


def test_another_merchants_key_is_not_found(make, program, ctx):
    from sqlalchemy.exc import NoResultFound

    merchant, other = make.merchant(), make.merchant()
    program(merchant)
    key = the_key(ctx, merchant)
    for act in (
        lambda: api_keys.revoke(ctx, other.id, key.id, by=ANNE, by_name="Anne", now=make.now()),
        lambda: api_keys.rotate(ctx, other.id, key.id, by=ANNE, now=make.now()),
    ):
        with pytest.raises(NoResultFound):
            act()


class TestLeakedKeys:
    """Whoever finds a key in the open says so; only the whole of it ends it."""

    def test_shown_whole_it_ends_and_owners_are_told(self, make, program, ctx, letters, hire):
        merchant = make.merchant()
        hire(merchant)
        api = program(merchant)
        answer = program(None).post("/leaked_keys", {"key": api.key, "where": "https://paste.example/1"})
        assert answer.status_code == 202
        assert api.get("/key").status_code == 401
        told = letters()[-1]
        assert api.key[:17] in told.text
        assert api.key not in told.text
        assert "paste.example" not in told.text  # anybody's words: the desk shows them
        assert the_key(ctx, merchant).reported_where == "https://paste.example/1"

    def test_by_its_beginning_owners_are_told_and_it_goes_on(self, make, program, ctx, letters, hire):
        merchant = make.merchant()
        hire(merchant)
        api = program(merchant)
        before = len(letters())
        program(None).post("/leaked_keys", {"key": api.key[:17]})
        assert api.get("/key").status_code == 200
        assert len(letters()) == before + 1
        assert the_key(ctx, merchant).reported_at is not None

    @pytest.mark.parametrize("text", ["psk_live_aaaaaaaa", "hunter2", "psk_test_aaaaaaaa_" + "A" * 43])
    def test_nothing_tells_whether_there_is_such_a_key(self, make, program, text, letters):
        api = program(make.merchant())
        known = program(None).post("/leaked_keys", {"key": api.key[:17]})
        unknown = program(None).post("/leaked_keys", {"key": text})
        assert (unknown.status_code, unknown.json) == (known.status_code, known.json)

    def test_a_flood_of_reports_is_slowed(self, make, program):
        api = program(None)
        answers = [api.post("/leaked_keys", {"key": "x"}).status_code for _report in range(21)]
        assert answers == [202] * 20 + [429]

    def test_of_a_network_all_addresses_count_as_one(self, make, program):
        api, answers = program(None), []
        for number in range(21):
            api.address = f"2001:db8:0:1::{number:x}"
            answers.append(api.post("/leaked_keys", {"key": "x"}).status_code)
        assert answers == [202] * 20 + [429]
        api.address = "2001:db8:0:2::1"
        assert api.post("/leaked_keys", {"key": "x"}).status_code == 202


def test_each_call_leaves_a_line_that_names_the_key_and_no_secret(make, program, caplog):
    api = program(make.merchant())
    api.get("/subscriptions", limit="3")
    api.post("/customers/search", {"email": "claire@client.test"})
    lines = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    calls = [line for line in lines if line.get("event") == "api_call"]
    assert [(line["route"], line["status"]) for line in calls] == [
        ("subscriptions.listed", 200),
        ("customers.search", 200),
    ]
    assert {line["api_key"] for line in calls} == {api.key[:17]}
    assert api.key[17:] not in str(lines)
    assert "claire" not in str(lines)
