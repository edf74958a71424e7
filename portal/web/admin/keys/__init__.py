"""The desk's pages for the PayPal keys."""
