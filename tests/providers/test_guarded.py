"""Addresses that merchants enter: nothing inside is reached, at the first look or later, and nothing read for ever."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager

import pytest

from portal.providers import guarded
from portal.providers.guarded import Forbidden, NotReached, TooLarge
from tests.fakes.openid import Site, serving

PAGE = "/.well-known/openid-configuration"


@pytest.fixture
def site():
    with serving(Site()) as made:
        yield made


def ask(url, **more):
    with guarded.session(**more) as session:
        return guarded.ask(session, "GET", url)


def test_this_machine_is_reached_where_a_setting_says_so_alone(site):
    assert ask(site.url + PAGE, allow_loopback=True).status == 200
    with pytest.raises(Forbidden):
        ask(site.url + PAGE)


INSIDE = ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "fd00::1"]  # noqa: S104


@pytest.mark.parametrize("address", [*INSIDE, "::ffff:127.0.0.1", "64:ff9b::7f00:1"])
@pytest.mark.parametrize("allow_loopback", [False, True])
def test_a_name_that_leads_inside_is_refused_before_anything_is_sent(monkeypatch, address, allow_loopback):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    place = (address, 443, 0, 0) if ":" in address else (address, 443)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_m: [(family, socket.SOCK_STREAM, 6, "", place)])
    if allow_loopback and address in ("127.0.0.1", "::1"):
        return
    with pytest.raises(Forbidden):
        ask("https://shop.example/", allow_loopback=allow_loopback)


@pytest.mark.parametrize(
    "url", ["http://shop.example/", "https://shop.example:8443/", "file:///etc/passwd", "https://"]
)
def test_other_ways_than_public_https_are_refused(url):
    with pytest.raises(NotReached):
        ask(url)


def test_a_redirect_is_an_answer_and_nothing_more(site):
    site.answers[PAGE] = (302, "text/html", f"{site.url}/jwks".encode())
    assert ask(site.url + PAGE, allow_loopback=True).status == 302
    assert site.asked == [PAGE]


def test_what_the_environment_says_of_proxies_counts_for_nothing(site, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:1")
    assert ask(site.url + PAGE, allow_loopback=True).status == 200


def test_an_answer_is_read_up_to_a_size(site):
    site.answers[PAGE] = (200, "text/html", b"x" * (guarded.MOST + 1))
    with pytest.raises(TooLarge):
        ask(site.url + PAGE, allow_loopback=True)


@contextmanager
def dripping(head):
    """A server that sends a byte now and then, for ever, once it has sent its `head`."""
    over = threading.Event()

    def drip(listener):
        connection, _address = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(head)
            while not over.wait(0.02):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        over.set()
        thread.join()


HEADS = {
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
    "until it closes": b"HTTP/1.1 200 OK\r\n\r\n",
    "headers": b"HTTP/1.1 200 OK\r\nX-Drops: ",
    "nothing": b"",
}


@pytest.mark.parametrize("head", HEADS)
def test_an_answer_that_never_ends_is_left(monkeypatch, head):
    monkeypatch.setattr(guarded, "LONGEST", 0.3)
    with dripping(HEADS[head]) as url, pytest.raises(NotReached):
        ask(url, allow_loopback=True)


def test_nobody_there(unused_tcp_port):
    with pytest.raises(NotReached):
        ask(f"http://127.0.0.1:{unused_tcp_port}/", allow_loopback=True)
