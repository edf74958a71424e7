"""The desk's pages of withdrawals: the refund that is due, and what was agreed when a contract began."""
