"""For whom a bug is planted: some would hide others, so each has its own subscriptions."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.chaos import points

OWN: Final = "planted"  # the folder in which a file per bug names the subscriptions that it is planted for


def keep_to(folder: Path, bug: str, subscriptions: Sequence[uuid.UUID]) -> None:
    """Plant a bug for these subscriptions; before that, it is planted for none."""
    (folder / OWN / bug).write_text("\n".join(map(str, subscriptions)))


def concerns(bug: str, subscription_id: uuid.UUID) -> bool:
    """Say whether a bug is planted for a subscription."""
    path = Path(os.environ[points.FOLDER]) / OWN / bug
    return path.exists() and str(subscription_id) in path.read_text().split()
