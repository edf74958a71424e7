"""What PayPal shows against what is stored, each night."""
