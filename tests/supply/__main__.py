"""`make supply`: NOTICE.md and the lock of an installation, anew. `make sbom`: the bill of materials to var/.

`make vulnerable OSV=FILE`: which libraries of the lock have a known weakness.
"""

from __future__ import annotations

import sys

from tests.supply import notice, parts

if sys.argv[1:] == ["sbom"]:
    from tests.supply import bill

    place = parts.ROOT / "var" / "sbom.cdx.json"
    place.parent.mkdir(exist_ok=True)
    place.write_text(bill.written(), encoding="utf-8")
    print(place)
elif sys.argv[1:2] == ["vulnerable"]:
    from tests.supply import weaknesses

    sys.exit(weaknesses.main(sys.argv[2:]))
else:
    notice.PLACE.write_text(notice.written(), encoding="utf-8")
    parts.SHIPPED_LOCK.write_text(parts.shipped_lock(), encoding="utf-8")
