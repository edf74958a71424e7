"""Setting a page with Typst: a template beside this file, data that is never markup, our own fonts and no clock.

A compiler serves one thread at a time ("Already borrowed" otherwise), so each thread keeps its own; the fonts, of
which nothing is read before a page needs it, are shared.  PDF/UA-1 is asked for: what it forbids, a letter that
no font has among it, raises NotSet.  Typst takes a moment to import: only who makes a document waits for it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from portal.documents.letters import folders

if TYPE_CHECKING:
    import typst

HERE: Final = Path(__file__).resolve().parent
_of_thread = threading.local()


class NotSet(Exception):
    """The page cannot be set as it is; the text says why, and after the first ` what of it."""


def typeset(template: str, said: Mapping[str, Any], *, at: datetime) -> bytes:
    """Return the template of that name filled with `said`, as a PDF of that moment: the same bytes each time.

    Raises NotSet.
    """
    from typst import TypstError

    try:
        return cast(
            bytes,
            _compiler(template).compile(
                format="pdf",
                pdf_standards=["ua-1"],
                sys_inputs={"said": json.dumps(said, ensure_ascii=False)},
                timestamp=at.astimezone(UTC).replace(microsecond=0),
            ),
        )
    except TypstError as error:
        raise NotSet(str(error)) from error


def _compiler(template: str) -> typst.Compiler:
    """Return this thread's compiler of the template."""
    import typst

    mine: dict[str, typst.Compiler] = _of_thread.__dict__.setdefault("compilers", {})
    if template not in mine:
        mine[template] = typst.Compiler(HERE / template, root=HERE, font_paths=_fonts(), ignore_system_fonts=True)
    return mine[template]


@cache
def _fonts() -> typst.Fonts:
    """Look once which fonts there are: ours, and those of the extra `cjk` where it is installed."""
    import typst

    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders())
