"""Messages: from PayPal, and mails to people."""
