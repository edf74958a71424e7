"""A browser for tests: opens pages, fills the form it finds, posts the token it was given, follows.

Every page it meets is checked (one h1, a title, a language, labels, unique ids, nothing inline), and every
answer for its headers.  CSRF stays on: what a person could not send from the page, a test cannot either,
except through `post`, which is there to be refused.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup, Tag
from flask import Flask
from werkzeug.test import TestResponse

from portal.web.stylesheets import FACES

HEADERS = ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cache-Control", "X-Request-Id")
STYLES = Path(__file__).resolve().parents[1] / "static" / "css"
UNLABELLED = ("hidden", "submit", "button", "image", "reset")


class Page:
    """An answer: its status, its address, and its parsed page if it is one."""

    def __init__(self, browser: Browser, response: TestResponse, path: str) -> None:
        self.browser = browser
        self.response = response
        self.status = response.status_code
        self.path = path
        self.body = response.get_data(as_text=True)
        self.soup = BeautifulSoup(self.body, "html.parser")
        for one in self.soup.select("span.reference"):  # it breaks no line and no sentence
            one.unwrap()
        for one in self.soup.select("wbr"):  # no character: the address it stands in is read and copied as one
            one.decompose()
        self.soup.smooth()

    @property
    def text(self) -> str:
        """The visible text of the main part, its spaces made one."""
        main = self.soup.find("main") or self.soup
        return " ".join(main.get_text(" ").split())

    @property
    def h1(self) -> str:
        return " ".join(self.soup.find("h1").get_text().split())

    @property
    def language(self) -> str:
        return str(self.soup.html["lang"])

    @property
    def errors(self) -> list[str]:
        """The sentences of the error summary."""
        return [" ".join(line.get_text().split()) for line in self.soup.select("#errors li")]

    @property
    def notices(self) -> list[str]:
        """The sentences said once, after an act."""
        return [" ".join(line.get_text().split()) for line in self.soup.select(".flashes p")]

    def select_one(self, css: str) -> Tag | None:
        return self.soup.select_one(css)

    def select(self, css: str) -> list[Tag]:
        return list(self.soup.select(css))

    def link(self, words: str) -> str:
        """The address of the link with these words."""
        for anchor in self.soup.find_all("a"):
            if words in " ".join(anchor.get_text().split()):
                return str(anchor["href"])
        raise AssertionError(f"no link says {words!r}")

    def follow(self, words: str, *, status: int = 200) -> Page:
        """Press the link with these words."""
        return self.browser.get(self.link(words), status=status)

    def form(self, *, press: str | None = None, having: tuple[str, ...] = ()) -> Tag:
        """The one form with a button of these words and with these fields, the page's own before the frame's."""
        every = list(self.soup.find_all("form"))
        inside = [form for form in every if form.find_parent("main")]
        for forms in (inside, every):
            fitting = [form for form in forms if _fits(form, press, having)]
            if fitting:
                assert len(fitting) == 1, f"{len(fitting)} forms fit {press!r} {having}"
                return fitting[0]
        raise AssertionError(f"no form has the button {press!r} and the fields {having}: {self.h1}")

    def values(self, form: Tag) -> dict[str, Any]:
        """What the form would send as it stands, without any button."""
        return dict(_standing(form))

    def submit(self, *, press: str | None = None, status: int = 200, follow: bool = True, **fields: Any) -> Page:
        """Fill the form and press its button: the one saying `press`, else the first."""
        form = self.form(press=press, having=tuple(fields))
        data = _filled(form, fields)
        button = _button(form, press)
        assert button is None or not button.has_attr("disabled"), f"{press!r} cannot be pressed"
        if button is not None and button.get("name"):
            data[str(button["name"])] = str(button.get("value", ""))
        assert str(form.get("method", "get")).lower() == "post", "use follow() or get() for a GET form"
        own = button.get("formaction") if button is not None else None
        action = urljoin(self.path, str(own or form.get("action") or self.path)).partition("#")[0]
        headers = {"Referer": self.browser.base_url + self.path, "Sec-Fetch-Site": "same-origin"}
        response = self.browser.client.post(
            action,
            data=data,
            headers=headers,
            base_url=self.browser.base_url,
            content_type=str(form.get("enctype") or "application/x-www-form-urlencoded"),
        )
        return self.browser.arrive(response, action, status=status, follow=follow)


class Browser:
    """One visitor's browser, with cookies of its own."""

    def __init__(self, app: Flask, base_url: str = "http://portal.test", *, agent: str = "", address: str = "") -> None:
        self.app = app
        self.base_url = base_url
        self.client = app.test_client()
        if agent:
            self.client.environ_base["HTTP_USER_AGENT"] = agent
        if address:
            self.client.environ_base["REMOTE_ADDR"] = address

    def get(self, path: str, *, status: int = 200, follow: bool = True, **headers: str) -> Page:
        """Open an address."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self.client.get(path, headers=named, base_url=self.base_url)
        return self.arrive(response, path, status=status, follow=follow)

    def submit(self, path: str, *, press: str | None = None, status: int = 200, **fields: Any) -> Page:
        """Open a page, fill its form, send it, follow."""
        return self.get(path).submit(press=press, status=status, **fields)

    def post(self, path: str, data: dict[str, Any] | None = None, *, status: int, **headers: str) -> Page:
        """Send what no page offered: to see it refused."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self.client.post(path, data=data or {}, headers=named, base_url=self.base_url)
        return self.arrive(response, path, status=status, follow=False)

    def arrive(self, response: TestResponse, path: str, *, status: int, follow: bool = True) -> Page:
        """Check the answer, follow where it sends, check the page."""
        for _hop in range(6):
            check_headers(response)
            if not follow or response.status_code not in (301, 302, 303, 307, 308):
                break
            there = urlsplit(urljoin(self.base_url + path, response.headers["Location"]))
            assert f"{there.scheme}://{there.netloc}" == self.base_url, f"sent away to {there.geturl()}"
            path = there.path + (f"?{there.query}" if there.query else "")
            response = self.client.get(path, base_url=self.base_url)
        page = Page(self, response, path)
        response.close()
        assert page.status == status, f"{path}: {page.status} instead of {status}: {page.text[:300]}"
        if response.mimetype == "text/html" and response.status_code not in (301, 302, 303, 307, 308):
            check_page(page.soup, where=path)
        return page

    def values_of(self, page: Page) -> dict[str, Any]:
        """What the page's first form would send as it stands: its token is good for any form."""
        return page.values(page.soup.find("form"))

    def cookie(self, name: str) -> str | None:
        """The value of a cookie, None without it."""
        found = self.client.get_cookie(name, domain=urlsplit(self.base_url).hostname or "localhost")
        return found.value if found else None

    def set_cookie(self, name: str, value: str) -> None:
        self.client.set_cookie(name, value, domain=urlsplit(self.base_url).hostname or "localhost")


def check_headers(response: TestResponse) -> None:
    """Fail unless the answer carries the headers every answer has."""
    for name in HEADERS:
        assert response.headers.get(name), f"no {name}"
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def check_page(soup: BeautifulSoup, *, where: str) -> None:
    """Fail unless the page is sound: what a screen reader, a strict CSP and a validator ask first."""
    tags = list(soup.find_all(True))  # walked once, for all of them
    checks = (_frame, _ids, _labels, _inline, _forms, _looks, _times)
    problems = [problem for check in checks for problem in check(tags)]
    assert not problems, f"{where}: " + "; ".join(problems)


def _named(tags: list[Tag], *names: str) -> list[Tag]:
    return [tag for tag in tags if tag.name in names]


def _frame(tags: list[Tag]) -> list[str]:
    problems = []
    if (count := len(_named(tags, "h1"))) != 1:
        problems.append(f"{count} h1")
    if not [one for one in _named(tags, "title")[:1] if one.get_text(strip=True)]:
        problems.append("no title")
    if [one.get("lang") for one in _named(tags, "html")] not in (["fr"], ["en"], ["de"]):
        problems.append("no language")
    if len(_named(tags, "main")) != 1:
        problems.append("no main")
    return problems


def _ids(tags: list[Tag]) -> list[str]:
    ids = Counter(str(tag["id"]) for tag in tags if tag.has_attr("id"))
    problems = [f"id {one} twice" for one, count in ids.items() if count > 1]
    for tag in tags:
        for attribute in ("aria-describedby", "aria-labelledby", "for"):
            value = tag.get(attribute, "")
            names = value if isinstance(value, list) else str(value).split()
            problems += [f"{attribute} names no {name}" for name in names if name not in ids]
    for anchor in _named(tags, "a"):
        target = str(anchor.get("href", ""))
        if target.startswith("#") and target[1:] not in ids:
            problems.append(f"{target} leads nowhere")
    return problems


def _labels(tags: list[Tag]) -> list[str]:
    labelled = {str(label["for"]) for label in _named(tags, "label") if label.has_attr("for")}
    problems = []
    for field in _named(tags, "input", "select", "textarea"):
        if field.get("type") in UNLABELLED:
            continue
        named = field.get("aria-label") or field.get("aria-labelledby") or field.find_parent("label")
        if not named and field.get("id") not in labelled:
            problems.append(f"no label for {field.get('name')}")
    problems += [
        "a button or link without words"
        for tag in _named(tags, "button", "a")
        if not "".join(tag.find_all(string=True)).strip() and not tag.get("aria-label")  # a template's words, too
    ]
    return problems


def _inline(tags: list[Tag]) -> list[str]:
    problems = [f"<{tag.name}> inside" for tag in _named(tags, "style")]
    problems += ["a script without address" for tag in _named(tags, "script") if not tag.get("src")]
    for tag in tags:
        problems += [f"{name} on <{tag.name}>" for name in tag.attrs if name == "style" or name.startswith("on")]
        problems += [
            f'{name}="{said}" on <{tag.name}>' for name, said in tag.attrs.items() if said in ("False", "None")
        ]
    return problems


def _forms(tags: list[Tag]) -> list[str]:
    return [
        f"a form without token: {form.get('action')}"
        for form in _named(tags, "form")
        if str(form.get("method", "get")).lower() == "post" and not form.find("input", attrs={"name": "csrf_token"})
    ]


def _looks(tags: list[Tag]) -> list[str]:
    """The page loads one style sheet, and every class of it has a rule there."""
    (sheet,) = (str(link["href"]) for link in _named(tags, "link") if "stylesheet" in link.get("rel", []))
    face = Path(urlsplit(sheet).path).stem
    worn = {name for tag in tags for name in tag.get("class", [])}
    return [f"class {name} has no rule in {face}" for name in sorted(worn - _ruled(face))]


@cache
def _ruled(face: str) -> frozenset[str]:
    parts = [(STYLES / f"{part}.css").read_text() for part in FACES[face]]
    return frozenset(re.findall(r"\.([a-z][\w-]*)", "\n".join(parts)))


def _times(tags: list[Tag]) -> list[str]:
    """A moment for machines is to the second: nobody acts to the microsecond."""
    return [f"<time datetime={tag['datetime']}>" for tag in _named(tags, "time") if "." in str(tag["datetime"])]


def _words(tag: Tag) -> str:
    return " ".join(tag.get_text().split())


def _button(form: Tag, press: str | None) -> Tag | None:
    buttons = list(form.find_all("button"))
    if press is None:
        return buttons[0] if buttons else None
    return next((button for button in buttons if press in (_words(button), button.get("aria-label"))), None)


def _fits(form: Tag, press: str | None, having: tuple[str, ...]) -> bool:
    names = {str(field["name"]) for field in form.find_all(["input", "select", "textarea"], attrs={"name": True})}
    return set(having) <= names and (press is None or _button(form, press) is not None)


def _standing(form: Tag) -> list[tuple[str, Any]]:
    values: dict[str, Any] = {}
    for field in form.find_all(["input", "select", "textarea"], attrs={"name": True}):
        name, kind = str(field["name"]), field.get("type")
        if field.name == "textarea":
            values[name] = re.sub(r"\A\r?\n", "", field.get_text())  # the first line break is the parser's
        elif field.name == "select":
            chosen = field.find("option", selected=True) or field.find("option")
            values[name] = str(chosen["value"]) if chosen is not None else ""
        elif kind in ("checkbox", "radio"):
            if field.has_attr("checked"):
                values[name] = str(field.get("value", "on"))
        elif kind not in ("submit", "button", "file"):
            values[name] = str(field.get("value", ""))
    return list(values.items())


def _filled(form: Tag, fields: dict[str, Any]) -> dict[str, Any]:
    """Return what would be sent; refuse answers that the form does not offer."""
    data = dict(_standing(form))
    for name, value in fields.items():
        tags = form.find_all(["input", "select", "textarea"], attrs={"name": name})
        kind = tags[0].get("type")
        if kind == "checkbox" and isinstance(value, bool):
            data.pop(name, None)
            if value:
                data[name] = str(tags[0].get("value", "on"))
            continue
        if kind == "radio":
            assert value in [tag.get("value") for tag in tags], f"{name} does not offer {value!r}"
        if tags[0].name == "select":
            assert value in [option.get("value") for option in tags[0].find_all("option")], f"no option {value!r}"
        data[name] = value
    return data
