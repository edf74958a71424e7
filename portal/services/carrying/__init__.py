"""Carrying a wish to PayPal: claim, read, call, read back, settle, and try again; one engine for every act.

`engine` knows the way and its transactions, `answers` what PayPal's answers mean; `end_carrying`, `pause_carrying`,
`refund_carrying` and `settlement_carrying` each say what is theirs.
"""
