"""Events for other systems: where they go, how they get there, and what became of them (docs/decisions/0035)."""
