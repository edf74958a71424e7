"""Compiled statements of a process: those used last, up to a weight.

One with twenty conditions holds ten times what one with two does, its expressions above all.  Kept by their number, or
by the columns that they read, a process under mixed traffic grew for an hour: long ones took the places of short ones.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from threading import Lock
from typing import Any, Final

from sqlalchemy.engine.interfaces import Compiled

# What a statement weighs beside its text, in characters.  A character stands for some 35 bytes of what is held: of 422
# statements of the pages, taken out one by one, their texts told two thirds of the differences, their columns a third.
OWN: Final = 300


class Statements(MutableMapping[Any, Compiled]):
    """What SQLAlchemy takes for its cache (`compiled_cache`): the least recently used go once all weigh too much."""

    def __init__(self, most: int) -> None:
        self._most, self._weight = most, 0
        self._kept: OrderedDict[Any, tuple[Compiled, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Any, default: Any = None) -> Any:
        """Return a compiled statement, which is then the one used last."""
        with self._lock:
            if (found := self._kept.get(key)) is None:
                return default
            self._kept.move_to_end(key)
            return found[0]

    def __getitem__(self, key: Any) -> Compiled:
        found: Compiled | None = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: Any, value: Compiled) -> None:
        weight = OWN + len(value.string or "")
        with self._lock:
            self._take_out(key)
            self._kept[key], self._weight = (value, weight), self._weight + weight
            while self._weight > self._most and len(self._kept) > 1:
                self._take_out(next(iter(self._kept)))

    def __delitem__(self, key: Any) -> None:
        with self._lock:
            if key not in self._kept:
                raise KeyError(key)
            self._take_out(key)

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._kept))

    def __len__(self) -> int:
        return len(self._kept)

    def _take_out(self, key: Any) -> None:
        _value, weight = self._kept.pop(key, (None, 0))
        self._weight -= weight
