"""`make soak`: mixed traffic with faults for as long as one asks, and whether anything grows (docs/soak.md)."""
