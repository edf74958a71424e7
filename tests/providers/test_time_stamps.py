"""An outside time stamp counts only when it answers this question, for this hash, by who is trusted, now."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import timedelta

import pytest

from portal.clock import utc_now
from portal.providers import guarded
from portal.providers.time_stamps import NotStamped, TimeStamps
from tests.fakes.time_stamps import Authority, Server

CONTENT = b"17:" + b"ab" * 32
DIGEST = hashlib.sha256(CONTENT).digest()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(authority):
    running = Server(authority)
    yield running
    running.close()


@pytest.fixture
def stamps(server):
    return TimeStamps(server.url, server.authority.trust, loopback=True)


def reason(stamps, *, now=None):
    with pytest.raises(NotStamped) as caught:
        stamps.stamp(CONTENT, now=now or utc_now())
    return caught.value.reason


def test_a_stamp_is_of_this_content_and_openssl_agrees(stamps, server, tmp_path):
    stamp = stamps.stamp(CONTENT, now=utc_now())
    assert abs(stamp.at - utc_now()) < timedelta(minutes=1)
    assert stamps.check(stamp.token, CONTENT) == stamp.at
    assert DIGEST in server.queries[0]
    assert CONTENT not in server.queries[0], "the authority sees a hash alone"
    (tmp_path / "token").write_bytes(stamp.token)
    (tmp_path / "content").write_bytes(CONTENT)
    said = subprocess.run(
        [
            *("openssl", "ts", "-verify", "-CAfile", server.authority.trust),
            *("-data", tmp_path / "content", "-in", tmp_path / "token"),
        ],
        capture_output=True,
        text=True,
    )
    assert "Verification: OK" in said.stdout + said.stderr


def test_of_another_content_it_is_none(stamps):
    token = stamps.stamp(CONTENT, now=utc_now()).token
    with pytest.raises(NotStamped):
        stamps.check(token, CONTENT + b" ")


def test_an_answer_to_another_question_is_none(stamps, server):
    kept = []
    server.spoil_answer = lambda body: kept.append(body) or body
    stamps.stamp(CONTENT, now=utc_now())
    server.spoil_answer = lambda body: kept[0]
    assert reason(stamps) == "not_genuine"
    assert stamps.check(kept[0], CONTENT), "nothing but the nonce is wrong"


def test_an_answer_for_another_hash_is_none(stamps, server):
    server.spoil_query = lambda query: query.replace(DIGEST, hashlib.sha256(b"other").digest())
    assert reason(stamps) == "not_genuine"


def test_an_expired_certificate_signs_nothing(tmp_path):
    server = Server(Authority(tmp_path, ends=timedelta(days=-1)))
    try:
        assert reason(TimeStamps(server.url, server.authority.trust, loopback=True)) == "not_genuine"
    finally:
        server.close()


def test_an_authority_that_nobody_trusts_signs_nothing(server, tmp_path):
    assert reason(TimeStamps(server.url, Authority(tmp_path).trust, loopback=True)) == "not_genuine"


@pytest.mark.parametrize("garbage", [b"", b"\0", b"<html>", b"\x30\x82\xff\xff", b"\x30\x03\x02\x01\x02", b"0" * 5000])
def test_garbage_is_no_answer(stamps, server, garbage):
    server.spoil_answer = lambda body: garbage
    assert reason(stamps) in ("no_answer", "refused")


def test_no_changed_byte_of_a_token_passes_for_another_moment_or_content(stamps):
    stamp = stamps.stamp(CONTENT, now=utc_now())
    passed = 0
    for place in range(0, len(stamp.token), 7):
        spoilt = bytearray(stamp.token)
        spoilt[place] ^= 1
        try:
            assert stamps.check(bytes(spoilt), CONTENT) == stamp.at
            passed += 1  # a byte that nothing rests on, such as one of a text beside
        except NotStamped:
            pass
    assert passed < len(stamp.token) / 7 / 10


def test_a_status_that_is_none_a_server_that_is_away_and_one_that_is_late(stamps, server, monkeypatch):
    server.status = 503
    assert reason(stamps) == "status"
    server.status = 200
    monkeypatch.setattr(guarded, "LONGEST", 0.2)
    server.wait = 1.0
    assert reason(stamps) == "not_reached"
    assert reason(TimeStamps("http://127.0.0.1:9/", server.authority.trust, loopback=True)) == "not_reached"


def test_a_clock_that_is_far_off_is_said(stamps):
    assert reason(stamps, now=utc_now() + timedelta(hours=1)) == "clock"


def test_without_an_address_or_certificates_it_is_off(server):
    assert not TimeStamps().is_on
    assert not TimeStamps(server.url).is_on
    assert not TimeStamps("", server.authority.trust).is_on
    assert TimeStamps("", server.authority.trust).can_check


def test_no_address_leads_inside_outside_the_tests(server):
    assert reason(TimeStamps(server.url, server.authority.trust)) == "not_reached"
    assert server.queries == []
