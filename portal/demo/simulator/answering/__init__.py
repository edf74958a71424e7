"""What PayPal answers when it is asked: the REST API, the classic one, and what was set to go wrong."""
