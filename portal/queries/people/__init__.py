"""Customers, staff, merchants, and the sessions in which they come."""
