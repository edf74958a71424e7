"""What a merchant writes around the facts of a mail: a subject, an opening and a closing, in plain text.

The only thing in them that is not read as it stands is a name in braces, of a closed list for each mail.  It is read
once: a name that stands in a filled-in value is text.  There are no conditions, no markup and no calls.  An https
address of the merchant's own site is a link, no other address is taken: a mail in the merchant's name that leads
elsewhere is what a thief of one staff account would write (docs/decisions/0053).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

import idna

from portal.domain.merchants.notices import Name, Notice
from portal.domain.unseen import as_seen, is_seen

LONGEST_SUBJECT: Final = 150
LONGEST_TEXT: Final = 2000
BRACES: Final = re.compile(r"\{([^{}\n]*)\}|[{}]")
CODE: Final = re.compile(r"\{\{|\{%|\{#|\$\{|<%")  # of template languages: none is spoken here
TAG: Final = re.compile(r"<[a-zA-Z/!?][^<>\n]{0,40}>?")
ADDRESS: Final = re.compile(
    r"[a-z][a-z0-9+.-]*://[^\s<>{}]*|\bwww\.[^\s<>{}]+|\b(?:[\w-]+\.)+[a-z]{2,}/[^\s<>{}]*", re.IGNORECASE
)
SAFE: Final = re.compile(r"https://[\w.-]+(/[^\s<>\"'\\^`{|}]*|[?#][^\s<>\"'\\^`{|}]*)?")
AFTER_ADDRESS: Final = ".,;:!?…)]»”’'\""  # what ends a sentence, not an address
# What only PayPal's word makes true (cancellation.md, deciding test 17), in the languages of the mails.
AFFIRMATIVE: Final = re.compile(
    r"\b(résilié\w*|annulé\w*|terminé\w*|cancell?ed|terminated|gekündigt|storniert|beendet)\b", re.IGNORECASE
)


class Part(StrEnum):
    """A piece of a mail that the merchant writes."""

    SUBJECT = "subject"
    OPENING = "opening"
    CLOSING = "closing"


class Flaw(StrEnum):
    """What is wrong with a text."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    CODE = "code"
    BRACE = "brace"  # one without its other half, or with no name in it
    UNKNOWN = "unknown"  # a name that this part of this mail does not have
    MISSING = "missing"  # a name that the subject needs
    TAG = "tag"
    ADDRESS = "address"  # that is not one of the merchant's own
    AFFIRMS = "affirms"  # calls something ended before PayPal does


@dataclass(frozen=True)
class Problem:
    """A flaw, what it was found in, and what could stand there instead."""

    flaw: Flaw
    found: str = ""
    offered: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Text:
    """What the merchant writes of one mail in one language."""

    subject: str
    opening: str
    closing: str

    def as_dict(self) -> dict[str, str]:
        """Return the three by their names."""
        return asdict(self)


PORTALS: Final = Text(subject="{fact}", opening="{hello}", closing="")  # nothing of the merchant's own


@dataclass(frozen=True)
class Piece:
    """A run of a line; `url` is empty, or where it leads."""

    text: str
    url: str = ""


Line = tuple[Piece, ...]
Paragraph = tuple[Line, ...]


def problems(part: Part, text: str, notice: Notice, hosts: Collection[str]) -> list[Problem]:
    """Return all that is wrong with a part of a mail; nothing where it may be saved. `hosts`: of `hosts_of`."""
    if not is_seen(text):
        return [Problem(Flaw.EMPTY)] if part is not Part.CLOSING else []
    if len(text) > (LONGEST_SUBJECT if part is Part.SUBJECT else LONGEST_TEXT):
        return [Problem(Flaw.TOO_LONG)]
    if found := CODE.search(text):
        return [Problem(Flaw.CODE, text[found.start() : found.start() + 30].split("\n")[0], _offered(part, notice))]
    seen = as_seen(text)
    return [*_of_names(part, text, notice), *_of_words(seen, notice), *_of_addresses(seen, hosts)]


def _offered(part: Part, notice: Notice) -> tuple[Name, ...]:
    return notice.in_subject if part is Part.SUBJECT else notice.in_text


def _of_names(part: Part, text: str, notice: Notice) -> Iterator[Problem]:
    offered, used = _offered(part, notice), {(found[1] or "").strip() for found in BRACES.finditer(text)}
    if "" in used:
        yield Problem(Flaw.BRACE, "{}", offered)
    yield from (Problem(Flaw.UNKNOWN, name, offered) for name in sorted(used - {"", *offered}))
    if part is Part.SUBJECT and Name.FACT not in used and used <= {*offered}:
        needed = (Name.FACT,) if notice.is_spoken else notice.names
        yield from (Problem(Flaw.MISSING, name, offered) for name in needed if name not in used)


def _of_words(text: str, notice: Notice) -> Iterator[Problem]:
    if found := TAG.search(text):
        yield Problem(Flaw.TAG, found[0])
    if not notice.is_after and (said := affirmed(text)):
        yield Problem(Flaw.AFFIRMS, said)


def affirmed(text: str) -> str:
    """Return the word that calls something ended; empty: there is none."""
    said = AFFIRMATIVE.search(as_seen(text))
    return said[0] if said is not None else ""


def _of_addresses(text: str, hosts: Collection[str]) -> Iterator[Problem]:
    for found in ADDRESS.finditer(text):
        if not is_own(found[0].rstrip(AFTER_ADDRESS), hosts):
            yield Problem(Flaw.ADDRESS, found[0][:80])


def hosts_of(addresses: Collection[str]) -> frozenset[str]:
    """Return the hosts of the merchant's own pages, as they are compared; what is no https address has none."""
    return frozenset(host.removeprefix("www.") for host in map(_host, addresses) if host)


def is_own(address: str, hosts: Collection[str]) -> bool:
    """Say whether an address leads to one of the hosts, or below one, and nowhere else however it is read."""
    host = _host(address)
    return host != "" and any(host == own or host.endswith(f".{own}") for own in hosts)


def _host(address: str) -> str:
    """Return the host of a plain https address, as name servers know it; "" of all else, as with a user or a port."""
    if SAFE.fullmatch(address) is None:
        return ""
    try:
        return idna.encode((urlsplit(address).hostname or ""), uts46=True).decode()
    except (idna.IDNAError, ValueError):
        return ""


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its names filled in, once; a name without a value stays, so that it is seen."""
    return BRACES.sub(lambda found: values.get((found[1] or "").strip(), found[0]), text)


def paragraphs(text: str, values: Mapping[str, str], hosts: Collection[str]) -> tuple[Paragraph, ...]:
    """Return a text in paragraphs, which an empty line parts, of lines of pieces. A filled-in value never is a link."""
    blocks = (block.strip("\n") for block in re.split(r"\n[ \t]*\n", text))
    return tuple(
        tuple(tuple(_pieces(line.strip(), values, hosts)) for line in block.split("\n")) for block in blocks if block
    )


def _pieces(line: str, values: Mapping[str, str], hosts: Collection[str]) -> Iterator[Piece]:
    place = 0
    for found in ADDRESS.finditer(line):
        address = found[0].rstrip(AFTER_ADDRESS)
        if not is_own(address, hosts):
            continue  # the merchant's site has moved since: it is said, and leads nowhere
        if found.start() > place:
            yield Piece(filled(line[place : found.start()], values))
        yield Piece(address, address)
        place = found.start() + len(address)
    if place < len(line):
        yield Piece(filled(line[place:], values))


def as_it_was(now: Text, changes: Sequence[Mapping[str, Sequence[Any]]]) -> Text:
    """Return the text before these saves, newest first, were made: each says of a part what it was and became."""
    parts = now.as_dict()
    for change in changes:
        parts |= {name: str(before) for name, (before, _after) in change.items() if name in parts}
    return Text(**parts)


PARTS: Final = tuple(one.name for one in fields(Text))
