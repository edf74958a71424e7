"""A merchant, their face, their keys at PayPal and what is told to them."""
