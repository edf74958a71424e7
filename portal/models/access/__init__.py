"""What opens: products and what they grant, and until when somebody has it."""
