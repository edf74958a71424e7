"""Write docs/accessibilite.md anew: `make accessibility`."""

from __future__ import annotations

from portal.web.accessibility import audit, sample
from tests.accessibility.report import PLACE, written

PLACE.write_text(written(audit(), sample()), encoding="utf-8")
