"""Asking for an end, taking it back, and the one door through which an end is written."""
