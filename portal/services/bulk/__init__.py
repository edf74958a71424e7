"""One act over many subscriptions: preview, run, result."""
