"""Does mail of a domain arrive: what its zone says of SPF, DKIM and DMARC, and what its owner has to add.

Pure: the TXT records come from outside.  RFC 7208 (SPF), RFC 6376 and 8301 (DKIM), RFC 7489 (DMARC).  What mail servers
make of it is theirs; a zone without these records is refused or sorted out by the large ones.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Final

from portal.domain.installation import Finding, left, mend, ok

Texts = Callable[[str], list[str]]  # the TXT records of a name

SPF, DKIM, DMARC = "SPF", "DKIM", "DMARC"
MOST_LOOKUPS: Final = 10  # RFC 7208, 4.6.4: from the eleventh on a receiver takes the record for broken
LOOKED_UP: Final = ("include", "a", "mx", "ptr", "exists", "redirect")
LEAST_KEY: Final = 200  # bytes of a public key in DER: of RSA with 1,024 bits it is 162, with 2,048 bits 294


def look(texts: Texts, *, sender: str, envelope: str, selector: str) -> list[Finding]:
    """Judge the domain that readers see (`sender`) and the one that bounces go to (`envelope`).

    `selector` names the DKIM key of the server that signs; without it there is nothing to look at.
    """
    return [
        spf(envelope, texts(envelope)),
        dkim(sender, selector, texts(f"{selector}._domainkey.{sender}") if selector else []),
        dmarc(sender, {name: texts(name) for name in _policies(sender)}, envelope=envelope),
    ]


def spf(domain: str, records: list[str]) -> Finding:
    """Judge who may send in a domain's name."""
    found = [text for text in records if text.lower().split(" ")[0] == "v=spf1"]
    if not found:
        return mend(
            SPF,
            f"{domain} says of no server that it may send its mail.",
            f"Add a TXT record to {domain}: “v=spf1 include:… -all”, as your mail provider gives it.",
        )
    if len(found) > 1:
        return mend(
            SPF, f"{domain} has {len(found)} SPF records: none of them counts.", "Make one of them, in one text."
        )
    terms = found[0].lower().split()[1:]
    if any(term in ("all", "+all", "?all") for term in terms) or not _ends(terms):
        return mend(SPF, f"The record of {domain} lets everybody send in its name.", "End it with “-all” or “~all”.")
    if all(term.lstrip("-~").endswith("all") for term in terms):
        return mend(SPF, f"The record of {domain} lets nobody send.", "Name the server of SMTP_URL in it.")
    lookups = sum(term.lstrip("+-~?").split(":")[0].split("/")[0].split("=")[0] in LOOKED_UP for term in terms)
    if lookups > MOST_LOOKUPS:
        said = f"The record of {domain} needs {lookups} lookups, ten are allowed."
        return mend(SPF, said, "Take out what is not used.")
    return ok(SPF, f"{domain} names who may send: see that the server of SMTP_URL is among them.")


def _ends(terms: list[str]) -> bool:
    return bool(terms) and (terms[-1] in ("-all", "~all") or any(term.startswith("redirect=") for term in terms))


def dkim(domain: str, selector: str, records: list[str]) -> Finding:
    """Judge the key by which receivers know that a message was not changed."""
    if not selector:
        return left(
            DKIM,
            "No selector was given.",
            "Give the one of the server that signs (--dkim-selector; your mail provider names it).",
        )
    name = f"{selector}._domainkey.{domain}"
    keys = [_tags(text) for text in records if "p=" in text]
    if not keys:
        return mend(DKIM, f"There is no key at {name}.", "Add the TXT (or CNAME) record that your mail provider gives.")
    public = keys[0].get("p", "")
    if not public:
        return mend(DKIM, f"The key at {name} was taken back.", "Use the selector of the key that signs now.")
    try:
        length = len(base64.b64decode("".join(public.split()), validate=True))
    except (binascii.Error, ValueError):
        return mend(DKIM, f"The key at {name} cannot be read.", "Copy the record once more: a part of it is missing.")
    if keys[0].get("k", "rsa") == "rsa" and length < LEAST_KEY:
        return mend(DKIM, f"The key at {name} is short.", "Have a key of 2,048 bits made.")
    return ok(DKIM, f"There is a key at {name}.")


def dmarc(domain: str, records: Mapping[str, list[str]], *, envelope: str) -> Finding:
    """Judge what receivers are asked to do with mail that neither SPF nor DKIM vouches for.

    `records` are those of the names that may hold the policy, the closest first.
    """
    for name, texts in records.items():
        found = [_tags(text) for text in texts if text.replace(" ", "").lower().startswith("v=dmarc1")]
        if len(found) > 1:
            return mend(DMARC, f"{name} has {len(found)} policies: none of them counts.", "Keep one of them.")
        if found:
            return _policy(name, found[0], domain, envelope)
    return mend(
        DMARC,
        f"{domain} has no policy: some receivers refuse its mail for that alone.",
        f"Add a TXT record to _dmarc.{domain}: “v=DMARC1; p=none; rua=mailto:you@{domain}”, and read what is reported.",
    )


def _policy(name: str, tags: Mapping[str, str], domain: str, envelope: str) -> Finding:
    wanted = tags.get("p", "").lower()
    if wanted not in ("none", "quarantine", "reject"):
        return mend(DMARC, f"The policy at {name} says no p=.", "Let it be none, quarantine or reject.")
    if not _share(domain, envelope, strict=tags.get("aspf", "r").lower() == "s"):
        return mend(
            DMARC,
            f"Bounces go to {envelope}, which is not of {domain}: SPF does not vouch for the sender.",
            f"Let MAIL_BOUNCE_ADDRESS be of {domain}, or be sure that DKIM signs as {domain}.",
        )
    return ok(DMARC, f"The policy at {name} is p={wanted}.")


def _policies(domain: str) -> list[str]:
    """Return the names that may hold a domain's policy: its own, then those above, as long as they have two labels."""
    labels = domain.split(".")
    return [f"_dmarc.{'.'.join(labels[start:])}" for start in range(max(1, len(labels) - 1))]


def _share(one: str, other: str, *, strict: bool) -> bool:
    """Say whether two domains are one's own for DMARC; without the list of public suffixes, by one being above."""
    above = one.endswith(f".{other}") or other.endswith(f".{one}")
    siblings = one.split(".")[-2:] == other.split(".")[-2:] and len(one.split(".")) > 2 and len(other.split(".")) > 2
    return one == other or (not strict and (above or siblings))


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, sign, value in pairs if sign}
