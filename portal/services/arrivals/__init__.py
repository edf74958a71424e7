"""A subscription as PayPal shows it, wherever the news came from: taken over, read again."""
