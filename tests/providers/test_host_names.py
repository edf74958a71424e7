"""Records are read from a real name server on this machine, and a host is opened as a visitor would."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from portal.domain.merchants.own_hosts import Fault
from portal.providers import guarded, host_names
from portal.providers.guarded import Answered, Forbidden, NotReached
from portal.providers.host_names import NoAnswer, PublicHostNames

NAME = "_portal-challenge.compte.atelier.example"


@contextmanager
def serving(answer) -> Iterator[PublicHostNames]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def run():
            while True:
                try:
                    sent, visitor = server.recvfrom(4096)
                except OSError:
                    return
                if not sent:
                    return
                answered = answer(dns.message.from_wire(sent))
                if answered is not None:
                    server.sendto(answered, visitor)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        host, port = server.getsockname()
        try:
            yield PublicHostNames((host,), port=port)
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", (host, port))
            thread.join(5)


def said(query, *texts, rcode=dns.rcode.NOERROR):
    answer = dns.message.make_response(query)
    answer.set_rcode(rcode)
    if texts:
        answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "TXT", *texts))
    return answer.to_wire()


def test_every_record_is_read_as_one_text():
    with serving(lambda query: said(query, '"v=spf1 -all"', '"portal-" "host=abc"')) as names:
        assert sorted(names.texts(NAME)) == ["portal-host=abc", "v=spf1 -all"]


@pytest.mark.parametrize("rcode", [dns.rcode.NOERROR, dns.rcode.NXDOMAIN])
def test_no_record_is_an_answer(rcode):
    with serving(lambda query: said(query, rcode=rcode)) as names:
        assert names.texts(NAME) == []


@pytest.mark.parametrize(
    "answer",
    [lambda query: said(query, rcode=dns.rcode.SERVFAIL), lambda query: b"\x00nothing of the kind", lambda query: None],
    ids=["refused", "malformed", "silent"],
)
def test_no_answer_is_none(answer, monkeypatch):
    monkeypatch.setattr(host_names, "PATIENCE", 0.3)
    with serving(answer) as names, pytest.raises(NoAnswer):
        names.texts(NAME)


@pytest.mark.parametrize(
    ("answered", "fault"),
    [
        (Answered(200, b"sign\n"), None),
        (Answered(200, b"<html>sign</html>"), Fault.ANOTHER),
        (Answered(302, b"sign"), Fault.ANOTHER),
        (NotReached("ConnectTimeout"), Fault.NOT_REACHED),
        (Forbidden("a private address"), Fault.NOT_REACHED),
    ],
)
def test_what_answers_there_decides(monkeypatch, answered, fault):
    asked = []

    def ask(_session, method, url):
        asked.append((method, url))
        if isinstance(answered, Exception):
            raise answered
        return answered

    monkeypatch.setattr(guarded, "ask", ask)
    assert PublicHostNames().fault("compte.atelier.example", "tok", "sign") is fault
    assert asked == [("GET", "https://compte.atelier.example/.well-known/portal-host/tok")]


def test_a_host_that_leads_inside_is_not_opened(monkeypatch):
    """The guard of every address that a merchant enters: 127.0.0.1 is not asked, whatever listens there."""
    assert PublicHostNames().fault("127.0.0.1", "tok", "sign") is Fault.NOT_REACHED
