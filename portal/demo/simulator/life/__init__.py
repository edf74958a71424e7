"""What happens at PayPal: its memory, its time, and what people and time do to a subscription."""
