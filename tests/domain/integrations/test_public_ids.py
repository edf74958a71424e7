"""Ids as the outside sees them."""

from __future__ import annotations

import uuid

import pytest

from portal.domain.integrations.public_ids import Kind, NoSuchId, private, public

KEY = uuid.UUID("0f8fad5b-d9cb-469f-a165-70867728950e")


def test_an_id_tells_what_it_is_of() -> None:
    assert public(Kind.SUBSCRIPTION, KEY) == "sub_0f8fad5bd9cb469fa16570867728950e"
    assert len({kind.value for kind in Kind}) == len(Kind)


@pytest.mark.parametrize("kind", Kind)
def test_every_id_leads_back(kind: Kind) -> None:
    assert private(kind, public(kind, KEY)) == KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sub_",
        str(KEY),
        "cus_0f8fad5bd9cb469fa16570867728950e",  # of a customer
        "sub_0F8FAD5BD9CB469FA16570867728950E",
        "sub_0f8fad5bd9cb469fa16570867728950e\n",
        "sub_0f8fad5bd9cb469fa16570867728950",
        "sub_" + "٠" * 32,  # digits of another script
        "sub_" + "0" * 10_000,
    ],
)
def test_what_is_no_subscriptions_id_is_refused(text: str) -> None:
    with pytest.raises(NoSuchId) as refused:
        private(Kind.SUBSCRIPTION, text)
    assert refused.value.prefix == "sub_"
