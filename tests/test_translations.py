"""Every sentence has its French, those of the public declarations their German too; each in its own typography."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages import Catalog, pofile

ROOT = Path(__file__).resolve().parents[1]
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|%%|\{(\w+)\}")
NARROW, WIDE = "\u202f", "\u00a0"


MAPPINGS = {"fr": "babel.cfg", "de": "portal/translations/de/sources.cfg"}


def kept(locale: str) -> Catalog:
    with (ROOT / f"portal/translations/{locale}/LC_MESSAGES/messages.po").open("rb") as file:
        return pofile.read_po(file, locale=locale)


@pytest.fixture(scope="module")
def french() -> Catalog:
    return kept("fr")


@pytest.fixture(scope="module")
def german() -> Catalog:
    return kept("de")


def said_by(mapping: str, target: Path) -> Catalog:
    """What the sources that a mapping names say now."""
    pybabel = Path(sys.executable).parent / "pybabel"
    options = [
        "-q",
        "extract",
        "-F",
        mapping,
        "-k",
        "_l",
        "-k",
        "lazy_gettext",
        "-k",
        "lazy_pgettext:1c,2",
        "-o",
        str(target),
        ".",
    ]
    subprocess.run([pybabel, *options], cwd=ROOT, check=True)
    with target.open("rb") as file:
        return pofile.read_po(file)


def ids(catalog):
    return {message.id for message in catalog if message.id}


@pytest.mark.parametrize("locale", MAPPINGS)
def test_nothing_is_missing_fuzzy_or_left_over(locale, tmp_path):
    catalogue, sources = kept(locale), said_by(MAPPINGS[locale], tmp_path / "messages.pot")
    assert len(ids(sources)) > 300, "the mapping names no sources any more"
    assert ids(sources) - ids(catalogue) == set(), "run `make words`, then translate"
    assert ids(catalogue) - ids(sources) == set()
    assert catalogue.obsolete == {}
    blank = [message.id for message in catalogue if message.id and not all(texts(message.string))]
    assert blank == []
    assert [message.id for message in catalogue if message.fuzzy and message.id] == []


def texts(string):
    return string if isinstance(string, tuple) else (string,)


@pytest.mark.parametrize("locale", MAPPINGS)
def test_placeholders_are_the_same(locale):
    for message in kept(locale):
        if not message.id:
            continue
        wanted = [set(PLACEHOLDER.findall(text)) for text in texts(message.id)]
        for text in texts(message.string):
            assert set(PLACEHOLDER.findall(text)) in wanted, message.id


def test_typography(french):
    wrong = []
    for message in french:
        if not message.id:
            continue
        for text in texts(message.string):
            bare = re.sub(r"https?://\S+|%\(\w+\)s|[a-z]+:[A-Za-z]|\d\d?:\d\d", "", text)
            if "'" in bare or '"' in bare:
                wrong.append(("straight quotes", text))
            if re.search(rf"[^{NARROW}{WIDE}?!:\s][?!;](?:\s|$)|\w »|« \w| [?!;:»]|« |{NARROW}:", bare):
                wrong.append(("spaces", text))
    assert wrong == []


PERSON = r"%\((?:name|customer|merchant|other|kept|who|browser|product)\)s"
NOT_FRENCH = {
    "d’/qu’ may be needed before a name": rf"\b(?:de|que|jusque|lorsque|puisque) {PERSON}",
    "a participle that takes the reader for a man": r"[Vv]ous (?:êtes|serez|étiez|avez été) (?:\w+ )?\w+é\b",
    "prélèvement effectué, not paiement prélevé": (
        r"[Pp]aiements? (?:\S+ ){0,6}(?:prélevé|pris)|prélève\w* (?:\S+ ){0,3}paiement"
    ),
    "a payment to come is a prélèvement": r"[Pp]rochain paiement",
}
ONE_WORD = {
    "rendu": r"[Rr]eparti",
    "Arrêt demandé": r"Fin demandée",
    "Date de résiliation souhaitée": r"Fin souhaitée|Jour choisi|Jour de fin souhaité",
    "identifiant PayPal": r"[Nn]uméro (?:\w+ ){0,4}chez PayPal",
    "identifiant de réponse PayPal": r"identifiant de diagnostic|Référence de PayPal|réponse n°",
    "email": r"[Cc]ourriel|[Mm]essagerie",
    "À traiter": r"À faire\b[^s]*:",
    "code": r"facteurs\b",
}


def test_what_a_native_would_not_write(french):
    """Kinds of faults that a reader found; each with the reason, or with the one word for the thing (words.md)."""
    wrong = [
        (reason, text)
        for message in french
        if message.id
        for text in texts(message.string)
        for reason, pattern in (NOT_FRENCH | ONE_WORD).items()
        if re.search(pattern, text)
    ]
    assert wrong == []


def test_the_desk_has_one_name_and_mail_another_one_alone(french):
    """words.md: espace marchand, and email, are each one word."""
    other = re.compile(r"espace de gestion|espace du marchand|\bbureau\b|l’administration\b")
    wrong = [text for message in french if message.id for text in texts(message.string) if other.search(text)]
    assert wrong == []


def test_german_typography(german):
    """„…“ for quotes, no space before a mark, a dash between spaces; and the reader is « Sie »."""
    wrong = []
    for message in german:
        for text in texts(message.string) if message.id else ():
            bare = re.sub(r"https?://\S+|%\(\w+\)[sd]", "x", text)
            if re.search(r"[\"'«»]|“(?!\W|$)|„\s|\s[!?;:]|\s-\s", bare):
                wrong.append(("typography", text))
            if re.search(r"\b(?:[Dd]u|[Dd]ein\w*|[Dd]ich|[Dd]ir|[Ee]uch|[Ee]uer\w*)\b", bare):
                wrong.append(("Sie", text))
    assert wrong == []


def test_a_place_that_a_mapping_names_is_there():
    """A file that was moved would leave its German behind without a word."""
    named = re.findall(r"^\[\w+: (.+)\]$", (ROOT / MAPPINGS["de"]).read_text(), re.MULTILINE)
    assert [place for place in named if not list(ROOT.glob(place))] == []
