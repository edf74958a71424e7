"""What a zone says of its mail, and what its owner is told to add."""

from __future__ import annotations

import base64

import pytest

from portal.domain.installation import State
from portal.domain.sending_domains import dkim, dmarc, look, spf

DOMAIN = "portal.example"
KEY = base64.b64encode(bytes(294)).decode()


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([], "of no server"),
        (["google-site-verification=x"], "of no server"),
        (["v=spf10 -all"], "of no server"),
        (["v=spf1 mx -all", "v=spf1 a -all"], "2 SPF records"),
        (["v=spf1 mx +all"], "everybody"),
        (["v=spf1 mx ?all"], "everybody"),
        (["v=spf1 include:mail.example"], "everybody"),
        (["v=spf1 -all"], "nobody"),
        (["v=spf1 " + " ".join(f"include:m{n}.example" for n in range(11)) + " -all"], "11 lookups"),
    ],
)
def test_an_spf_record_that_does_not_help_is_said(records, said):
    found = spf(DOMAIN, records)
    assert found.state is State.MEND
    assert said in found.said
    assert found.remedy


@pytest.mark.parametrize(
    "record",
    ["v=spf1 include:mail.example -all", "V=SPF1 MX ~ALL", "v=spf1 ip4:192.0.2.1 redirect=_spf.mail.example"],
)
def test_a_good_spf_record(record):
    assert spf(DOMAIN, ["x", record]).state is State.OK


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([], "no key"),
        (["v=DKIM1; k=rsa; p="], "taken back"),
        (["v=DKIM1; p=@@@"], "cannot be read"),
        ([f"v=DKIM1; p={base64.b64encode(bytes(162)).decode()}"], "is short"),
    ],
)
def test_a_key_that_does_not_help_is_said(records, said):
    found = dkim(DOMAIN, "s1", records)
    assert found.state is State.MEND
    assert said in found.said


def test_good_keys_and_none_to_look_at():
    assert dkim(DOMAIN, "s1", [f"v=DKIM1; k=rsa; p={KEY[:80]} {KEY[80:]}"]).state is State.OK
    assert dkim(DOMAIN, "s1", [f"k=ed25519; p={base64.b64encode(bytes(32)).decode()}"]).state is State.OK
    assert dkim(DOMAIN, "", []).state is State.LEFT


def test_the_policy_of_the_domain_above_counts_where_there_is_no_closer_one():
    zone = {"_dmarc.example.org": ["v=DMARC1; p=reject; aspf=s"], "_dmarc.mail.example.org": ["v=DMARC1; p=none"]}
    asked = []

    def texts(name):
        asked.append(name)
        return zone.get(name, [])

    found = look(texts, sender="mail.example.org", envelope="bounce.mail.example.org", selector="")
    assert found[2].said == "The policy at _dmarc.mail.example.org is p=none."
    found = look(texts, sender="shop.example.org", envelope="shop.example.org", selector="k")
    assert found[2].said == "The policy at _dmarc.example.org is p=reject."
    assert "k._domainkey.shop.example.org" in asked
    assert "_dmarc.org" not in asked


@pytest.mark.parametrize(
    ("records", "envelope", "said"),
    [
        ([], DOMAIN, "no policy"),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], DOMAIN, "2 policies"),
        (["v=DMARC1; rua=mailto:a@portal.example"], DOMAIN, "says no p="),
        (["v=DMARC1; p=reject"], "bounces.mailer.test", "does not vouch"),
        (["v=DMARC1; p=reject; aspf=s"], "bounces.portal.example", "does not vouch"),
    ],
)
def test_a_policy_that_does_not_help_is_said(records, envelope, said):
    found = dmarc(DOMAIN, {f"_dmarc.{DOMAIN}": records}, envelope=envelope)
    assert found.state is State.MEND
    assert said in found.said


def test_bounces_of_a_domain_below_are_ones_own():
    assert dmarc(DOMAIN, {f"_dmarc.{DOMAIN}": ["v=DMARC1;p=reject"]}, envelope=f"b.{DOMAIN}").state is State.OK
