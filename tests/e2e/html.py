"""The Nu Html Checker beside the browser: what it says of a page as it came over the wire.

Java runs it. Run as a program this fetches the checker with npm, once, or says why there is none.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests

from tests.ports import free_port

VERSION: Final = "26.9.27"
SHA256: Final = "22f15dd39a33bed929d2a5c0cddf5946849a647eca9272bf4d5d00bc7e7a4d47"
JAR: Final = Path(__file__).parents[2] / "var" / "tools" / f"vnu-{VERSION}.jar"
PATIENCE: Final = 60.0  # seconds for its start


@dataclass(frozen=True)
class Checker:
    """A checker that listens on a port of this machine."""

    address: str

    def complaints(self, page: str) -> list[str]:
        """Return what is wrong with a page, and what it warns of, each with the piece of HTML it is about."""
        answer = requests.post(
            self.address,
            params={"out": "json"},
            data=page.encode(),
            headers={"Content-Type": "text/html; charset=utf-8"},
            timeout=PATIENCE,
        )
        answer.raise_for_status()
        return [
            f"{one['message']} {one.get('extract', '')}"
            for one in answer.json()["messages"]
            if one["type"] != "info" or one.get("subType") == "warning"
        ]


def missing() -> str:
    """Return why the checker cannot run here, in words; nothing when it can."""
    if shutil.which("java") is None:
        return "HTML is not checked: there is no Java (Debian: apt install default-jre-headless)."
    if not JAR.exists():
        return "HTML is not checked: `make html-checker` has not fetched the checker (it needs npm)."
    return ""


@contextmanager
def running() -> Iterator[Checker]:
    """Run the checker on a free port until the block ends."""
    port = free_port()
    options = ("-Xss8m", "-Dnu.validator.servlet.bind-address=127.0.0.1", "-cp", str(JAR))
    command = ("java", *options, "nu.validator.servlet.Main", str(port))
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(process, port)
        yield Checker(f"http://127.0.0.1:{port}/")
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"The HTML checker did not start (status {process.poll()}).")


def fetch() -> str:
    """Fetch the checker unless it is there; return why it could not be, nothing when it is there."""
    if JAR.exists():
        return ""
    if shutil.which("npm") is None:
        return "The HTML checker was not fetched: there is no npm (Debian: apt install npm)."
    JAR.parent.mkdir(parents=True, exist_ok=True)
    command = ("npm", "pack", "--silent", "--json", f"vnu-jar@{VERSION}", "--pack-destination", str(JAR.parent))
    packed = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if packed.returncode:
        return f"The HTML checker was not fetched: {packed.stderr.strip()[:300]}"
    package = JAR.parent / json.loads(packed.stdout)[0]["filename"]
    with tarfile.open(package) as whole:
        jar = whole.extractfile("package/build/dist/vnu.jar")
        content = jar.read() if jar is not None else b""
    package.unlink()
    if hashlib.sha256(content).hexdigest() != SHA256:
        return "The HTML checker that came is not the one that is expected; it is not used."
    JAR.write_bytes(content)
    return ""


if __name__ == "__main__":
    sys.stdout.write("\n".join(filter(None, [fetch(), missing()])))
