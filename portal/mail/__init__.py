"""Composes messages, never sends them: one function per message, one folder of templates per message."""
