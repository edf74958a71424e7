"""Where a task may lead back to: what every open redirect was made of is refused (CWE-601)."""

from __future__ import annotations

import pytest

from portal.domain.integrations.return_addresses import is_allowed, is_nameable, tidy

NAMED = ["https://shop.example/my-account", "https://www.shop.example"]


@pytest.mark.parametrize(
    "address",
    [
        "https://shop.example/my-account",
        "https://shop.example/my-account/",
        "https://shop.example/my-account/lessons?from=portal&n=1",
        "https://www.shop.example",
        "https://www.shop.example/",
        "https://www.shop.example/anything/below.html?a=b/c",
    ],
)
def test_what_is_named_and_what_lies_below_is_allowed(address):
    assert is_allowed(address, NAMED)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/my-account",
        "//shop.example/my-account",
        "http://shop.example/my-account",  # not https
        "HTTPS://shop.example/my-account",
        "javascript:alert(1)//https://shop.example/my-account",
        "https:shop.example/my-account",
        "https:/shop.example/my-account",
        "https:///shop.example/my-account",
        "https://shop.example",  # above what is named
        "https://shop.example/",
        "https://shop.example/my-account-2",  # not behind a slash
        "https://shop.example/my-accounting/x",
        "https://shop.example/other",
        "https://shop.example/my-account/../other",
        "https://shop.example/my-account/./x",
        "https://shop.example/my-account/%2e%2e/other",
        "https://shop.example/my-account//evil.example",
        "https://shop.example/my-account\\..\\other",
        "https://shop.example\\@evil.example/my-account",
        "https://shop.example@evil.example/my-account",  # a name before the host
        "https://shop.example:443@evil.example/my-account",
        "https://me:pw@shop.example/my-account",
        "https://shop.example:443/my-account",  # a port, even the usual one
        "https://shop.example:8443/my-account",
        "https://shop.example./my-account",
        "https://shop.example.evil.example/my-account",  # begins alike
        "https://evil-shop.example/my-account",  # ends alike
        "https://evilwww.shop.example/",
        "https://api.shop.example/my-account",  # a host below is another one
        "https://ѕhop.example/my-account",  # Cyrillic s
        "https://shop.example。evil.example/my-account",
        "https://xn--hop-5cd.example/my-account",
        "https://shop.example%2eevil.example/my-account",
        "https://shop.example%00.evil.example/my-account",
        "https://[::1]/my-account",
        "https://127.0.0.1/my-account",
        "https://2130706433/my-account",
        "https://shop.example/my-account#https://evil.example",
        "https://shop.example/my-account\t",
        "https://shop.example/my-account\n//evil.example",
        " https://shop.example/my-account",
        "https://shop.exa\tmple/my-account",
        "https://shop.example/my-account/" + "x" * 600,
    ],
)
def test_what_looks_like_it_and_is_another_place_is_refused(address):
    assert not is_allowed(address, NAMED)


def test_an_empty_list_allows_nothing_and_a_bad_entry_names_nothing():
    assert not is_allowed("https://shop.example/", [])
    for bad in ("https://", "https://*.example", "http://shop.example", "https://shop.example?x=", ""):
        assert not is_nameable(bad)
        assert not is_allowed("https://shop.example/", [bad])


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Shop.Example/My-Account ", "https://shop.example/My-Account"),
        ("HTTPS://WWW.shop.example", "https://www.shop.example"),
        ("http://shop.example", "http://shop.example"),  # refused later, and said so: not made better in silence
        ("", ""),
    ],
)
def test_what_is_typed_for_the_list_is_kept_as_it_is_compared(typed, kept):
    assert tidy(typed) == kept
