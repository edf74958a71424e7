"""PayPal's messages: webhooks and IPN, stored once, then handled by re-reading PayPal."""
