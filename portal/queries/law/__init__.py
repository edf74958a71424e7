"""Declarations, withdrawals, renewals, legal texts and what proves them."""
