"""Every kind of PDF keeps PDF/UA-1, rule by rule, and what the rules leave to people but a program can tell."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator

import page as pdf_ua
import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import BooleanObject, DictionaryObject, NameObject

from portal.documents.declarations import declaration_file
from portal.documents.pdf import proof_file
from portal.services.pictures import cleaned
from tests.documents.declaration_facts import declared
from tests.documents.proof_facts import CODE
from tests.documents.proof_facts import facts as proof_facts
from tests.documents.test_receipts import BACK, euros, facts, paper, statement
from tests.pdf_text import pieces, tags_of
from tests.services.made_pictures import png

ROW = ("1 Mar 2026", "Piano", "€29.90", "Paid", "5TY05013RG002845M")
KINDS: dict[str, Callable[[str], bytes]] = {
    "proof": lambda locale: proof_file(proof_facts(locale=locale), CODE).content,
    "declaration": lambda locale: (
        declaration_file(
            declared(language=locale), merchant_name="L’École", locale=locale, time_zone="Europe/Paris"
        ).content
    ),
    "receipt": lambda locale: paper(facts(returned=(BACK,), left=euros("19.90")), locale=locale, logo=cleaned(png())),
    "statement": lambda locale: paper(statement(rows=(ROW,) * 45), locale=locale, logo=cleaned(png())),
}
DECLARED = ("proof", "declaration")  # these may be German (docs/decisions/0041)
CASES = [(kind, locale) for kind in KINDS for locale in ("fr", "en", "de") if locale != "de" or kind in DECLARED]


def complaints(content: bytes) -> list[str]:
    """What a validator says of a file by the 104 rules of ISO 14289-1 that a program can tell."""
    report = pdf_ua.validate_pdf_bytes(content, profile=pdf_ua.ValidationProfile.PDF_UA_1)
    assert report.rules.total > 100
    return [f"{one.rule_id} {one.message}" for one in report.failures]


def elements(content: bytes | PdfWriter, tag: str) -> Iterator[DictionaryObject]:
    """The elements of a file's structure that have a tag."""
    document = content if isinstance(content, PdfWriter) else PdfWriter(clone_from=PdfReader(io.BytesIO(content)))
    for one in document._objects:
        if isinstance(one, DictionaryObject) and one.get("/S") == tag and "/P" in one:
            yield one


def unsaid(content: bytes) -> list[str]:
    """What no rule of the format asks for, and a reader who hears a document needs."""
    wrong = [f"a heading {tag}" for tag in tags_of(content) if tag == "/H1"][1:]
    wrong += ["no heading"] * ("/H1" not in tags_of(content))
    columns = [one.get("/A", {}) for one in elements(content, "/TH")]
    wrong += ["a table without names of columns"] * ("/Table" in tags_of(content) and not columns)
    wrong += ["a column's name of no column" for one in columns if "/Column" not in str(one)]
    wrong += ["a picture of nobody" for one in elements(content, "/Figure") if "L’École" not in one.get("/Alt", "")]
    return wrong


@pytest.mark.law("R-AC-10")
@pytest.mark.parametrize(("kind", "locale"), CASES)
def test_it_keeps_pdf_ua(kind: str, locale: str) -> None:
    content = KINDS[kind](locale)
    assert complaints(content) == []
    assert unsaid(content) == []


def test_what_the_foot_of_a_proof_says_is_in_what_is_read_out() -> None:
    """The foot is no content to a reader that speaks: whatever of it matters stands in the page as well."""
    body = "".join("".join(piece.read for piece in pieces(KINDS["proof"]("en"))).split())
    for said in ("KXHT-7M4P", "ABCD-2345"):
        assert body.count(said) >= 2


def broken(content: bytes, break_it: Callable[[PdfWriter], object]) -> bytes:
    writer, out = PdfWriter(clone_from=PdfReader(io.BytesIO(content))), io.BytesIO()
    break_it(writer)
    writer.write(out)
    return out.getvalue()


def without(name: str, *, of: str) -> Callable[[PdfWriter], object]:
    """Take an entry from every dictionary of a type, or of a tag."""

    def take(writer: PdfWriter) -> None:
        taken = [
            one.pop(name)
            for one in writer._objects
            if isinstance(one, DictionaryObject)
            and of in (one.get("/Type"), one.get("/Subtype"), one.get("/S"))
            and name in one
        ]
        assert taken

    return take


def retag(tag: str, other: str) -> Callable[[PdfWriter], object]:
    def change(writer: PdfWriter) -> None:
        found = list(elements(writer, tag))
        assert found
        for one in found:
            one[NameObject("/S")] = NameObject(other)

    return change


def suspected(writer: PdfWriter) -> None:
    writer._root_object["/MarkInfo"][NameObject("/Suspects")] = BooleanObject(True)


RULES = [
    ("proof", without("/Lang", of="/Catalog"), "LANGUAGE"),
    ("proof", without("/StructTreeRoot", of="/Catalog"), "STRUCT-TREE-ROOT"),
    ("proof", without("/MarkInfo", of="/Catalog"), "TAGGED-DOCUMENT"),
    ("proof", suspected, "SUSPECTS"),
    ("proof", without("/ViewerPreferences", of="/Catalog"), "VIEWER-PREFERENCES"),
    ("proof", without("/Metadata", of="/Catalog"), "ID-PART"),
    ("proof", without("/ToUnicode", of="/Font"), "FONT-UNICODE-MAPPING"),
    ("proof", without("/FontFile2", of="/FontDescriptor"), "FONT-EMBEDDING"),
    ("proof", without("/Contents", of="/Link"), "LINK-CONTENTS"),
    ("proof", without("/StructParent", of="/Link"), "LINK-LINK-TAG"),
    ("proof", without("/Tabs", of="/Page"), "PAGE-TABS"),
    ("proof", retag("/H2", "/H4"), "HEADING-NESTING"),
    ("proof", retag("/LBody", "/P"), "LI-KIDS"),
    ("proof", retag("/P", "/Odd"), "ROLE-MAP"),
    ("receipt", without("/Alt", of="/Figure"), "FIGURE-ALTERNATIVE-TEXT"),
]


@pytest.mark.parametrize(("kind", "fault", "rule"), RULES, ids=[rule for _kind, _fault, rule in RULES])
def test_the_validator_finds_a_planted_fault(kind: str, fault: Callable[[PdfWriter], object], rule: str) -> None:
    found = complaints(broken(KINDS[kind]("fr"), fault))
    assert any(re.match(rf"PDFUA1-.*{rule}", one) for one in found), found


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (retag("/TH", "/TD"), "a table without names of columns"),
        (without("/A", of="/TH"), "a column's name of no column"),
        (without("/Alt", of="/Figure"), "a picture of nobody"),
        (retag("/H1", "/P"), "no heading"),
        (retag("/P", "/H1"), "a heading /H1"),
    ],
)
def test_so_do_we(fault: Callable[[PdfWriter], object], said: str) -> None:
    assert said in unsaid(broken(KINDS["statement"]("fr"), fault))
