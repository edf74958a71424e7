"""`make supply`: NOTICE.md and the lock of an installation, anew. `make sbom`: the bill of materials to var/."""

from __future__ import annotations

import sys

from tests.supply import notice, parts

if sys.argv[1:] == ["sbom"]:
    from tests.supply import bill

    place = parts.ROOT / "var" / "sbom.cdx.json"
    place.parent.mkdir(exist_ok=True)
    place.write_text(bill.written(), encoding="utf-8")
    print(place)
else:
    notice.PLACE.write_text(notice.written(), encoding="utf-8")
    parts.SHIPPED_LOCK.write_text(parts.shipped_lock(), encoding="utf-8")
