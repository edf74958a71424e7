"""Reaching PayPal for a merchant: the gateway of a key, and what an answer says of that key."""
