"""How fast the portal is, as ratios to the least program that does the same work (docs/performance.md)."""
