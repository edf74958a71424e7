"""What libraries read when they are first used, read as a process starts: it is then as large as it gets.

Public holidays come with those of every country of the world (8 MiB), passwords are judged by lists of words (11),
documents need a typesetter and its fonts (8).  Each came when somebody first needed it: one process after the other
grew, for hours, by a step nobody could foresee.  It is read beside the first visitors, who do not wait for it.
"""

from __future__ import annotations

import gc
import threading
from datetime import date
from importlib import import_module
from typing import Final

from portal.documents import letters, typesetting
from portal.domain.law import withdrawals

DOCUMENTS: Final = ("fontTools.ttLib", "typst")
PAGES: Final = ("portal.providers.openid_keys", "segno", "zxcvbn")  # what no worker needs


def begin(*more: str) -> None:
    """Read it all, and `more` modules, beside what the process does; to end meanwhile takes half a second longer."""
    threading.Thread(target=read, args=more, name="first use").start()


def read(*more: str) -> None:
    """Read it all, and keep it out of the rubbish collector's rounds."""
    for module in (*DOCUMENTS, *more):
        import_module(module)
    withdrawals.working_day(date(2026, 1, 1), country="FR")
    letters.read()
    typesetting.read()
    gc.collect()
    gc.freeze()
