"""Amounts, payments, what comes late, what goes back."""
