"""Finds a browser for the tests: an installed Chromium, else Debian's by apt as root, else Playwright's own.

The headless shell comes first: the same engine without the windows of a desktop, at a quarter less of processor time.

Run as a program it prints the path, or says why there is none and ends with status 1.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PACKAGES = ("chromium-headless-shell", "chromium")  # Debian's; Ubuntu has neither
NAMES = (
    "chromium-headless-shell",
    "chrome-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
)
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
# No sandbox: containers forbid it to root. No name resolves but this machine's: the tests speak to nobody else.
LAUNCH_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
PATIENCE = 600  # seconds for an installation; on a slow line a browser is 150 MB


@dataclass(frozen=True, kw_only=True)
class Browser:
    """A browser that starts, or the reason why there is none."""

    path: str | None
    reason: str


def find_browser(environment: Mapping[str, str] = os.environ, *, install: bool = False) -> Browser:
    """Return the first browser that answers `--version`; with `install`, install one when there is none.

    PORTAL_BROWSER names one and is then the only one tried.
    """
    if asked := environment.get("PORTAL_BROWSER"):
        works = _starts(asked)
        return Browser(
            path=asked if works else None,
            reason=f"PORTAL_BROWSER is {asked}" + ("" if works else ", which does not start"),
        )
    if path := _installed(environment):
        return Browser(path=path, reason="installed")
    if not install:
        return Browser(path=None, reason=f"no browser found (looked for {', '.join(NAMES)}, and Playwright's own)")
    return _install(environment)


def _install(environment: Mapping[str, str]) -> Browser:
    said: list[str] = []
    if _is_root() and shutil.which("apt-get", path=environment.get("PATH")):
        said.append(_tried("apt-get", "update"))
        for package in PACKAGES:
            said.append(_tried("apt-get", "install", "-y", "--no-install-recommends", package))
            if path := _installed(environment):
                return Browser(path=path, reason="installed by apt-get")
    else:
        said.append("apt-get: not there, or not root")
    said.append(_tried(sys.executable, "-m", "playwright", "install", "chromium"))
    if path := _installed(environment):
        return Browser(path=path, reason="installed by Playwright")
    return Browser(path=None, reason="no browser could be installed: " + "; ".join(filter(None, said)))


def _installed(environment: Mapping[str, str]) -> str | None:
    found = [shutil.which(name, path=environment.get("PATH")) for name in NAMES]
    for path in (*filter(None, found), *PLACES, *_playwrights_own()):
        if _starts(path):
            return path
    return None


def _playwrights_own() -> Sequence[str]:
    source = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    answer = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False)
    return answer.stdout.split("\n")[:1] if answer.returncode == 0 else []


def _starts(path: str) -> bool:
    """Tell whether it runs at all: Ubuntu's `chromium` is a script that asks for a snap."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _tried(*command: str) -> str:
    """Run an installation step; return "" when it worked, else what it said last."""
    print("…", *command, file=sys.stderr, flush=True)
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]}: {error}"
    last = (answer.stderr.strip() or answer.stdout.strip() or "no word").splitlines()[-1]
    return "" if answer.returncode == 0 else f"{' '.join(command[:3])}: {last}"


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def main() -> int:
    """Print the browser's path, installing one if need be."""
    browser = find_browser(install=True)
    print(browser.path or browser.reason, file=sys.stdout if browser.path else sys.stderr)
    return 0 if browser.path else 1


if __name__ == "__main__":
    sys.exit(main())
