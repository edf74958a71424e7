"""The customer's account page, and their own data as a file."""
