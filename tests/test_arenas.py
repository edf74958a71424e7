"""Threads share the C library's heaps: of a process whose threads each got one, each would keep its largest."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

THREADS = 8
# glibc's heaps of threads begin at multiples of 64 MiB; each of these threads is the only one to have allocated in its.
COUNTS = f"""
import sys, threading
from pathlib import Path
from portal import arenas

if sys.argv[1] == "few":
    assert arenas.keep_few()
here, held = threading.Barrier({THREADS} + 1), []

def take():
    held.append(bytearray(50_000))
    here.wait()
    here.wait()

for _ in range({THREADS}):
    threading.Thread(target=take).start()
here.wait()
begins = [int(line.split("-")[0], 16) for line in Path("/proc/self/maps").read_text().splitlines() if " rw-p " in line]
print(sum(begin % (64 * 2**20) == 0 for begin in begins), flush=True)
here.wait()
"""


def heaps(how: str) -> int:
    done = subprocess.run((sys.executable, "-c", COUNTS, how), capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has no such heaps")
def test_many_threads_share_few_heaps():
    assert heaps("few") <= 2
    assert heaps("as it comes") > 2, "else this test sees nothing"
