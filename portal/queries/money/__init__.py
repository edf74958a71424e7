"""Payments, those that came after an end, and refunds."""
