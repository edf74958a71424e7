"""Comparisons with PayPal: their runs, what differed, and whose turn it is to be read."""
