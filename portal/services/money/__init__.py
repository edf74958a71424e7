"""Payments as PayPal shows them, those that came after an end, and giving them back."""
