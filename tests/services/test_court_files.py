"""A file for a court: checked by the script that docs/proofs.md shows, which finds every changed byte."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from portal.domain.audit import OPERATOR, Act
from portal.domain.law.court_files import Occasion
from portal.models import AuditEntry
from portal.providers.time_stamps import TimeStamps
from portal.services import court_files, time_stamps
from portal.services.audit import audit
from tests.fakes.time_stamps import Authority, Server
from tests.services.carrying.carried import ask, carry

DOCS = Path(__file__).parent.parent.parent / "docs" / "proofs.md"
(SCRIPT,) = re.findall(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)


def packed(files: dict[str, bytes]) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def complaint(files: dict[str, bytes]) -> str:
    """What the script says of it, run in this process; empty when all is well."""
    argv, sys.argv = sys.argv, ["check", BytesIO(packed(files))]
    try:
        exec(compile(SCRIPT, "docs/proofs.md", "exec"), {})  # noqa: S102 - the page's own lines
        return ""
    except Exception as error:  # whatever it stumbles over, it does not call the file whole
        return f"{type(error).__name__}: {error}"
    finally:
        sys.argv = argv


@pytest.fixture
def ended(ctx, make, now):
    """A confirmed end between rows of others."""
    held = make.subscription()
    for _other in range(2):
        with ctx.db.begin() as session:
            audit.append(session, held.merchant_id, Act.LOGGED_IN, by=OPERATOR, at=now)
    return carry(ctx, ask(ctx, make, held, reason_text="Trop cher"))


def taken(ctx, request, now) -> dict[str, bytes]:
    return unpacked(
        court_files.export(ctx, request.merchant_id, request.id, Occasion.COURT, by=OPERATOR, now=now).content
    )


@pytest.mark.law("R-GD-5")
def test_the_script_of_the_page_calls_it_whole(ctx, ended, now, tmp_path):
    file = court_files.export(ctx, ended.merchant_id, ended.id, Occasion.COURT, by=OPERATOR, now=now)
    (tmp_path / file.name).write_bytes(file.content)
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path / file.name], capture_output=True, text=True, check=False
    )
    assert said.stderr == ""
    assert said.stdout.startswith(f"{ended.reference}: whole. The chain ends at ")


@pytest.mark.law("R-GD-5")
def test_no_byte_can_be_changed_unseen(ctx, ended, now):
    files = taken(ctx, ended, now)
    assert complaint(files) == ""
    for name, content in files.items():
        for place in range(0, len(content), max(1, len(content) // 150)):
            spoilt = bytearray(content)
            spoilt[place] ^= 1
            assert complaint({**files, name: bytes(spoilt)}), (name, place)
        assert complaint({other: files[other] for other in files if other != name}), f"without {name}"
    assert complaint({**files, "more.txt": b"."})


def test_whoever_mends_the_sums_too_is_found_by_the_chain(ctx, ended, now):
    files = taken(ctx, ended, now)
    for name in ("proof.json", "request.json", "chain.jsonl", "proof.pdf"):
        spoilt = {**files, name: files[name].replace(b"2026", b"2027")}
        if name == "proof.pdf":
            spoilt[name] = files[name] + b"\n"
        assert spoilt[name] != files[name], name
        del spoilt["sha256sums.txt"]
        sums = "".join(f"{hashlib.sha256(spoilt[one]).hexdigest()}  {one}\n" for one in sorted(spoilt))
        assert complaint({**spoilt, "sha256sums.txt": sums.encode()}), name


def test_it_holds_what_was_asked_answered_sent_and_shown(ctx, ended, now, left):
    left(now)
    files = taken(ctx, ended, now)
    said = json.loads(files["request.json"])
    request = said["request"]
    assert (request["reference"], request["reason_text"]) == (ended.reference, "Trop cher")
    assert request["answer"]["debug_id"]
    assert request["local"]["created_at"].endswith(("+01:00", "+02:00"))
    assert request["created_at"].endswith("+00:00")
    sent = [one for one in said["messages"] if one["state"] == "sent"]
    assert sent, "the confirmation"
    assert all(one["message_id"] and one["sent_at"] and one["recipient"] for one in sent)
    assert hashlib.sha256(files["proof.pdf"]).hexdigest() in {one["sha256"] for one in said["files"]}
    rows = [json.loads(line) for line in files["chain.jsonl"].decode().splitlines()]
    assert {row["number"] for row in rows} >= set(said["chain_rows"])
    assert rows[0]["number"] == min(said["chain_rows"]), "from its own first row on"
    own = {row["act"] for row in rows if row["number"] in said["chain_rows"]}
    assert {"subscription.end_requested", "proof.written"} <= own


def test_the_same_end_is_the_same_file_but_for_the_chain(ctx, ended, now):
    one, other = taken(ctx, ended, now), taken(ctx, ended, now)
    assert {name for name in one if one[name] != other[name]} == {"chain.jsonl", "request.json", "sha256sums.txt"}


def test_the_chain_says_who_took_it_and_why(ctx, ended, now):
    taken(ctx, ended, now)
    with ctx.db.read() as session:
        row = session.scalars(select(AuditEntry).where(AuditEntry.act == "export.proof")).one()
    assert (row.details["reference"], row.details["occasion"], row.channel) == (
        ended.reference,
        "court",
        "command_line",
    )


def test_time_stamps_come_along_and_openssl_checks_them(ctx, make, now, tmp_path):
    server = Server(Authority(tmp_path))
    stamped = replace(ctx, time_stamps=TimeStamps(server.url, server.authority.trust, loopback=True))
    request = carry(stamped, ask(stamped, make, make.subscription()))
    try:
        assert time_stamps.run(stamped, now=now) == 2
    finally:
        server.close()
    files = taken(stamped, request, now)
    assert complaint(files) == ""
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    for content, token in (("proof.json", "proof.tsr"), ("chain.txt", "chain.tsr")):
        said = subprocess.run(
            [
                *("openssl", "ts", "-verify", "-CAfile", server.authority.trust),
                *("-data", tmp_path / content, "-in", tmp_path / token),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Verification: OK" in said.stdout + said.stderr, token
    spoilt = {**files, "chain.txt": files["chain.txt"][:-1] + b"x"}
    assert complaint(spoilt)


def test_another_merchants_is_not_there(ctx, ended, make, now):
    with pytest.raises(NoResultFound):
        court_files.export(ctx, make.merchant().id, ended.id, Occasion.COURT, by=OPERATOR, now=now)
