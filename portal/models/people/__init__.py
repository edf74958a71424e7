"""Customers and staff, how they log in, and what is done with what is known of them."""
