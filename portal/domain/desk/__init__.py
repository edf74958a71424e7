"""What the merchant's team looks at: lists, what narrows them, figures, first steps."""
