"""When a proof's file leaves the portal: made then and not before, and known before it is out."""

from __future__ import annotations

import hashlib

from sqlalchemy import select

from portal.clock import utc_now
from portal.models import Mail, ProofFile
from portal.services import proofs
from portal.services.notices import leaving


def issued(ctx) -> list[str]:
    with ctx.db.read() as session:
        return list(session.scalars(select(ProofFile.sha256)))


def test_a_file_is_made_when_it_leaves_once_and_is_known_before_it_is_out(visit, make, ctx, mailer, monkeypatch):
    made, known = [], []
    monkeypatch.setattr(proofs, "file_of", lambda proof, make=proofs.file_of: made.append(make(proof)) or made[-1])
    page = visit.cancel(make.subscription(customer=visit.customer))
    visit.browser.get(page.path)
    assert (made, issued(ctx)) == ([], [])  # a mail that waits, and a page that is looked at, hand over none
    with ctx.db.read() as session:
        mail_id = session.scalars(select(Mail.id).where(Mail.kind == "end_confirmed")).one()
    deliver = mailer.send
    monkeypatch.setattr(mailer, "send", lambda letter: (known.extend(issued(ctx)), deliver(letter)))
    leaving.send(ctx, mail_id, now=utc_now())
    leaving.send(ctx, mail_id, now=utc_now())
    fingerprint = hashlib.sha256(made[0].content).hexdigest()
    assert (len(made), known, len(mailer.sent)) == (1, [fingerprint], 1)
    visit.browser.client.get(page.link("Download the proof (PDF)"), base_url="http://portal.test")
    assert issued(ctx) == [fingerprint]  # the same bytes are one file, however often they are handed over
