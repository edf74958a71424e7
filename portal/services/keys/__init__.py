"""The merchant's PayPal keys: entering, testing, replacing; and the master keys that seal them."""
