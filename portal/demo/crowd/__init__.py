"""Very many subscriptions that look real, written by COPY: for `make demo-large` and for what is measured (bench/)."""

from __future__ import annotations

from portal.demo.crowd.filling import fill, sizes
from portal.demo.crowd.offers import Crowd

__all__ = ["Crowd", "fill", "sizes"]
