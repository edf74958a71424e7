"""The proof as a PDF: processor time of a document, the first in a process, and memory after many.

Each document is another one: nothing that Typst remembers of the last helps it.  Measured in a process of its own; the
floor is the least document of the same fonts, tags and standard.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import typst

from bench.measures import Measure
from bench.memory import resident
from bench.stack import Stack
from portal.documents.facts import ProofFacts
from portal.documents.letters import folders
from portal.documents.pdf import proof_file
from portal.documents.printing import File
from portal.domain.ends.end_requests import Basis, Channel
from portal.domain.money.money import Money
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status

MANY, FEW = 1_500, 100
AT = datetime(2026, 11, 28, 14, 7, tzinfo=UTC)
LEAST = '#set document(title: "t")\n#set text(font: "Noto Sans", fallback: false)\n= #sys.inputs.said\n'


def run(stack: Stack) -> list[Measure]:
    """Make documents in a new process, in turn with the least ones."""
    count = FEW if stack.small else MANY
    seen = stack.told("bench.proofs", str(count))
    note = f"{seen['kilobytes']:.0f} kB; fastest {seen['fastest']:.1f} ms; first in a process {seen['first']:.0f} ms"
    return [
        Measure("proof PDF", seen["each"], seen["least"], "ms of processor", note, "≤ 10 ms"),
        Measure(f"memory after {count:,} proofs", seen["after"], seen["before"], "MiB", "floor: after 100", "flat"),
    ]


def main(count: int) -> None:
    """Print what `count` documents cost, as JSON."""
    first = _cost(partial(_proof, 0))
    each, least, before = [], [], 0.0
    with TemporaryDirectory() as folder:
        page = Path(folder, "least.typ")
        page.write_text(LEAST)
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders())
        compiler = typst.Compiler(page, root=folder, font_paths=fonts)
        for number in range(1, count + 1):
            each.append(_cost(partial(_proof, number)))
            least.append(_cost(partial(_least, compiler, number)))
            before = resident() if number == FEW else before
    size = len(_proof(0).content) / 1000
    seen = {"first": first, "each": median(each), "fastest": min(each), "least": median(least), "kilobytes": size}
    print(json.dumps(seen | {"before": before, "after": resident()}))


def _proof(number: int) -> File:
    return proof_file(_facts(number), "ABCD2345")


def _least(compiler: typst.Compiler, number: int) -> object:
    return compiler.compile(format="pdf", pdf_standards=["ua-1"], sys_inputs={"said": f"Page {number}"}, timestamp=0)


def _cost(work: Callable[[], object]) -> float:
    """Return the milliseconds of processor that something takes, in whatever thread."""
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1000


def _facts(number: int) -> ProofFacts:
    """Return an end as most are: by the customer, with a reason, two contents and what the recap showed."""
    until = AT + timedelta(days=12)
    window = {"title": "Espace membres", "until": until.isoformat(), "end": "dated"}
    return ProofFacts(
        reference=f"KXHT-{number:04d}",
        merchant_name="L’École de piano",
        time_zone="Europe/Paris",
        locale="fr",
        customer_name=f"Claire Fontaine {number}",
        product="Cours de piano, formule complète",
        price=Money(Decimal("29.90"), "EUR"),
        interval_unit="MONTH",
        interval_count=1,
        provider_id=f"I-BW452GLL{number:04d}",
        environment="live",
        actor=Actor.CUSTOMER,
        channel=Channel.PORTAL,
        asked_at=AT,
        reason_code="too_expensive",
        reason_text=f"C’est trop cher pour moi en ce moment, {number} fois trop.",
        shown={"next_payment_at": until.isoformat(), "amount": "29.90", "currency": "EUR", "stops": [window]},
        before={"status": "ACTIVE", "read_at": AT.isoformat(), "next_billing_at": until.isoformat()},
        sent_at=AT,
        accepted_at=AT,
        answer={"status": 204, "debug_id": f"f9e3a1b2c{number:04d}"},
        provider_status="CANCELLED",
        outcome=Status.CANCELLED,
        basis=Basis.READ_AFTER_CALL,
        confirmed_at=AT,
        stopped_at=AT,
        last_payment_at=AT - timedelta(days=18),
        paid_until=until,
        access_until=until,
        is_access_unknown=False,
        kept=("Leçon 1",),
        ended_at=until,
        made_at=AT,
        check_url=f"https://abonnements.example.fr/proof/KXHT-{number:04d}",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
