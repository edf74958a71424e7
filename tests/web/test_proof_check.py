"""A third party checks a proof: the code, the file sent along, the throttle, and that nothing personal is told."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.documents import printing, typesetting
from portal.domain.audit import OPERATOR
from portal.models import Mail, MailState, Merchant, Proof
from portal.services import proofs
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests
from portal.services.merchants import departures, standings
from portal.web import MOST_BYTES
from tests.browser_client import Browser
from tests.services.carrying.carried import wish_of


@pytest.fixture
def proof(make, ctx) -> Proof:
    """The proof of an end that a customer asked for."""
    subscription = make.subscription(merchant=make.merchant(locale="en", name="L’École"))
    wish = wish_of(subscription, reason_text="too dear for me")
    recorded = end_requests.record(ctx, wish, now=utc_now())
    end_carrying.carry_out(ctx, subscription.merchant_id, recorded.request_id)
    with ctx.db.read() as session:
        return session.scalars(select(Proof)).one()


@pytest.fixture
def issued(proof, ctx) -> bytes:
    """Its file as it left the portal."""
    return proofs.issue(ctx, proof, now=utc_now()).content


@pytest.fixture
def stranger(app) -> Browser:
    browser = Browser(app, address="192.0.2.1")
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


def path_of(proof: Proof) -> str:
    return f"/proof/{proof.facts['reference']}"


def test_it_is_checked_as_ever_once_its_merchant_is_gone(ctx, proof, issued, stranger):
    with ctx.db.begin() as session:
        session.execute(update(Mail).values(state=MailState.SENT))
    last = standings.leave(ctx, proof.merchant_id, leave_live=True, by=OPERATOR, now=utc_now())
    for night in range(2):
        departures.run(ctx, now=last + timedelta(days=night))
    with ctx.db.read() as session:
        assert session.get_one(Merchant, proof.merchant_id).erased_at is not None
    page = stranger.get(path_of(proof))
    page = page.submit(code=proof.code, file=(io.BytesIO(issued), "proof.pdf"))
    assert page.h1 == "This proof is genuine"
    assert hashlib.sha256(issued).hexdigest() in page.text


def test_a_third_party_learns_that_it_is_genuine_and_nothing_personal(proof, issued, stranger):
    spoken = f" {proof.code[:4].lower()}-{proof.code[4:]} "
    wide = "Verification code： " + "".join(chr(ord(sign) + 0xFEE0) for sign in proof.code)
    for written in (wide, spoken):
        page = stranger.submit(path_of(proof).lower(), code=written)
        assert page.h1 == "This proof is genuine"
    for told in ("L’École", proof.facts["reference"], "Cancelled", "Confirmed by PayPal on"):
        assert told in page.text
    assert hashlib.sha256(issued).hexdigest() in page.text
    for secret in ("Claire", "@client.test", proof.facts["provider_id"], "Cours de piano", "29.90", "too dear"):
        assert secret not in page.body


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ("the right one", "The PDF you sent is this proof, unchanged."),
        ("a changed one", "The PDF you sent is a different file"),
        ("no PDF", "The PDF you sent is a different file"),
        ("an empty one", "The PDF you sent is a different file"),
        (None, None),
    ],
)
def test_a_file_sent_along_is_compared_byte_by_byte(proof, issued, stranger, sent, said):
    content = {"the right one": issued, "a changed one": issued + b"\n", "no PDF": b"GIF89a", "an empty one": b""}.get(
        sent
    )
    fields = {} if content is None else {"file": (io.BytesIO(content), "proof.pdf")}
    page = stranger.submit(path_of(proof), code=proof.code, **fields)
    is_other = said is not None and "different" in said
    assert page.h1 == ("The code is right, but this PDF is not our file" if is_other else "This proof is genuine")
    if said is None:
        assert "The PDF you sent" not in page.text
    else:  # judged before anything is told of the proof
        assert page.text.index(said) < page.text.index("The portal recorded that this contract ended")


def sent_along(stranger, proof, content):
    return stranger.submit(path_of(proof), code=proof.code, file=(io.BytesIO(content), "proof.pdf"))


def test_a_file_that_another_version_of_the_portal_issued_is_known_as_well(proof, issued, stranger, ctx, monkeypatch):
    monkeypatch.setattr(typesetting, "HERE", Path("/nowhere"))  # nothing is made anew to compare with
    monkeypatch.setattr(proofs, "file_of", lambda proof: printing.File(name="x", media_type="x", content=b"%PDF-2.0"))
    before = sent_along(stranger, proof, b"%PDF-2.0")
    assert "it is none of those that the portal issued" in before.text
    proofs.issue(ctx, proof, now=utc_now())
    for content in (issued, b"%PDF-2.0"):
        page = sent_along(stranger, proof, content)
        assert "The PDF you sent is this proof, unchanged." in page.text
        assert page.text.count("SHA-256 fingerprint of the PDF issued on") == 2
        assert "other bytes, the same facts" in page.text
        assert "Reissued" not in page.text


def test_a_proof_whose_file_never_left_has_no_fingerprint(proof, stranger):
    page = stranger.submit(path_of(proof), code=proof.code)
    assert "No PDF of it has been issued." in page.text
    assert "SHA-256" not in page.text


def test_a_proof_that_an_older_version_issued_is_reissued_with_its_facts_unchanged(proof, issued, stranger, ctx):
    with ctx.db.begin() as session:
        session.execute(update(Proof).values(has_older_files=True))
    page = sent_along(stranger, proof, b"%PDF-1.3 of an older version")
    assert page.h1 == "The code is right, but this PDF cannot be compared"
    assert "issued by an older version of the portal, which kept no fingerprints" in page.text
    assert "Reissued, facts unchanged" in page.text
    again = sent_along(stranger, proof, issued)
    assert again.h1 == "This proof is genuine"
    assert "Reissued, facts unchanged" in again.text
    assert hashlib.sha256(issued).hexdigest() in again.text


def test_a_file_that_is_too_big_is_refused_before_anything_is_compared(proof, stranger):
    answer = stranger.client.post(
        path_of(proof),
        data=b"--x\r\n" + bytes(MOST_BYTES),  # as bytes: the test client leaves a temporary file of its own open
        content_type="multipart/form-data; boundary=x",
        base_url=stranger.base_url,
    )
    assert answer.status_code == 413
    assert "genuine" not in answer.text


def test_a_wrong_code_and_an_unknown_reference_are_answered_alike_and_with_the_right_file_too(proof, issued, stranger):
    answers = [
        stranger.submit(where, code="ZZZZZZZZ", file=(io.BytesIO(issued), "proof.pdf"), status=422)
        for where in (path_of(proof), "/proof/ZZZZ-ZZZZ", "/proof/%00")
    ]
    assert {tuple(page.errors) for page in answers} == {
        ("This code does not match this reference. Check both on the proof.",)
    }
    assert not any("L’École" in page.body or "The PDF you sent" in page.text for page in answers)
    assert "Enter the code" in stranger.submit(path_of(proof), code="", status=422).errors[0]
    assert stranger.submit(path_of(proof), code="é" * 8, status=422).errors == answers[0].errors


def test_guessing_is_slowed_down_for_one_network_and_then_for_one_reference(proof, stranger, app, ctx):
    def guess(network, reference="ZZZZ-ZZZZ"):
        return proofs.check(ctx, reference, "ZZZZZZZZ", network=network, locale="en", now=utc_now())

    form = stranger.get(path_of(proof))
    for _try in range(30):
        guess("192.0.2.0/24")
    page = form.submit(code=proof.code, status=429)
    assert "genuine" not in page.text
    elsewhere = Browser(app, address="198.51.100.9")
    assert elsewhere.submit(path_of(proof), code=proof.code).status == 200
    for number in range(58):  # two have asked for it above
        guess(f"net-{number}", proof.facts["reference"])
    elsewhere.submit(path_of(proof), code=proof.code, status=429)
