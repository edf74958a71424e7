"""What the law asks, country by country: declarations, withdrawals, renewals, texts, how long what is kept."""
