"""Renders a message in both formats from one body, so that text and HTML say the same and link the same.

`templates/mail/<kind>/body.jinja` is written with the macros of `parts`; it is rendered twice, with
`parts.txt` and with `parts.html`.  Nothing here sends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from portal.i18n import Translator
from portal.mail.letterhead import Letterhead, one_line, short
from portal.mail.own_words import worded

TEMPLATES: Final = Path(__file__).resolve().parents[2] / "templates"
TEAM: Final = ("merchant_", "staff_")  # how the kinds begin that go to the merchant's own people
AUTOPAY_URL: Final = "https://www.paypal.com/myaccount/autopay/"  # PayPal's automatic payments page


@dataclass(frozen=True, kw_only=True)
class Composed:
    """A message ready for the outbox. `kind` is the name of its template folder.

    A `subject` that holds a secret is sealed with the text; the database and the desk then show `shown_subject`.
    `language`: of its words, where they were composed.
    """

    kind: str
    subject: str
    text: str
    html: str
    language: str = ""
    shown_subject: str = ""


@dataclass(frozen=True, kw_only=True)
class WrittenLater:
    """A message that waits, and whose words are of what is true when it leaves, in its `language`: "", its reader's."""

    kind: str
    language: str = ""


def sender_name(kind: str, merchant_name: str) -> str:
    """Return whom the reader sees as the sender: a customer their merchant, the merchant's people the portal ("")."""
    return "" if kind.startswith(TEAM) else short(one_line(merchant_name))


@cache
def environment(locale: str, *, html: bool) -> Environment:
    """Return the templates in one language and one format; an unknown name is an error, never a blank."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=html,  # noqa: S701 - HTML always is escaped; plain text must not be
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    words = Translator(locale)
    # The extension wants the bare callables: it fills the placeholders itself, escaped in HTML.
    made.install_gettext_callables(  # type: ignore[attr-defined]
        words.gettext, words.plain_ngettext, newstyle=True
    )
    made.filters["short"] = short
    # Only our own words are put in: what was escaped stays what it was.
    made.filters["with_zone"] = lambda said, fmt: type(said)(fmt.with_zone(said))
    made.globals.update(parts="mail/parts.html" if html else "mail/parts.txt", autopay_url=AUTOPAY_URL)
    return made


def compose(kind: str, head: Letterhead, **facts: object) -> Composed:
    """Render the message `kind` with its facts, in the letterhead's language; its heading is the subject, or else.

    The merchant's own words stand around the facts, and the heading stays the portal's (`own_words`).
    """
    formatter, to_team = head.formatter, kind.startswith(TEAM)
    head = replace(head, accent="") if to_team else head  # the desk is the portal's: docs/design.md, Two owners
    context = {"head": head, "fmt": formatter, "kind": kind, "to_team": to_team, **facts}
    plain = environment(formatter.locale, html=False)
    rich = environment(formatter.locale, html=True)
    subject = re.sub(r"[ \t\r\n]+", " ", plain.get_template(f"mail/{kind}/subject.txt").render(context)).strip()
    context.setdefault("heading", subject)
    own = worded(kind, head, facts, fact=subject)
    context |= {"opening": own and own.opening, "closing": own.closing if own else ()}
    return Composed(
        kind=kind,
        subject=own.subject if own else subject,
        text=_tidy(plain.get_template("mail/layout.txt").render(context)),
        html=rich.get_template("mail/layout.html").render(context),
        language=formatter.locale,
    )


def _tidy(text: str) -> str:
    """Strip the ends of lines and leave at most one empty line between paragraphs."""
    lines = "\n".join(line.strip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"
