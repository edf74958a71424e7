"""Pausing and resuming: what was asked, what became of it."""
