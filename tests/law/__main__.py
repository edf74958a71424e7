"""Write docs/law.md: `make law`."""

from __future__ import annotations

from tests.law.table import PAGE, marks, page, stated

PAGE.write_text(page(stated(), marks()), "utf-8")
print(f"written: {PAGE.name}")
