"""What a product opens, until when, and what is granted without a payment."""
