"""Tokens, verified as an edge would: by the published keys alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidClaimError, InvalidKeyIdError
from joserfc.jwk import KeySet

from portal.domain.integrations.api_keys import Mode
from portal.domain.subscriptions import Status
from portal.models import Subscription
from portal.services import access_tokens
from tests.web.api.ids import shown


def token_of(api, row):
    body = {"customer": f"cus_{row.customer_id.hex}", "product": f"prod_{row.product_id.hex}"}
    return api.post("/access_tokens", body).json


def keys_of(app):
    answer = app.test_client().get("/.well-known/jwks.json", headers={"Host": "portal.test"})
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert "d" not in str([sorted(key) for key in answer.json["keys"]]).replace("kid", "")
    return KeySet.import_key_set(answer.json)


def verified(token, keys, merchant, *, world=":test"):
    found = jwt.decode(token, keys, algorithms=["EdDSA"])
    registry = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": "http://portal.test"},
        aud={"essential": True, "value": f"{merchant.slug}{world}"},
        exp={"essential": True},
    )
    registry.validate(found.claims)
    return found.claims


def test_what_is_open_is_signed_for_a_quarter_of_an_hour(app, make, program):
    merchant = make.merchant()
    product = make.product(merchant, contents=(("Leçon 1", 0), ("Leçon 200", 200)))
    row = make.subscription(merchant=merchant, product=product)
    told = token_of(program(merchant), row)
    claims = verified(told["token"], keys_of(app), merchant)
    assert claims["sub"] == f"cus_{row.customer_id.hex}"
    assert claims["product"] == shown("prod", product)
    assert claims["contents"] == [f"cont_{product.contents[0].id.hex}"]
    assert claims["exp"] - claims["iat"] == 15 * 60
    assert "@" not in str(claims)


def test_what_the_sandbox_opens_opens_nothing_real(app, ctx, make, program):
    """Whoever has a test key, or buys in PayPal's sandbox for nothing, must not pass at a live edge."""
    merchant = make.merchant()
    row = make.subscription(merchant=merchant)
    test = token_of(program(merchant), row)["token"]
    with pytest.raises(InvalidClaimError):
        verified(test, keys_of(app), merchant, world="")
    with ctx.db.begin() as session:
        session.get_one(Subscription, row.id).environment = "live"
    live = token_of(program(merchant, mode=Mode.LIVE), row)["token"]
    assert verified(live, keys_of(app), merchant, world="")["product"] == shown("prod", row.product)
    with pytest.raises(InvalidClaimError):
        verified(live, keys_of(app), merchant)


def test_it_never_outlasts_what_it_tells_of(app, make, program):
    merchant = make.merchant()
    until = make.now() + timedelta(minutes=4)
    row = make.subscription(merchant=merchant, status=Status.CANCELLED, paid_until=until)
    told = token_of(program(merchant), row)
    assert verified(told["token"], keys_of(app), merchant)["exp"] == int(until.timestamp())


@pytest.mark.parametrize("left", [0.4, 1.0, 1.6])
def test_in_the_last_second_none_is_given_that_would_outlast_it(app, make, program, left):
    merchant = make.merchant()
    until = make.now().replace(microsecond=0) + timedelta(hours=1)
    row = make.subscription(merchant=merchant, status=Status.CANCELLED, paid_until=until)
    api = program(merchant)
    with time_machine.travel(until - timedelta(seconds=left), tick=False):
        told = token_of(api, row)
        if told["token"] is not None:
            assert verified(told["token"], keys_of(app), merchant)["exp"] <= until.timestamp()
        assert told["allowed"] is (told["token"] is not None) is (left > 1)


def test_where_nothing_is_open_there_is_none(make, program):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant, status=Status.CANCELLED, paid_until=make.now() - timedelta(days=1))
    assert token_of(program(merchant), row) == {
        "object": "access_token",
        "allowed": False,
        "token": None,
        "expires_at": None,
    }


def test_an_altered_token_is_none(app, make, program):
    merchant = make.merchant()
    head, body, signature = token_of(program(merchant), make.subscription(merchant=merchant))["token"].split(".")
    with pytest.raises(BadSignatureError):
        jwt.decode(f"{head}.{body[:-2]}AA.{signature}", keys_of(app), algorithms=["EdDSA"])


def test_over_a_turn_of_keys_every_token_is_verified(app, make, program, ctx):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant, next_payment_at=make.now() + timedelta(days=200))
    api = program(merchant)
    now = make.now()
    first = token_of(api, row)["token"]
    access_tokens.turn(ctx, now=now + timedelta(days=89, hours=1))
    listed_before = app.test_client().get("/.well-known/jwks.json", headers={"Host": "portal.test"}).json
    assert len(listed_before["keys"]) == 2
    with time_machine.travel(now + timedelta(days=91)):
        app.extensions["portal_api"].extensions["portal_signer"] = access_tokens.Signer()
        second = token_of(api, row)["token"]
        claims = verified(second, KeySet.import_key_set(listed_before), merchant)
    assert claims["exp"] > 0
    assert first.split(".")[0] != second.split(".")[0]


def test_a_key_that_was_read_by_others_is_forgotten(app, make, program, ctx):
    merchant = make.merchant()
    api, row = program(merchant), make.subscription(merchant=merchant)
    told = token_of(api, row)["token"]
    access_tokens.replace(ctx, now=make.now())
    with pytest.raises(InvalidKeyIdError):
        jwt.decode(told, keys_of(app), algorithms=["EdDSA"])


def test_nobody_elses_pair_is_signed(make, program):
    row = make.subscription(merchant=make.merchant())
    assert token_of(program(make.merchant()), row)["status"] == 404
