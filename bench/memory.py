"""What memory a process has, in MiB (Linux)."""

from __future__ import annotations

from pathlib import Path


def resident(process: int | str = "self") -> float:
    """Return what it holds now, pages that it shares among them."""
    return _line(process, "status", "VmRSS:")


def peak(process: int | str = "self") -> float:
    """Return the most it ever held. `ru_maxrss` will not do: it begins with the parent's."""
    return _line(process, "status", "VmHWM:")


def proportional(process: int | str) -> float:
    """Return what it holds now, of each shared page only its part of it."""
    return _line(process, "smaps_rollup", "Pss:")


def _line(process: int | str, file: str, name: str) -> float:
    lines = Path(f"/proc/{process}/{file}").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024
