"""Which font has which letter, and words in place of what none has: nothing is printed as an empty box.

Each document names only the fonts that its letters need; the others stay unread on the disk.  A font that is not
there (the extra `cjk` is not installed) makes its letters such as none has.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger(__name__)

FONTS: Final = Path(__file__).resolve().parent / "fonts"
EXTRA: Final = "noto_cjk_sans_otc"  # the package that the extra `cjk` installs
UNSEEN: Final = frozenset("\u00ad\u200b\u200c\u200d\u2060\u2068\u2069")  # no font is needed to draw nothing
FORBIDDEN: Final = frozenset({"Cc", "Co", "Cs", "Cn"})  # what has no meaning, whatever a font makes of it
BYTE_ORDER_MARK: Final = "\ufeff"


class Script(StrEnum):
    """What letters that cannot be printed are, as far as a reader is told."""

    CHINESE = "chinese"
    JAPANESE = "japanese"
    KOREAN = "korean"
    OTHER = "other"
    SYMBOL = "symbol"


@dataclass(frozen=True)
class Face:
    """A family of fonts, and the file that says which letters it has."""

    family: str
    file: Path


BASE: Final = Face("Noto Sans", FONTS / "NotoSans-Regular.ttf")  # Latin, Greek, Cyrillic
SCRIPTS: Final = (
    Face("Noto Naskh Arabic", FONTS / "NotoNaskhArabic-Regular.ttf"),
    Face("Noto Sans Hebrew", FONTS / "NotoSansHebrew-Regular.ttf"),
    Face("Noto Sans Devanagari", FONTS / "NotoSansDevanagari-Regular.ttf"),
    Face("Noto Sans Thai", FONTS / "NotoSansThai-Regular.ttf"),
)
SIGNS: Final = Face("DejaVu Sans", FONTS / "DejaVuSans.ttf")  # Armenian, Georgian, arrows, hearts
CJK: Final = "Noto Sans CJK"  # one file, and a family for each way of drawing what the three have in common


@dataclass(frozen=True)
class Run:
    """A piece of a text: printable as it is where `missing` is None."""

    text: str
    missing: Script | None = None


def folders() -> list[Path]:
    """Return where fonts are: ours, and the extra's where it is installed."""
    return [FONTS, *(face.file.parent for face in faces() if face.family == CJK)]


@cache
def faces() -> tuple[Face, ...]:
    """Return the fonts that are there, in the order in which they are asked."""
    spec = find_spec(EXTRA)
    extra = [Face(CJK, Path(spec.origin).parent / "NotoSansCJK-Regular.ttc")] if spec and spec.origin else []
    there = []
    for face in (BASE, *SCRIPTS, SIGNS, *extra):
        if face.file.is_file():
            there.append(face)
        else:
            log.error("font_missing", family=face.family)
    return tuple(there)


def families_for(texts: Iterable[str]) -> list[str]:
    """Return the families that printable texts need beside the base, in the order in which they are asked."""
    everything = "".join(text for text in texts if not _is_plain(text))
    needed = {face_of(cluster) for cluster in clusters(everything)}
    return [_drawn_as(face, everything) for face in faces() if face in needed and face != BASE]


def runs(text: str, *, only_base: bool = False) -> list[Run]:
    """Return the text in pieces: what can be printed, and what no font has, or not the base alone."""
    if _is_plain(text):
        return [Run(text)]

    def is_printed(cluster: str) -> bool:
        face = face_of(cluster)
        return face is not None and (face == BASE or not only_base)

    found = [("".join(group), printed) for printed, group in groupby(clusters(text), is_printed)]
    return [Run(piece, None if printed else script_of(piece)) for piece, printed in _across_spaces(found)]


def _is_plain(text: str) -> bool:
    """Whether the base has every letter: most texts, which then need not be looked at one by one."""
    return _plain_letters().issuperset(text)


@cache
def _plain_letters() -> frozenset[str]:
    return UNSEEN.union(chr(code) for code, is_there in enumerate(letters_of(BASE)) if is_there)


def _across_spaces(found: Iterable[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Make one of two pieces that are not printed with only a space between them: a name of two words is one name."""
    joined: list[tuple[str, bool]] = []
    for piece, printed in found:
        if not printed and len(joined) > 1 and joined[-1][0].isspace():
            joined[-2:] = [("".join([joined[-2][0], joined[-1][0], piece]), False)]
        else:
            joined.append((piece, printed))
    return joined


def clusters(text: str) -> Iterator[str]:
    """Return each letter with the marks that sit on it: one font has to draw them together.

    Dropped: marks of no shape that no font has, such as those that make a sign a coloured picture.
    """
    held = ""
    for letter in text:
        if _is_dropped(letter):
            continue
        if held and not (unicodedata.category(letter).startswith("M") or letter in "\u200c\u200d"):
            yield held
            held = ""
        held += letter
    if held:
        yield held


def _is_dropped(letter: str) -> bool:
    if letter in UNSEEN:
        return False
    is_selector = "\ufe00" <= letter <= "\ufe0f" or "\U000e0100" <= letter <= "\U000e01ef"
    return (
        is_selector or letter == BYTE_ORDER_MARK or (unicodedata.category(letter) == "Cf" and face_of(letter) is None)
    )


def read() -> None:
    """Read which letters each font has."""
    for face in faces():
        letters_of(face)


@cache
def letters_of(face: Face) -> bytes:
    """Return a byte for each letter up to the last that a font has: 1 where it has it. Read once.

    As sets of numbers the fonts of Chinese, Japanese and Korean held 30 MiB of a process.
    """
    from fontTools.ttLib import TTFont  # see portal/first_use.py

    with TTFont(face.file, lazy=True, fontNumber=0) as font:
        codes = font.getBestCmap().keys()
    there = bytearray(max(codes) + 1)
    for code in codes:
        there[code] = 1
    return bytes(there)


def _has(face: Face, letter: str) -> bool:
    there, code = letters_of(face), ord(letter)
    return code < len(there) and bool(there[code])


@lru_cache(maxsize=4096)
def face_of(cluster: str) -> Face | None:
    """Return the first font that has all of a letter and its marks."""
    if any(unicodedata.category(letter) in FORBIDDEN for letter in cluster):
        return None
    seen = set(cluster) - UNSEEN
    return next((face for face in faces() if all(_has(face, letter) for letter in seen)), None)


def script_of(text: str) -> Script:
    """Return what the letters are: Japanese and Korean names use Chinese characters too, the reverse is not so."""
    names = {unicodedata.name(letter, "").partition(" ")[0] for letter in text}
    if "HANGUL" in names:
        return Script.KOREAN
    if names & {"HIRAGANA", "KATAKANA"}:
        return Script.JAPANESE
    if "CJK" in names:
        return Script.CHINESE
    return Script.OTHER if any(unicodedata.category(letter)[0] in "LN" for letter in text) else Script.SYMBOL


def _drawn_as(face: Face, text: str) -> str:
    """Return the family to ask for: what Chinese and Japanese share is drawn as the rest of the text suggests."""
    if face.family != CJK:
        return face.family
    ways = {Script.KOREAN: "KR", Script.JAPANESE: "JP"}
    return f"{CJK} {ways.get(script_of(text), 'SC')}"
