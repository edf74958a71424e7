"""Customers and staff: log-ins, sessions, devices, addresses."""
