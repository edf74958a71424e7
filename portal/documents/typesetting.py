"""Setting a page with Typst: a template beside this file, data that is never markup, our own fonts and no clock.

A compiler serves one thread at a time ("Already borrowed" otherwise) and keeps what it has read: each of twelve threads
with its own held 12 MiB more of a process, as late as it met the last template.  So threads lend each other few; the
fonts, of which nothing is read before a page needs it, are shared.  PDF/UA-1 is asked for: what it forbids, a letter
that no font has among it, raises NotSet.  Typst is imported when it is needed: see portal/first_use.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from queue import LifoQueue
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from portal.documents.letters import BASE, folders

if TYPE_CHECKING:
    import typst

HERE: Final = Path(__file__).resolve().parent
MOST: Final = 2  # compilers of one template, and pages of it at once
Shelf: TypeAlias = "LifoQueue[typst.Compiler | None]"
_shelves: dict[str, Shelf] = {}


class NotSet(Exception):
    """The page cannot be set as it is; the text says why, and after the first ` what of it."""


def typeset(template: str, said: Mapping[str, Any], *, at: datetime) -> bytes:
    """Return the template of that name filled with `said`, as a PDF of that moment: the same bytes each time.

    Raises NotSet.
    """
    from typst import TypstError

    with _lent(template) as compiler:
        try:
            return cast(
                bytes,
                compiler.compile(
                    format="pdf",
                    pdf_standards=["ua-1"],
                    sys_inputs={"said": json.dumps(said, ensure_ascii=False)},
                    timestamp=at.astimezone(UTC).replace(microsecond=0),
                ),
            )
        except TypstError as error:
            raise NotSet(str(error)) from error


def read() -> None:
    """Read Typst, and the fonts that nearly every page is set in."""
    import typst

    page = f'#set text(font: "{BASE.family}", lang: "en"); a *b*'.encode()
    typst.compile(page, format="pdf", font_paths=_fonts(), ignore_system_fonts=True)


@contextmanager
def _lent(template: str) -> Iterator[typst.Compiler]:
    """Lend one of the template's compilers; whoever comes while all are out waits."""
    import typst

    shelf = _shelves.setdefault(template, _empty_shelf())
    compiler = shelf.get()
    try:
        if compiler is None:
            compiler = typst.Compiler(HERE / template, root=HERE, font_paths=_fonts(), ignore_system_fonts=True)
        yield compiler
    finally:
        shelf.put(compiler)


def _empty_shelf() -> Shelf:
    """Return MOST places on which no compiler lies yet; what was put there last is taken first."""
    shelf: Shelf = LifoQueue(MOST)
    for _place in range(MOST):
        shelf.put(None)
    return shelf


@cache
def _fonts() -> typst.Fonts:
    """Look once which fonts there are: ours, and those of the extra `cjk` where it is installed."""
    import typst

    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders())
