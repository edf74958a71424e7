"""Threads share the C library's heap, and it gives back what lies empty: else a process keeps its largest moment."""

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

if sys.argv[1] == "one":
    assert arenas.keep_small()
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
def test_many_threads_share_one_heap():
    assert heaps("one") == 0, "of threads: only the process has one"
    assert heaps("as it comes") > 2, "else this test sees nothing"


# Blocks of 50 kB lie one beside the other in a heap; every second of them is given back, then it is asked again.
LEFT = """
import gc, sys, time
from pathlib import Path
from portal import arenas

if sys.argv[1] == "small":
    arenas.EVERY = 0.05
    assert arenas.keep_small()

def held():
    line, = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024

gc.disable()  # by itself it may look in a while, or not

def block():
    one = [bytearray(b"x" * 50_000)]
    one.append(one)
    return one

blocks = [block() for _ in range(2000)]
most = held()
del blocks[::2]
patience = time.monotonic() + (20 if sys.argv[1] == "small" else 0.5)
while most - held() < 30 and time.monotonic() < patience:
    time.sleep(0.05)
print(most - held())
"""


def given_back(how: str) -> float:
    done = subprocess.run((sys.executable, "-c", LEFT, how), capture_output=True, text=True, check=True, timeout=60)
    return float(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has no such heaps")
def test_what_lies_empty_between_others_is_given_back():
    assert given_back("small") > 30  # MiB, of 48 that are no longer used
    assert given_back("as it comes") < 10, "else this test sees nothing"
