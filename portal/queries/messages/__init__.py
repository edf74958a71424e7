"""Every SELECT about PayPal's messages and where they arrive."""
