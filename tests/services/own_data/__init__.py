"""Customers’ own data."""
