"""How a subscription is ended, paused, taken up again, and what is asked of the merchant for it."""
