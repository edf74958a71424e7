"""A token that the site, or somebody in its place, sends: signed by whom, made for whom, saying what."""

from __future__ import annotations

import base64
import hmac
import json
import time

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from portal.domain.integrations.site_logins import Proof
from tests.fakes.openid import CLIENT, SECRET


def unsigned(header, claims):
    parts = (json.dumps(header), json.dumps(claims))
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts) + "."


def test_a_token_that_nobody_signed(refused, site, connect, merchant):
    connect(merchant)
    for name in ("none", "None", "NONE", ""):
        site.sign = lambda claims, name=name: unsigned({"alg": name}, claims)
        refused(status=502)


def test_a_token_signed_with_what_we_know_too(refused, site, connect, merchant):
    connect(merchant)
    for known in (SECRET.encode(), site.key.as_pem(private=False)):
        for document in ({}, {"id_token_signing_alg_values_supported": ["RS256", "HS256"]}):
            site.document = document
            site.sign = lambda claims, known=known: by_hmac({"alg": "HS256", "kid": site.key.kid}, claims, known)
            refused(status=502)


def by_hmac(header, claims, key):
    said = unsigned(header, claims).rstrip(".")
    return f"{said}.{base64.urlsafe_b64encode(hmac.digest(key, said.encode(), 'sha256')).decode().rstrip('=')}"


def test_a_token_signed_by_another_key_under_the_sites_name(refused, site, connect, merchant):
    connect(merchant)
    other = RSAKey.generate_key(2048)
    site.sign = lambda claims: jws.serialize_compact({"alg": "RS256", "kid": site.key.kid}, json.dumps(claims), other)
    refused(status=502)


def test_a_token_by_an_algorithm_that_the_site_does_not_name(refused, site, connect, merchant):
    connect(merchant)
    other = ECKey.generate_key("P-256", auto_kid=True)
    site.answers["/jwks"] = (200, "application/json", json.dumps({"keys": [other.as_dict(private=False)]}).encode())
    site.sign = lambda claims: jws.serialize_compact({"alg": "ES256", "kid": other.kid}, json.dumps(claims), other)
    refused(status=502)


NOW = int(time.time())


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "somebody-else"},
        {"aud": ["somebody-else"]},
        {"aud": [CLIENT, "somebody-else"]},  # without saying that it was made for us
        {"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"},
        {"azp": "somebody-else"},
        {"aud": None},
        {"aud": {CLIENT: True}},
        {"iss": "https://elsewhere.test"},
        {"iss": None},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": NOW - 3600},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"iat": NOW + 36000},
        {"iat": None},
        {"nbf": NOW + 36000},
        {"nbf": "soon"},
    ],
)
def test_a_token_that_was_not_made_for_this_log_in(refused, site, connect, merchant, claims):
    connect(merchant)
    site.claims = claims
    assert "could not be verified" in refused(status=502).text


@pytest.mark.parametrize("verified", [False, "false", "true", 1, None], ids=str)
def test_an_address_that_the_site_has_not_verified(refused, site, connect, merchant, verified):
    connect(merchant)
    site.person = {"sub": "7", "email": "zoe@client.test", "email_verified": verified}
    assert "not verified your email address" in refused(status=403).text


@pytest.mark.parametrize("address", [None, "", "zoe", 7, ["zoe@client.test"], "z" * 300 + "@client.test"], ids=str)
def test_an_address_that_is_none(refused, site, connect, merchant, address):
    connect(merchant)
    site.person = {"sub": "7", "email": address, "email_verified": True}
    assert "did not tell us who you are" in refused(status=403).text


@pytest.mark.parametrize(
    "own_id", [None, "", " ", "a  b", " a", "a\u200bb", "x" * 129, True, 4.2, ["7"], {"id": 7}], ids=str
)
def test_an_id_that_is_none(refused, site, connect, merchant, own_id):
    connect(merchant, proof=Proof.EXTERNAL_ID, claim="customer_number")
    site.person = {"sub": "7", "customer_number": own_id}
    assert "did not tell us who you are" in refused(status=403).text
