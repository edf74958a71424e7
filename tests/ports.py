"""Ports of this machine for servers that a test starts.

They lie below those that the kernel gives to whoever connects: a port that was asked of the kernel is free until
somebody connects anywhere, and with a thousand tests beside each other somebody does before the server listens.
"""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack, suppress
from typing import Final

HOST: Final = "127.0.0.1"
BELOW_THE_KERNELS: Final = (20_000, 32_000)

_chance = random.SystemRandom()  # the processes of a run start from one seed, and would all take the same


def free_port() -> int:
    """Return a port that nobody listens on."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return as many, all of them different."""
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            with suppress(OSError):
                probe = held.enter_context(socket.create_server((HOST, _chance.randrange(*BELOW_THE_KERNELS))))
                found.append(int(probe.getsockname()[1]))
    return found
