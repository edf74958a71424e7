"""The proof on paper: tagged, inert, the same each time, with every name whole or said in words, and never a box."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import structlog
import typst
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from portal.documents import letters, printing, typesetting
from portal.documents.letters import FONTS, Face
from portal.documents.pdf import proof_file
from portal.documents.proofs import wording
from portal.domain.ends.end_requests import Channel
from portal.domain.ends.received_requests import Way
from portal.domain.policies import Actor
from tests.documents.proof_facts import CODE, facts
from tests.pdf_text import lines_of, pieces, tags_of, words_of

BASE_FONTS = {"NotoSans-Regular", "NotoSans-SemiBold", "NotoSerif-Regular"}
RIGHT_EDGE = (210 - 22) / 25.4 * 72  # points


def made(**changed) -> bytes:
    return proof_file(facts(**changed), CODE).content


def fonts_in(content: bytes) -> set[str]:
    """The fonts that the file carries, without the letters that tell that they are parts."""
    pages = PdfReader(io.BytesIO(content)).pages
    names = {str(font["/BaseFont"]) for page in pages for font in page["/Resources"]["/Font"].values()}
    return {name.partition("+")[2].removesuffix("-Identity-H") for name in names}


@pytest.fixture
def looked_up():
    """Fonts are looked for once a process: here again, before and after."""

    def forget():
        for remembered in (letters.faces, letters.face_of, typesetting._fonts):
            remembered.cache_clear()
        typesetting._shelves.clear()

    forget()
    yield
    forget()


@pytest.fixture
def without_extra(monkeypatch, looked_up):
    monkeypatch.setattr(letters, "find_spec", lambda name: None)


@pytest.mark.parametrize(
    ("locale", "title"),
    [("fr", "Preuve de la fin d’un contrat"), ("en", "Proof that a contract"), ("de", "Nachweis über das Ende")],
)
def test_it_says_to_programs_what_it_is_and_how_it_is_built(locale, title):
    content = made(locale=locale)
    root = PdfReader(io.BytesIO(content)).trailer["/Root"]
    assert root["/Lang"] == locale
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    described = root["/Metadata"].get_data().decode()
    assert re.search(r"<pdfuaid:part>1</pdfuaid:part>", described)
    assert title in described
    tags = tags_of(content)
    assert [tag for tag in tags if tag.startswith("/H")] == ["/H1", "/H2", "/H2", "/H3", "/H2"]
    assert tags.count("/Lbl") == tags.count("/LBody") > 12  # each label belongs to what stands beside it
    assert tags.count("/Link") == 1


def test_five_lines_for_people_come_before_the_details_and_nothing_is_said_twice():
    content = made()
    assert len(PdfReader(io.BytesIO(content)).pages) == 1
    lines = lines_of(content)
    first, technical = lines.index("Your cancellation is confirmed"), lines.index("Technical details")
    assert any(line.startswith("Your access") for line in lines[first:technical])
    assert len([line for line in lines if line.startswith("Confirmed by PayPal on")]) == 1
    assert lines[-2:] == [
        "Reference: KXHT-7M4P – Verification code: ABCD-2345page 1 of 1",
        "https://portal.test/proof/KXHT-7M4P",
    ]


@pytest.mark.law("R-GD-5")
@pytest.mark.parametrize(("channel", "is_told"), [(Channel.PORTAL, True), (Channel.PUBLIC_PAGE, False)])
def test_it_says_what_was_told_before_only_where_something_was(channel, is_told):
    """No public form tells of effects before it is sent: a proof that says so would be untrue."""
    lines = lines_of(made(channel=channel))
    assert ("What you were told before confirming" in lines, any("Lessons" in line for line in lines)) == (
        is_told,
        is_told,
    )


def test_what_people_write_is_never_read_as_markup():
    written = '#strong[x] $x^2$ *a* _b_ <label> @ref // "q" \\ #import "x" `c` = h - l + m / t: ~ --- ...'
    content = made(customer_name=written, reason_text=written, product=written, merchant_name=written)
    assert words_of(content).count("".join(written.split())) == 6
    assert fonts_in(content) == BASE_FONTS


@pytest.mark.parametrize("letter", ["W", "é", "ب", "क"])
def test_a_word_of_four_hundred_letters_stays_on_the_paper_and_is_whole(letter):
    content = made(reason_text=letter * 400, kept=(letter * 400,))
    assert words_of(content).count(letter) >= 1200
    for piece in pieces(content):
        width = len(piece.drawn) * 2  # points: no letter here is narrower
        assert piece.x + width < RIGHT_EDGE, piece


@pytest.mark.parametrize(
    ("name", "font"),
    [
        ("Ελένη Παπαδοπούλου", None),
        ("Пётр Чайковский", None),
        ("Nguyễn Thị Ánh", None),
        ("محمد", "NotoNaskhArabic-Regular"),
        ("שרה", "NotoSansHebrew-Regular"),
        ("प्रिया शर्मा", "NotoSansDevanagari-Regular"),
        ("สมชาย ใจดี", "NotoSansThai-Regular"),
        ("Նարեկ ♥", "DejaVuSans"),
        ("李小龙", "NotoSansCJKsc-Regular"),
        ("のび太", "NotoSansCJKjp-Regular"),
        ("홍길동", "NotoSansCJKkr-Regular"),
    ],
)
def test_a_name_is_printed_as_it_is_written_and_its_font_comes_only_then(name, font):
    content = made(customer_name=name)
    assert words_of(content).count("".join(name.split())) == 2
    assert fonts_in(content) == BASE_FONTS | ({font} if font else set())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("李 小龙 (Bruce Lee)", "[nom en caractères chinois\u00a0: voir la page] (Bruce Lee)"),
        ("野比のび太", "[nom en caractères japonais\u00a0: voir la page]"),
        ("홍길동", "[nom en caractères coréens\u00a0: voir la page]"),
        ("প্রিয়া", "[nom en d’autres caractères\u00a0: voir la page]"),
        ("Marie 👩‍🚀❤️💕", "Marie [symbole]"),
    ],
)
def test_without_the_fonts_a_name_is_said_in_words(name, said, without_extra):
    content = made(customer_name=name, reason_text=name, locale="fr")
    words = words_of(content)
    if "❤" in name:  # a sign that a font here has is printed, in black
        said = "Marie [symbole]❤[symbole]"
    assert words.count("".join(said.split())) >= 2
    assert "".join(said.replace("[nom", "[mots").split()) in words
    assert not {"□", "\ufffd", "\0"} & set(words)


def test_a_long_comment_in_letters_that_are_not_there_is_said_once(without_extra):
    content = made(reason_text="我不再需要这个订阅了。 " * 400)
    assert words_of(content).count("[wordsinChinesecharacters:seethepage]") == 1


def test_a_font_that_is_missing_is_logged_and_its_letters_are_said_in_words(monkeypatch, looked_up):
    gone = Face("Noto Sans Hebrew", FONTS / "gone.ttf")
    monkeypatch.setattr(letters, "SCRIPTS", (gone,))
    monkeypatch.setattr(letters, "SIGNS", Face("DejaVu Sans", FONTS / "gone as well.ttf"))
    with structlog.testing.capture_logs() as lines:
        assert "[nameinothercharacters:seethepage]" in words_of(made(customer_name="שרה"))
    assert [(line["event"], line["family"]) for line in lines] == [
        ("font_missing", "Noto Sans Hebrew"),
        ("font_missing", "DejaVu Sans"),
    ]


def test_what_typst_refuses_is_set_in_words_and_the_log_names_nobody(monkeypatch):
    asked = []

    def refuse_once(template, said, *, at):
        asked.append(said)
        if len(asked) == 1:
            raise typesetting.NotSet("PDF/UA-1 error: the text `محمد` could not be displayed")
        return typesetting.typeset(template, said, at=at)

    monkeypatch.setattr(printing, "typeset", refuse_once)
    with structlog.testing.capture_logs() as lines:
        content = made(customer_name="محمد", reason_text="Пётр")
    assert "[nameinothercharacters:seethepage]" in words_of(content)
    assert "Пётр" in words_of(content)
    assert fonts_in(content) == BASE_FONTS
    ((event, error),) = [(line["event"], line["error"]) for line in lines]
    assert (event, error.strip()) == ("document_set_plainly", "PDF/UA-1 error: the text")


def test_what_the_typesetter_cannot_do_is_one_error_of_ours():
    with pytest.raises(typesetting.NotSet):
        typesetting.typeset("proof.typ", {}, at=datetime(2026, 3, 5, tzinfo=UTC))  # nothing of what the template asks


def test_names_from_right_to_left_leave_the_line_around_them_in_its_order():
    lines = lines_of(made(customer_name="محمد علي", kept=("שרה", "Lesson 1", "بيانو 12")))
    assert "Your nameيلع دمحم" in lines  # as it lies on the paper
    assert "Requested byيلع دمحم (Customer account page)" in lines
    assert "December 2026. You keep for good: הרש, Lesson 1, 12 ونايب." in lines


def test_threads_make_the_same_bytes_as_one_another():
    names = ["Claire", "محمد", "שרה", "Пётр"] * 3
    alone = [made(customer_name=name) for name in names]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda name: made(customer_name=name), names)) == alone


def test_threads_lend_each_other_few_typesetters_and_give_them_back_whatever_happens(looked_up, monkeypatch):
    begun = []
    compiler = typst.Compiler
    monkeypatch.setattr(
        typst, "Compiler", lambda *given, **more: begun.append(given[0].name) or compiler(*given, **more)
    )

    def one(number):
        if number % 3:
            made()
        else:
            with pytest.raises(typesetting.NotSet):
                typesetting.typeset("proof.typ", {}, at=datetime(2026, 3, 5, tzinfo=UTC))

    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(one, range(40)))) == 40
    assert 1 <= begun.count("proof.typ") <= 2


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60), st.text(st.characters(min_codepoint=0x300), max_size=60))
def test_no_text_keeps_a_proof_from_being_made(name, comment):
    content = made(customer_name=name, reason_text=comment, merchant_name=comment, kept=(name,))
    assert content.startswith(b"%PDF-")


def test_the_three_fonts_of_every_document_have_the_same_letters():
    have = [set(TTFont(FONTS / f"{name}.ttf").getBestCmap()) for name in sorted(BASE_FONTS)]
    assert have[0] == have[1] == have[2]
    assert len(have[0]) > 1500


@pytest.mark.parametrize(
    ("acted", "said"),
    [
        ({"actor": Actor.CUSTOMER}, "Friday 27 November 2026 at 12:00"),
        ({"actor": Actor.STAFF, "notified_way": Way.PUBLIC_FORM}, "Friday 27 November 2026 at 12:00"),
        ({"actor": Actor.STAFF}, "Friday 27 November 2026"),
        ({"actor": Actor.STAFF, "notified_way": Way.LETTER}, "Friday 27 November 2026"),
    ],
)
def test_a_proof_makes_up_no_hour_of_a_withdrawal(acted, said):
    at = datetime(2026, 11, 27, 11, tzinfo=UTC)
    lines = dict(wording(facts(withdrawn_at=at, **acted)).lines)
    assert lines["Withdrawn from the contract on"].removesuffix(" (Paris time)") == said
