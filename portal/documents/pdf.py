"""The proof as a PDF: made from its stored facts alone, so that making it again gives the same bytes.

Another release of Typst, other fonts or other words of ours may give other bytes: each file that leaves is recorded
(docs/decisions/0009-proof.md).
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any, Final

from portal.documents.facts import ProofFacts
from portal.documents.printing import File, Legible, paper, printable
from portal.documents.proofs import spoken, wording
from portal.documents.words import NOT_PRINTED_NAME
from portal.formatting import Formatter
from portal.i18n import Translator
from portal.mail.letterhead import FSI, PDI

STEMS: Final = {"fr": "preuve", "en": "proof", "de": "nachweis"}


def proof_file(facts: ProofFacts, code: str) -> File:
    """Return the proof as an A4 document, in the customer's language."""
    name = f"{STEMS[facts.locale]}-{facts.asked_under}.pdf"
    return paper(name, "proof.typ", partial(_said, facts, code), locale=facts.locale, at=facts.made_at)


def _said(facts: ProofFacts, code: str, legible: Legible) -> dict[str, Any]:
    customer, merchant = (legible(name, NOT_PRINTED_NAME) for name in (facts.customer_name, facts.merchant_name))
    facts = dataclasses.replace(facts, customer_name=customer, merchant_name=merchant)
    address = legible(facts.check_url)  # to be copied: nothing unseen in it
    return printable(_printed(facts, code), legible) | _named(facts) | {"check-address": address}


def _printed(facts: ProofFacts, code: str) -> dict[str, Any]:
    """Return what stands on the paper: for people first, then every detail that these lines do not hold."""
    translator = Translator(facts.locale)
    _, fmt, words = translator.gettext, Formatter(facts.locale, facts.time_zone, translator), wording(facts, code=code)
    lede, spoken_code = fmt.with_zone(words.lede), _("Verification code: %(code)s", code=spoken(code))
    return {
        "merchant": facts.merchant_name,
        "heading": words.heading,
        "lede": lede,
        "lines": words.lines,
        "details-heading": _("Technical details"),
        "details": [row for row in words.rows if row not in words.lines],
        "zone": _("Times: %(zone)s", zone=fmt.zone) if lede == words.lede else "",
        "shown-heading": _("What you were told before confirming"),
        "shown": words.shown,
        "check-heading": _("To check this proof"),
        "check-advice": _(
            "Whoever holds this proof can check it at this address, with the code %(code)s:", code=spoken(code)
        ),
        "foot": f"{words.reference.removesuffix('.')} – {spoken_code}",
        "page": _("page %(page)s of %(pages)s", page="{page}", pages="{pages}"),
    }


def _named(facts: ProofFacts) -> dict[str, Any]:
    """Return what programs read in the file, and do not print."""
    reference = facts.asked_under
    return {
        "title": Translator(facts.locale).gettext(
            "Proof that a contract has ended, reference %(reference)s", reference=reference
        ),
        "author": facts.merchant_name.replace(FSI, "").replace(PDI, ""),
        "language": facts.locale,
        "check-url": facts.check_url,
    }
