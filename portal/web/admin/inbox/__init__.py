"""The desk's first page: what needs the merchant, a card each."""
