"""Requests to end, to pause and to come back, one by one and many at once."""
