"""The audit of accessibility as data: its report, and that nothing of it is missing."""
