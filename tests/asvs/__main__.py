"""Write docs/security.md: `make security`."""

from __future__ import annotations

from tests.asvs.table import PAGE, chapters, page

PAGE.write_text(page(chapters()), "utf-8")
print(f"written: {PAGE.name}")
