"""Where a test's short-lived servers keep their files."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - Linux's own; making a database there takes a tenth of the time
ENOUGH: Final = 4 * 2**30  # bytes free


def make_folder(prefix: str) -> Path:
    """Make an empty folder, in memory where the machine has room for it; whoever asks removes it.

    Its path is short: a database's socket lives below it.  Others may enter: an embedded database that root starts
    runs as a user of its own.
    """
    roomy = os.access(IN_MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(IN_MEMORY).free > ENOUGH
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=IN_MEMORY if roomy else None))
    folder.chmod(0o755)
    return folder
