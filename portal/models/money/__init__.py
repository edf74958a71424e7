"""Payments, and what goes back or comes late."""
