"""Whatever a form is sent, the answer is a page with a reason, never a 5xx (issue 10).

Every form of every page that a customer, an owner and a passer-by can walk to is sent with any bytes in any of
its fields, in both encodings, and with a file in each.  The seeds are fixed: what is found once is found always.
"""

from __future__ import annotations

import io
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote_from_bytes, urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from portal.domain.subscriptions import Status
from tests.browser_client import Browser
from tests.web.conftest import PASSWORD

BOUNDARY = b"a-boundary-that-nobody-types"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY.decode()}"
LEAST_FORMS = 35
EXAMPLES = 4
TURNS = 4
ROWS_OF_A_KIND = 3  # so many pages of one route, of rows in different states
TYPED = (
    b"\xd9\xa3" * 6,  # digits of another script
    "²½Ⅷ𝟗１２３".encode(),
    b"9" * 5000,
    b"-1",
    b"9223372036854775808",
    b"1e999999999",
    b"NaN",
    b"Infinity",
    b"0001-01-01",
    b"9999-12-31",
    b"2026-02-30T25:61",
    b"00000000-0000-0000-0000-000000000000",
    b"\x00",
    b"\xff\xfe\xed\xa0\x80",  # no UTF-8: a lone surrogate among it
    "\u202e\u200b\ufeff\r\n\x0b\x1c\u2028".encode(),
    b"name@[::1].example",
    b"name@" + "ü".encode() * 70 + b".example",
    "İ@İ.example".encode(),
    b"%00%s{}${}<script>'\"\\",
    b"//evil.test/\\",
    "ﷺ".encode() * 3000,
)
VALUES = st.sampled_from(TYPED) | st.binary(max_size=40) | st.text(max_size=40).map(lambda text: text.encode())


Page = tuple[Browser, str]


@dataclass(frozen=True)
class Form:
    """One form as a page shows it, and the browser that stands before it."""

    browser: Browser
    page: str
    action: str
    names: tuple[str, ...]
    standing: tuple[tuple[str, bytes], ...]
    token: bytes

    @property
    def kind(self) -> tuple[str, ...]:
        """What makes it another form than the next one: its route and its fields."""
        return (str(_kind(self.browser, self.action)), *self.names)

    def send(self, values: dict[str, bytes | io.BytesIO], *, multipart: bool) -> int:
        """Send the form; a stream is sent as a file."""
        parts = {**dict(self.standing), **values, "csrf_token": self.token}
        body = _multipart(parts) if multipart else _urlencoded(parts)
        answer = self.browser.client.post(
            self.action,
            data=body,
            content_type=MULTIPART if multipart else "application/x-www-form-urlencoded",
            base_url=self.browser.base_url,
            headers={"Referer": self.browser.base_url + self.page},
        )
        answer.close()
        return answer.status_code


def _urlencoded(parts: dict[str, bytes | io.BytesIO]) -> bytes:
    plain = {name: value for name, value in parts.items() if isinstance(value, bytes)}
    return "&".join(f"{name}={quote_from_bytes(value)}" for name, value in plain.items()).encode()


def _multipart(parts: dict[str, bytes | io.BytesIO]) -> bytes:
    lines = []
    for name, value in parts.items():
        is_file = isinstance(value, io.BytesIO)
        filed = b'; filename="a.txt"\r\nContent-Type: text/plain' if is_file else b""
        content = value.getvalue() if is_file else value
        lines += [b"--" + BOUNDARY, f'Content-Disposition: form-data; name="{name}"'.encode() + filed, b"", content]
    return b"\r\n".join([*lines, b"--" + BOUNDARY + b"--", b""])


ASKED = ("after", "before", "q", "status", "product", "on", "next", "result", "received", "state", "page")


def walk(browser: Browser, *starts: str, pages: dict[str, Page] | None = None) -> list[Form]:
    """Every form on the pages that can be reached from `starts`, one of a kind; `pages` takes a page of each route."""
    seen: Counter[str] = Counter()
    opened: set[str] = set()
    found: dict[tuple[str, ...], Form] = {}
    waiting = list(starts)
    while waiting:
        path = waiting.pop(0)
        path = path.partition("#")[0]
        kind = _kind(browser, path)
        if kind is None or path in opened or seen[kind] >= ROWS_OF_A_KIND:
            continue
        seen[kind] += 1
        opened.add(path)
        answer = browser.client.get(path, base_url=browser.base_url, follow_redirects=True)
        if answer.mimetype != "text/html":
            continue
        if pages is not None:
            pages.setdefault(kind, (browser, answer.request.path))
        where, soup = answer.request.path, BeautifulSoup(answer.get_data(as_text=True), "html.parser")
        waiting += [urljoin(where, str(anchor["href"])) for anchor in soup.find_all("a", href=True)]
        for form in soup.find_all("form", method="post"):
            one = _form(browser, where, form)
            found.setdefault(one.kind, one)
    return list(found.values())


def _kind(browser: Browser, path: str) -> str | None:
    """The route of a path of ours, with the filters that change what is shown; None for a foreign one."""
    parts = urlsplit(path)
    if parts.netloc not in ("", "portal.test") or parts.scheme == "mailto" or "/logout" in path:
        return None
    adapter = browser.app.url_map.bind("portal.test")
    for method in ("GET", "POST"):
        try:
            endpoint, values = adapter.match(parts.path, method)
        except RequestRedirect as slash:
            return _kind(browser, slash.new_url)
        except HTTPException:
            continue
        return f"{endpoint} {sorted(values)} {values.get('action', '')}{values.get('kind', '')}"
    return None


def _form(browser: Browser, page: str, form) -> Form:
    fields = [field for field in form.find_all(["input", "select", "textarea", "button"]) if field.get("name")]
    standing = {}
    for field in fields:
        value = field.get("value", "on") if field.name != "textarea" else field.get_text()
        if field.name == "select":
            chosen = field.find("option", selected=True) or field.find("option")
            value = chosen["value"] if chosen else ""
        standing.setdefault(str(field["name"]), str(value).encode())
    token = standing.pop("csrf_token")
    action = urljoin(page, str(form.get("action") or page))
    return Form(browser, page, action, tuple(standing), tuple(standing.items()), token)


@pytest.fixture
def every_form(app, ctx, make, hire, log_in_customer, log_in_staff) -> Callable[[dict[str, Page]], list[Form]]:
    """Find the forms of a merchant who has some of everything, as their pages are now."""
    merchant, off = make.merchant(locale="en"), make.merchant(locale="en", self_cancellation=False)
    make.classic_key(merchant)
    customer, told = make.customer(merchant), make.customer(off)
    product = make.product(merchant, contents=(("Leçon", 0),), pause_offered=True)
    for status in (Status.ACTIVE, Status.PAUSED, Status.PAST_DUE, Status.CANCELLED, Status.ACTIVE):
        make.subscription(merchant=merchant, customer=customer, product=product, status=status)
    make.subscription(merchant=off, customer=told)

    passer, buyer, teller, half, owner = (Browser(app, address=f"192.0.2.{number}") for number in range(1, 6))
    log_in_customer(buyer, merchant, customer)
    log_in_customer(teller, off, told)
    new = hire(merchant)
    half.submit("/admin/login", email=new.staff.email, password=PASSWORD)
    log_in_staff(owner, new)
    passer.submit(f"/account/{merchant.slug}/login", email="nobody@client.test")

    def find(pages: dict[str, Page]) -> list[Form]:
        found = [
            *walk(half, "/admin/login/code"),
            *walk(owner, "/admin/", "/admin/confirm", pages=pages),
            *walk(buyer, f"/account/{merchant.slug}/", pages=pages),
            *walk(teller, f"/account/{off.slug}/"),
            *walk(passer, "/", "/admin/login", f"/account/{merchant.slug}/login/code", "/proof/ZZZZ-ZZZZ"),
        ]
        return [form for form in found if not form.action.endswith("/logout")]

    return find


FIXED = settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.exhaustive
def test_whatever_a_form_is_sent_the_answer_is_never_a_5xx(every_form):
    """It takes long because every form there is gets many bodies, in both encodings."""
    pages: dict[str, Page] = {}
    known = {form.kind: form for form in every_form(pages)}
    for form in known.values():
        if not form.action.endswith("/removal"):  # of a key: much would be gone
            form.send({}, multipart=False)
    known |= {form.kind: form for form in every_form(pages)}  # what was asked for has pages of its own
    failed = [(form.action, sent) for form in known.values() for sent in _tries(form)]
    failed += [(path, asked) for browser, path in pages.values() for asked in _asks(browser, path)]
    assert failed == []
    assert len(known) >= LEAST_FORMS


def _tries(form: Form) -> list[object]:
    """Send the form every way there is; return what it could not answer."""
    failed: list[object] = []

    def send(values: dict[str, bytes | io.BytesIO], is_multipart: bool) -> None:
        status = form.send(values, multipart=is_multipart)
        if status >= 500:
            failed.append((status, values))

    send({name: io.BytesIO(b"%PDF-1.7") for name in form.names}, True)
    if form.names:
        one_or_the_other = {name: VALUES | st.just(value) for name, value in form.standing}
        FIXED(given(st.fixed_dictionaries(one_or_the_other), st.booleans())(send))()
        for turn in range(TURNS):
            send(dict(zip(form.names, TYPED[turn::TURNS] * len(form.names), strict=False)), bool(turn % 2))
    return failed


def _asks(browser: Browser, path: str) -> list[object]:
    """Ask for the page with any bytes in its address; return what it could not answer."""
    failed: list[object] = []
    for turn in range(TURNS):
        asked = "&".join(f"{name}={quote_from_bytes(typed)}" for name, typed in zip(ASKED, TYPED[turn:], strict=False))
        answer = browser.client.get(f"{path}?{asked}", base_url=browser.base_url)
        failed += [asked] if answer.status_code >= 500 else []
        answer.close()
    return failed


HEADERS = ("Origin", "Referer", "Accept-Language", "Cookie", "User-Agent", "X-Forwarded-For", "Sec-Fetch-Site")
HEADERS += ("Host", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-User", "Content-Type", "Accept", "X-Forwarded-Host")
VISITS = 3  # of the ten: whichever header it is, thirteen values by three reach each of them
SAID = (
    "http://[bad",
    "http://portal.test:99999999/",
    "http://portal.test:x/",
    "http://[::1%25/",
    "//[",
    "http://\u00bd\u2100.test".encode().decode("latin-1"),
    "fr;q=NaN, en;q=x, \xe9-\xff",
    "portal=\xff.\xfe; a=\x01; ;=;",
    "999.999.999.999, ::, [::1",
    "multipart/form-data; boundary=\xff",
    "A" * 5000,
    " ",
    "",
)


@pytest.mark.exhaustive
def test_whatever_a_header_says_the_answer_is_never_a_5xx(app, make, log_in_customer):
    """Each header with each value goes to some of the pages in turn; each header comes to all of them."""
    merchant = make.merchant(locale="en")
    buyer, passer = Browser(app), Browser(app, address="192.0.2.9")
    log_in_customer(buyer, merchant, make.customer(merchant))
    home = f"/account/{merchant.slug}/"
    asked = [
        ("GET", home),
        ("POST", f"{home}login"),
        ("POST", f"{home}logout"),
        ("GET", f"{home}login"),
        ("POST", "/admin/login"),
    ]
    visits = itertools.cycle([(browser, *one) for browser in (passer, buyer) for one in asked])
    failed = []
    for name, said in itertools.product(HEADERS, SAID):
        for browser, method, path in itertools.islice(visits, VISITS):
            client, base = browser.client, browser.base_url
            answer = client.open(path, method=method, headers={name: said}, base_url=base, data={"email": "x"})
            failed += [(method, path, name, said)] if answer.status_code >= 500 else []
            answer.close()
    assert failed == []


@pytest.mark.parametrize("origin", ["http://[bad", "http://portal.test:x", "//["])
def test_an_origin_that_nobody_can_read_is_another_site(app, make, origin):
    merchant = make.merchant()
    answer = app.test_client().post(
        f"/account/{merchant.slug}/login", headers={"Origin": origin}, base_url="http://portal.test"
    )
    assert answer.status_code == 403
