"""The proof as a PDF: made from its stored facts alone, so that making it again gives the same bytes.

Nothing of the machine gets in: no clock, no random id, no locale, no order of a set.  A new release of
fpdf2, of the fonts or of our own words may give other bytes (docs/decisions/0009-proof.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from portal.documents.facts import ProofFacts
from portal.documents.proofs import spoken, wording
from portal.formatting import Formatter
from portal.i18n import Translator
from portal.mail.facts import ProofWords
from portal.mail.letterhead import FSI, PDI

if TYPE_CHECKING:
    from fpdf import FPDF
    from fpdf.fonts import TTFFont

FONTS: Final = Path(__file__).resolve().parent / "fonts"
MEDIA_TYPE: Final = "application/pdf"
MARGIN: Final = 22  # millimetres
HEIGHT: Final = 5.0  # millimetres of a line of figures
LABEL: Final = 56  # millimetres for the labels of the figures
INK: Final = (29, 27, 38)
MUTED: Final = (94, 90, 112)
ACCENT: Final = (79, 70, 150)
BOX: Final = "□"
LRM: Final = "\u200e"  # an unseen letter of a left-to-right script


@dataclass(frozen=True, kw_only=True)
class File:
    """A file to hand over. Its name says nothing about a person."""

    name: str
    media_type: str
    content: bytes


def proof_file(facts: ProofFacts, code: str) -> File:
    """Return the proof as an A4 document, in the customer's language. Takes some 0.2 s, most of it for the fonts."""
    stem = "preuve" if facts.locale == "fr" else "proof"
    return File(name=f"{stem}-{facts.asked_under}.pdf", media_type=MEDIA_TYPE, content=_draw(facts, code))


def _draw(facts: ProofFacts, code: str) -> bytes:
    words, translator = wording(facts, code=code), Translator(facts.locale)
    _, fmt = translator.gettext, Formatter(facts.locale, facts.time_zone, translator)
    lede = fmt.with_zone(words.lede)
    pdf = _sheet(facts, code)
    pdf.add_page()
    _line(pdf, facts.merchant_name, size=10, color=MUTED)
    pdf.ln(6)
    _line(pdf, words.heading, size=11, bold=True, color=MUTED)
    pdf.ln(1)
    _line(pdf, lede, size=15)
    pdf.ln(1)
    _line(pdf, words.reference, size=11, bold=True)
    pdf.ln(3)
    _rule(pdf)
    for label, value in words.rows:
        _figure(pdf, label, value)
    if lede == words.lede:
        _line(pdf, _("Times: %(zone)s", zone=fmt.zone), size=8, color=MUTED)
    _shown(pdf, words, _("What you were told before confirming"))
    return bytes(pdf.output())


def _sheet(facts: ProofFacts, code: str) -> FPDF:
    """Return an empty document that knows its title, language, author and footer."""
    from fpdf import FPDF  # takes a moment to import: only who makes a proof waits for it

    words = Translator(facts.locale)
    _ = words.gettext
    foot = " – ".join(
        (
            _("Reference: %(reference)s", reference=facts.asked_under),
            _("Verification code: %(code)s", code=spoken(code)),
            facts.check_url,
        )
    )

    class Sheet(FPDF):
        def footer(self) -> None:
            self.set_y(-18)
            self.set_font("DejaVu", size=7.5)
            self.set_text_color(*MUTED)
            page = _("page %(page)s of %(pages)s", page=self.page_no(), pages="{nb}")
            self.multi_cell(0, 4, f"{_printable(self, foot)}\n{page}", align="C")

    sheet = Sheet(format="A4")
    sheet.set_creation_date(facts.made_at.astimezone(UTC).replace(microsecond=0))
    sheet.set_title(_("Proof that a subscription has ended, reference %(reference)s", reference=facts.asked_under))
    sheet.set_lang(facts.locale)
    sheet.set_author(facts.merchant_name.replace(FSI, "").replace(PDI, ""))
    sheet.set_margins(MARGIN, MARGIN, MARGIN)
    sheet.c_margin = 0  # text begins where the rule does
    sheet.set_auto_page_break(True, margin=26)
    sheet.add_font("DejaVu", "", FONTS / "DejaVuSans.ttf")
    sheet.add_font("DejaVu", "B", FONTS / "DejaVuSans-Bold.ttf")
    sheet.set_font("DejaVu", size=10)
    sheet.set_text_shaping(True)  # joins Arabic letters and puts right-to-left names in their order
    return sheet


def _line(pdf: FPDF, text: str, *, size: float, bold: bool = False, color: tuple[int, int, int] = INK) -> None:
    pdf.set_font("DejaVu", "B" if bold else "", size)
    pdf.set_text_color(*color)
    _print(pdf, pdf.epw, size * 0.52, _printable(pdf, text))


def _print(pdf: FPDF, wide: float, height: float, text: str) -> None:
    """Print the text from here to the right, and go to the left margin of the next line.

    Most of it is one line: fpdf2 then need not measure it letter by letter, which costs it more than all the rest.
    """
    if _is_one_line(pdf, wide, text):
        pdf.cell(wide, height, text, align="L", new_x="LMARGIN", new_y="NEXT")
    else:
        pdf.multi_cell(wide, height, text, align="L", new_x="LMARGIN", new_y="NEXT")


def _is_one_line(pdf: FPDF, wide: float, text: str) -> bool:
    return "\n" not in text and pdf.get_string_width(text) <= wide


def _rule(pdf: FPDF) -> None:
    """Draw the double rule under what is settled (docs/design.md)."""
    pdf.set_draw_color(*ACCENT)
    pdf.set_line_width(0.3)
    for _twice in range(2):
        pdf.line(MARGIN, pdf.get_y(), pdf.w - MARGIN, pdf.get_y())
        pdf.ln(0.9)
    pdf.ln(3)


def _figure(pdf: FPDF, label: str, value: str) -> None:
    """Print one label with its value beside it; the two stay together on a page."""
    pdf.set_font("DejaVu", size=9)
    wide = pdf.w - 2 * MARGIN - LABEL
    needed = max(_height(pdf, LABEL - 4, label), _height(pdf, wide, value))
    _keep_together(pdf, min(needed, pdf.eph / 2))
    page, top = pdf.page_no(), pdf.get_y()
    pdf.set_text_color(*MUTED)
    _print(pdf, LABEL - 4, HEIGHT, _printable(pdf, label))
    below = pdf.get_y()
    pdf.set_xy(MARGIN + LABEL, top)
    pdf.set_text_color(*INK)
    _print(pdf, wide, HEIGHT, _printable(pdf, value))
    if pdf.page_no() == page:
        pdf.set_y(max(pdf.get_y(), below))
    pdf.ln(1)


def _height(pdf: FPDF, wide: float, text: str) -> float:
    text = _printable(pdf, text)
    if _is_one_line(pdf, wide, text):
        return HEIGHT
    return cast(float, pdf.multi_cell(wide, HEIGHT, text, align="L", dry_run=True, output="HEIGHT"))


def _shown(pdf: FPDF, words: ProofWords, title: str) -> None:
    if not words.shown:
        return
    _keep_together(pdf, 3 + 3 * HEIGHT)
    pdf.ln(3)
    _line(pdf, title, size=10, bold=True)
    for label, lines in words.shown:
        _keep_together(pdf, 1 + 2 * HEIGHT)
        pdf.ln(1)
        _line(pdf, label, size=9, color=MUTED)
        for line in lines:
            _line(pdf, f"• {line}", size=9)


def _keep_together(pdf: FPDF, height: float) -> None:
    """Begin a new page unless this one still has room: no title stands alone at its foot."""
    if pdf.will_page_break(height):
        pdf.add_page()


def _printable(pdf: FPDF, text: str) -> str:
    """Return the text as fpdf2 shapes it rightly; what the font lacks becomes a box.

    fpdf2 takes the direction of a line from its first letter and knows no isolates.  A name alone is read its own
    way; around a right-to-left name in a sentence of ours, unseen letters keep the sentence from turning round.
    """
    known = cast("TTFFont", pdf.fonts["dejavu"]).cmap
    is_name_alone = text.startswith(FSI) and text.find(PDI) == len(text) - 1
    mark = "" if is_name_alone else LRM
    plain = text.replace(FSI, mark).replace(PDI, mark)
    return "".join(letter if ord(letter) in known else BOX for letter in plain)
