"""A face's style sheet: one request, light, kept by the browser as long as it is the same."""

from __future__ import annotations

import gzip
import re

import pytest

from portal.domain.merchants.colours import contrast
from portal.web.stylesheets import FACES


def sheet_of(browser, path, status=200):
    page = browser.get(path, status=status)
    (link,) = page.soup.select('link[rel="stylesheet"]')
    return browser.client.get(link["href"], base_url=browser.base_url), link["href"]


@pytest.mark.parametrize("path", ["/accessibility", "/admin/login", "/nowhere"])
def test_a_page_names_a_sheet_that_may_be_kept_for_a_year(browser, path):
    answer, address = sheet_of(browser, path, status=404 if path == "/nowhere" else 200)
    assert answer.status_code == 200
    assert answer.mimetype == "text/css"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    again = browser.client.get(address, base_url=browser.base_url, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("query", ["", "?v=", "?v=000000000000"])
def test_under_any_other_address_it_is_asked_for_each_time(browser, query):
    answer = browser.client.get(f"/css/desk.css{query}", base_url=browser.base_url)
    assert answer.headers["Cache-Control"] == "no-cache"


def test_there_is_no_other_face(browser):
    browser.get("/css/portal.css", status=404)


def test_a_customer_loads_less_than_20_kb_and_no_remark(browser):
    content = browser.client.get("/css/customer.css", base_url=browser.base_url).get_data(as_text=True)
    assert len(content.encode()) < 20_000
    assert "/*" not in content
    assert content.count("{") == content.count("}")


@pytest.mark.parametrize("face", FACES)
def test_what_a_sheet_uses_it_defines(browser, face):
    content = browser.client.get(f"/css/{face}.css", base_url=browser.base_url).get_data(as_text=True)
    used = set(re.findall(r"var\((--[\w-]+)\)", content))
    assert used <= set(re.findall(r"(--[\w-]+):", content))


def test_a_browser_that_unpacks_is_sent_a_quarter_of_it(browser):
    plain = browser.client.get("/css/customer.css", base_url=browser.base_url)
    packed = browser.client.get(
        "/css/customer.css", base_url=browser.base_url, headers={"Accept-Encoding": "br, gzip;q=0.8"}
    )
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < 6_000
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert "accept-encoding" in plain.headers["Vary"].lower()
    assert plain.headers["ETag"] != packed.headers["ETag"]
    refused = browser.client.get(
        "/css/customer.css", base_url=browser.base_url, headers={"Accept-Encoding": "gzip;q=0"}
    )
    assert refused.data == plain.data


def test_an_accent_is_a_part_of_the_address_and_the_last_word_of_the_sheet(browser, make):
    merchant = make.merchant(accent="#0c5d6d")
    page = browser.get(f"/account/{merchant.slug}/login")
    (link,) = page.soup.select('link[rel="stylesheet"]')
    answer = browser.client.get(link["href"], base_url=browser.base_url)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    content = answer.get_data(as_text=True)
    assert re.findall(r"--accent:(#\w+)", content)[-2] == "#0c5d6d"
    assert content.count("{") == content.count("}")
    night = re.search(r"@supports not [^{]*{:root{--accent:(#\w+)}}}}$", content)[1]
    assert contrast(night, "#1d1928") >= 4.5, "a browser that derives nothing shows links by night too"
    stale = browser.client.get(link["href"].replace("0c5d6d", "c2185b"), base_url=browser.base_url)
    assert stale.headers["Cache-Control"] == "no-cache", "the version is of the whole, its accent with it"


@pytest.mark.parametrize("accent", ["red", "0C5D6D", "#0c5d6d", "0c5d6", "0c5d6d}", "0c5d6d0c5d6d"])
def test_what_is_no_colour_makes_no_sheet(browser, accent):
    answer = browser.client.get("/css/customer.css", query_string={"accent": accent}, base_url=browser.base_url)
    assert answer.status_code == 404
