"""Documents that are handed over: their facts, their words, and the file made of them. Knows no Flask and no table."""
