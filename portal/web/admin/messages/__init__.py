"""The desk's pages about PayPal's messages."""
