"""What the account's first page weighs with everything that it loads: bytes over the wire and requests.

The bytes are all that comes, heads of answers among them.  Asked for as a browser does that has nothing yet: it says
which compressions it knows, and takes what the page, and a stylesheet in turn, name.
"""

from __future__ import annotations

import gzip
import http.client
import io
import re
import socket
from collections.abc import Iterator
from typing import Final, cast
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup

from bench import people, serving
from bench.measures import Measure
from bench.people import ACCOUNT
from bench.serving import HOST
from bench.stack import NOWHERE, Stack

BROWSER: Final = {"Accept-Encoding": "gzip, deflate, br, zstd", "Connection": "close"}
LOADED: Final = frozenset({"stylesheet", "icon", "preload", "modulepreload", "manifest"})  # kinds of links
NAMED: Final = re.compile(r"""(?:url\(|@import)\s*["']?([^"')\s;]+)""")  # in a stylesheet
ICON: Final = "/favicon.ico"  # asked for by a browser where the page names none


def run(stack: Stack) -> list[Measure]:
    """Load the page of the customer with five subscriptions, and whatever it names."""
    with stack.database() as url, stack.context(url, NOWHERE) as ctx:
        headers = people.customer(ctx).as_customer | BROWSER
        with serving.portal(stack, url) as web:
            loaded = _load(web.port, ACCOUNT, headers)
    note = ", ".join(f"{path.rpartition('/')[2] or 'page'} {size / 1000:.1f}" for path, size in loaded.items())
    return [
        Measure("page weight, account home", sum(loaded.values()) / 1000, None, "kB", note, "≤ 25 kB"),
        Measure("page weight, requests", len(loaded), None, "requests", "nothing kept from before", "≤ 4"),
    ]


def _load(port: int, path: str, headers: dict[str, str]) -> dict[str, int]:
    """Return what was loaded, each with its bytes."""
    loaded: dict[str, int] = {}
    waiting = [path]
    while waiting:
        path = waiting.pop(0)
        if path not in loaded:
            loaded[path], kind, text = _fetch(port, path, headers)
            waiting += [_here(path, name) for name in _names(kind, text) if not name.startswith("data:")]
    return loaded


def _here(path: str, name: str) -> str:
    """Return the path of what a page or a stylesheet names; raise RuntimeError for what lies on another machine."""
    parts = urlsplit(urljoin(f"http://{HOST}{path}", name))
    if parts.netloc != HOST:
        raise RuntimeError(f"{path} loads from {parts.netloc}")
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _names(kind: str, text: str) -> Iterator[str]:
    if kind == "text/css":
        yield from NAMED.findall(text)
    if kind != "text/html":
        return
    page = BeautifulSoup(text, "html.parser")
    links = [(set(link.get_attribute_list("rel")), str(link["href"])) for link in page.select("link[href]")]
    yield from (address for kinds, address in links if kinds & LOADED)
    yield from (str(one["src"]) for one in page.select("script[src], img[src], iframe[src]"))
    for style in page.select("style"):
        yield from NAMED.findall(style.get_text())
    if not any("icon" in kinds for kinds, _address in links):
        yield ICON


def _fetch(port: int, path: str, headers: dict[str, str]) -> tuple[int, str, str]:
    """Return how many bytes came, of what kind the answer is, and its text where it has any."""
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as opened:
        opened.sendall("\r\n".join(lines).encode())
        seen = b"".join(iter(lambda: opened.recv(65536), b""))
    answer = http.client.HTTPResponse(cast(socket.socket, _Received(seen)))
    answer.begin()
    body, packed = answer.read(), answer.headers.get("Content-Encoding")
    if (answer.status != 200 and path != ICON) or packed not in (None, "gzip"):
        raise RuntimeError(f"{path}: {answer.status} {packed or ''}")
    return len(seen), answer.headers.get_content_type(), (gzip.decompress(body) if packed else body).decode()


class _Received:
    """Bytes that came, to be read as from a socket."""

    def __init__(self, seen: bytes) -> None:
        self._seen = seen

    def makefile(self, mode: str) -> io.BytesIO:
        """Return them as a file."""
        return io.BytesIO(self._seen)
